"""English words of a question that is asked after another one."""

# What is asked of a thing and names none; by hand, from what people ask next.
ATTRIBUTES = """
age big bit bought brand broken called cheap close cold color colored colors colour coloured colours
cost costs detail details else expensive explain fast feel good heard heavy high hot
instance kind kinds know large long made make material mean means name named names number old other
part price quick reason result said says shape size small sort sorts sound speak speed spoken tall
talk talking tell think told type types use used want wants wear wearing weigh went wide
work works worn write written young holding hold
"""
FILM = (
    r"(?:videos?|films?|movies?|clips?|footage|recordings?|screen|pictures?|images?|scenes?"
    r"|frames?)"
)
PRONOUN = (
    r"(?:it|its|itself|he|him|his|himself|she|her|hers|herself|they|them|their|theirs|themselves"
    rf"|there|then|same|(?:this|that|these|those)(?! {FILM}\b))"
)
