"""How wide a text is in the printer's scalable font 0, told rather too wide than too narrow.

The advances are those of the resident font (CG Triumvirate Bold Condensed) as Zebra printers print
it, in parts of the font's height. The backslash is left out: some firmware prints it as a cent
sign.
"""

import math
import unicodedata

CAP_HEIGHT = 0.75
"""Height of capitals, hence also the distance of the base line from the top of the field."""

MIN_HEIGHT_DOTS = 10
"""The font's smallest height; a printer asked for less prints this."""

_SAFETY = 1.02
_ADVANCES: dict[float, str] = {
    0.25: "ijl",
    0.285: " !'(),./:;I[]`ft",
    0.345: "r",
    0.375: "z",
    0.44: "?Jcksvxy",
    0.47: '"#$*0123456789Laeo',
    0.5: "EFTZ^_bdghnpqu{|}",
    0.535: "CSV",
    0.565: "ABKOPQXY",
    0.595: "DGR",
    0.625: "&HNU",
    0.66: "w",
    0.75: "Mm",
    0.815: "W",
    0.91: "%+-=@",
    1.0: "<>~",
}
_ASCII = {character: advance for advance, many in _ADVANCES.items() for character in many}
# Latin letters without a decomposition, and signs; a wide guess is a safe one.
_OTHERS = {
    character: advance
    for advance, many in {
        0.5: "ßøłđħŧıŋ¡¿¢£¥€§°²³¹·ªº",
        0.7: "ØŁĐĦŦŊÞþðÐµ¶",
        1.0: "ÆæŒœ±\u00d7÷«»©®¼½¾",  # u00d7: the multiplication sign
    }.items()
    for character in many
}


def composed(text: str) -> str:
    """The text with accents and letters put together (NFC), as the font has them."""
    return unicodedata.normalize("NFC", text)


def base_letter(character: str) -> str:
    """The letter without its accents: `é` gives `e`."""
    return unicodedata.normalize("NFD", character)[0]


def advance(character: str) -> float | None:
    """Advance of one character in parts of the font's height; None: not in the font."""
    if character in _ASCII:
        return _ASCII[character]
    if character in _OTHERS:
        return _OTHERS[character]
    if "\u00c0" <= character <= "\u017e" and base_letter(character) != character:
        return _ASCII.get(base_letter(character))
    return None


def unknown_characters(text: str) -> list[str]:
    """The characters that the font does not have, each once."""
    return sorted({character for character in text if advance(character) is None})


def advance_dots(character: str, height_dots: int) -> int:
    """Advance of one character in dots; small letters are drawn on whole dots, hence rounded up."""
    return math.floor((advance(character) or 0.0) * height_dots) + 1


def width_dots(text: str, height_dots: int) -> int:
    """Width of a line of known characters, in dots; at least what the printer needs."""
    return math.ceil(sum(advance_dots(character, height_dots) for character in text) * _SAFETY)
