"""Sizes of the symbols, so that everybody who draws them draws the same. Pure."""

import re

SSCC_MODULES = 156
"""Width of a GS1-128 of an SSCC: start, FNC1, ten pairs of digits, check, stop."""

LINEAR_QUIET_MODULES = 10

# ECC 200, square symbols up to what `^BX` takes: (modules, capacity in code words).
DATA_MATRIX_SIZES = (
    (10, 3),
    (12, 5),
    (14, 8),
    (16, 12),
    (18, 18),
    (20, 22),
    (22, 30),
    (24, 36),
    (26, 44),
    (32, 62),
    (36, 86),
    (40, 114),
    (44, 144),
    (48, 174),
)
_CODE_WORD = re.compile(r"[0-9]{2}|.", re.DOTALL)
_SPARE_CODE_WORDS = 2


def data_matrix_modules(data: str) -> int:
    """Returns the smallest square that surely holds FNC1 and the data.

    Counted in ASCII encodation, with a little to spare for encoders that change their encodation
    once too often: a printer prints nothing at all where the data does not fit. Naming the size
    makes all symbols of the same data equally large, whoever draws them.
    """
    code_words = 1 + len(_CODE_WORD.findall(data)) + _SPARE_CODE_WORDS
    for modules, capacity in DATA_MATRIX_SIZES:
        if code_words <= capacity:
            return modules
    raise ValueError(f"{len(data)} characters are more than a DataMatrix of an item can need")
