"""Plain words for the 1000 classes of ImageNet.

The classes are breeds and brands of parts ("Sealyham terrier", "car wheel"); people ask about dogs.
Classes that one everyday word covers share it, so that their chances add up; every other class goes
by one of its published names.
"""

from collections.abc import Collection, Sequence

NUM_CLASSES = 1000

# Class numbers in the order of the 2012 challenge, by everyday word.
EVERYDAY = {
    "accordion": "401",
    "airplane": "404 895",
    "baseball": "429",
    "bathtub": "435 876",
    "bear": "294-297",
    "bed": "564",
    "beer": "440-441",
    "beetle": "300 302-307",
    "bicycle": "444 671",
    "bird": "9-21 80-83 85-86 91-96 127-129 131-143 146",
    "boot": "514",
    "bread": "930",
    "bridge": "821 839 888",
    "bus": "654 779 874",
    "butterfly": "321-326",
    "camel": "354",
    "camera": "732 759",
    "car": "436 511 609 627 656 661 817",
    "cat": "281-285",
    "chair": "423 559 765",
    "chicken": "8",
    "clock": "409 530 892",
    "coat": "568 617 869",
    "coffee": "504 967",
    "compass": "635",
    "cow": "345",
    "crab": "118-121 125",
    "crocodile": "49-50",
    "dinosaur": "51",
    "dog": "151-268 275",
    "drum": "541 822",
    "duck": "97-98",
    "eagle": "22",
    "elephant": "101 385-386",
    "fish": "0-1 389-397",
    "fox": "277-280",
    "frog": "30-32",
    "gloves": "658",
    "goat": "350",
    "green apple": "948",
    "guitar": "402 546",
    "hamburger": "933",
    "helmet": "518 560",
    "horse": "339",
    "jeans": "608",
    "kangaroo": "104",
    "keyboard": "508 878",
    "laptop": "620 681",
    "leopard": "288-289",
    "lizard": "38-48",
    "lobster": "122-124",
    "lock": "507 695",
    "mirror": "475",
    "monitor": "664 782",  # not "screen", which is a word of questions, as is "stage"
    "monkey": "367-382",
    "motorcycle": "665",
    "mushroom": "947 992-997",
    "owl": "24",
    "panda": "387-388",
    "parrot": "87-90",
    "pen": "418 563",
    "penguin": "145",
    "pepper": "945",
    "phone": "487",
    "piano": "579 881",
    "pig": "341-343",
    "pumpkin": "607",
    "rabbit": "330-332",
    "rooster": "7",
    "sailboat": "484 780 871 914",
    "salamander": "25-29",
    "saw": "491",
    "shark": "2-4",
    "sheep": "348-349",
    "ship": "510 628 724",
    "shirt": "610",
    "skis": "795",
    "sloth": "364",
    "snake": "52-68",
    "socks": "806",
    "sofa": "831",
    "spider": "72-77",
    "spoon": "910",
    "squirrel": "335",
    "sunglasses": "836-837",
    "swan": "100",
    "telephone": "528 707",
    "tent": "672",
    "theater stage": "819",
    "tie": "451 457 906",
    "train": "466 547 820",
    "truck": "569 675 717 864 867",
    "turtle": "33-37",
    "watch": "531",
    "whale": "147-148",
    "wolf": "269-272",
}


def class_names(synsets: str, lemmas: str) -> list[tuple[str, ...]]:
    """Published names of every class, in the order of the classifier's outputs.

    Args:
        synsets: WordNet numbers of the classes, one a line.
        lemmas: lines of a WordNet number, a tab, and names with commas between them.
    """
    named = dict(line.split("\t", 1) for line in lemmas.splitlines())
    return [tuple(name.strip() for name in named[synset].split(",")) for synset in synsets.split()]


def plain_words(names: Sequence[Sequence[str]], known: Collection[str]) -> list[str]:
    """One word for each class.

    It is the everyday word, else the longest of the class's names in ``known``, else its first.
    """
    everyday = {number: word for word, numbers in EVERYDAY.items() for number in _numbers(numbers)}
    return [everyday.get(number) or _choose(found, known) for number, found in enumerate(names)]


def _choose(names: Sequence[str], known: Collection[str]) -> str:
    return max((name for name in names if name in known), key=len, default=names[0])


def _numbers(ranges: str) -> list[int]:
    """
    >>> _numbers("3 7-9")
    [3, 7, 8, 9]
    """
    found: list[int] = []
    for item in ranges.split():
        first, _, last = item.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
