"""Fills a customer's own ZPL template. Its ZPL is trusted as written, the inserted values are not.

Expressions stand inside `^FD … ^FS` only. What a value may contain depends on what the field is,
since each bar code has function characters of its own; the rest is written in hexadecimal.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from edge_agent.labels.errors import LabelError
from edge_agent.labels.escaping import HEX, check_field, escaped
from edge_agent.labels.expressions import Context, Expression

_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_COMMAND = re.compile(r"\^([A-Za-z0-9@]{2})([^^]*)", re.DOTALL)
_PLACEHOLDER = re.compile("[\ue000-\uf8ff]")
_MAX_EXPRESSIONS = 256
_END = re.compile(rb"\^XZ", re.IGNORECASE)
_DRAWING = frozenset(("FD", "FV", "GB", "GC", "GD", "GE", "GF", "GS", "XG", "XF", "IM", "IL"))
_FORBIDDEN = {
    "CC": "changes the prefix of commands",
    "CT": "changes the prefix of commands",
    "CD": "changes the delimiter",
    "DF": "stores the label and prints nothing",
}


@dataclass(frozen=True)
class _Kind:
    """What may be inserted into a field of one kind; only printable characters in any case."""

    allowed: re.Pattern[str]
    told: str


# Some firmware prints a backslash as a cent sign.
_TEXT = _Kind(re.compile(r"[^\\]*"), "printable characters without \\")
_BLOCK = _Kind(re.compile(r"[^\\<]*"), "printable characters without \\ and <")
_CODE_128 = _Kind(re.compile(r"[ -=?-~]*"), "printable ASCII without >")
_GS1_128 = _Kind(re.compile(r"[!-'*-=?-~]*"), "printable ASCII without >, space and parentheses")
_DIGITS = _Kind(re.compile(r"[0-9]*"), "digits")
_QR = _Kind(re.compile(r"[ -~]*"), "printable ASCII")
_OTHER_BAR_CODE = _Kind(re.compile(r"[A-Za-z0-9 .\-]*"), "letters, digits, space, . and -")


@dataclass(frozen=True)
class _Field:
    """Field data with values in it: literal bytes and expressions in turn."""

    parts: tuple[bytes | Expression, ...]
    kind: _Kind
    indicator: str


def fill_template(source: str, context: Context, name: str, copies: int = 1) -> bytes:
    """Returns the template's label with the values of one item.

    Args:
        source: The ZPL with expressions in it.
        context: The fields of `item` and `product`.
        name: The layout's name, for messages.
        copies: How many of it come out; the catalogue's word, not the template's.

    Raises:
        LabelError: The template is not one whole format, or a value is not possible in its field.
    """
    written = []
    for piece in _compiled(source, name):
        if isinstance(piece, bytes):
            written.append(_END.sub(b"^PQ%d,0,0,N^XZ" % copies, piece) if copies > 1 else piece)
            continue
        data = b"".join(_inserted(part, piece, context, name) for part in piece.parts)
        check_field(data, name)
        written.append(data)
    return b"".join(written)


def _inserted(part: bytes | Expression, field: _Field, context: Context, name: str) -> bytes:
    if isinstance(part, bytes):
        return part
    value = part.evaluate(context)
    if not (value.isprintable() and field.kind.allowed.fullmatch(value)):
        raise LabelError(
            f"{value!r} cannot be put into this field, only {field.kind.told}",
            "correct the data",
            file=name,
            field="zpl",
        )
    return escaped(value, field.indicator, name)


@lru_cache(maxsize=64)
def _compiled(source: str, name: str) -> tuple[bytes | _Field, ...]:
    if _PLACEHOLDER.search(source) or "{%" in source or "{#" in source:
        raise _wrong(name, "holds more than ZPL and {{ expressions }}", "remove the rest")
    expressions = [Expression(found, name, "zpl") for found in _EXPRESSION.findall(source)]
    if len(expressions) > _MAX_EXPRESSIONS:
        raise _wrong(name, "has too many expressions", f"use at most {_MAX_EXPRESSIONS}")
    numbers = iter(range(len(expressions)))
    skeleton = _EXPRESSION.sub(lambda _: chr(0xE000 + next(numbers)), source).strip()
    _check_format(skeleton, name)
    return tuple(_pieces(skeleton, expressions, name))


def _check_format(skeleton: str, name: str) -> None:
    codes = [match.group(1).upper() for match in _COMMAND.finditer(skeleton)]
    if not (codes and codes[0] == "XA" and codes[-1] == "XZ") or skeleton[:1] != "^":
        raise _wrong(name, "is not one format from ^XA to ^XZ", "begin with ^XA, end with ^XZ")
    if codes.count("XA") > 1 or codes.count("XZ") > 1:
        raise _wrong(name, "holds several formats", "one item gets one label: keep one format")
    if "~" in skeleton:
        raise _wrong(name, "holds a ~ command", "a label needs none: remove it")
    for code in codes:
        if code in _FORBIDDEN:
            raise _wrong(name, f"^{code} {_FORBIDDEN[code]}", "remove it")
    if any(int(number or 1) != 1 for number in re.findall(r"(?i)\^PQ([0-9]*)", skeleton)):
        raise _wrong(
            name,
            "prints several copies",
            "write ^PQ1: the catalogue says how many",
        )
    if any(number != "28" for number in re.findall(r"(?i)\^CI([0-9]*)", skeleton)):
        raise _wrong(name, "uses another character set than UTF-8", "write ^CI28")
    if not _DRAWING.intersection(codes):
        raise _wrong(name, "draws nothing, so that no label comes out", "put a ^FD field in it")


def _pieces(skeleton: str, expressions: list[Expression], name: str) -> Iterator[bytes | _Field]:
    kind, indicator = _TEXT, None
    for match in _COMMAND.finditer(skeleton):
        code, data = match.group(1).upper(), match.group(2)
        has_values = _PLACEHOLDER.search(data) is not None
        if has_values and code not in ("FD", "FV"):
            raise _wrong(name, f"an expression in ^{code}", "put expressions between ^FD and ^FS")
        if code in ("FS", "XA"):
            kind, indicator = _TEXT, None
        elif code == "FH":
            indicator = data.strip()[:1] or HEX
        elif code in ("FB", "TB"):
            kind = _BLOCK
        elif code[0] == "B" and code != "BY":
            kind = _bar_code(code, [part.strip() for part in data.split(",")], name)
        if has_values:
            yield b"" if indicator else f"^FH{HEX}".encode("ascii")
            yield f"^{code}".encode("ascii")
            yield _filled(data, expressions, kind, indicator)
        else:
            yield f"^{code}{data}".encode()
        if code == "XA":
            yield b"^CI28"


def _filled(data: str, expressions: list[Expression], kind: _Kind, indicator: str | None) -> _Field:
    parts: list[bytes | Expression] = []
    for piece in re.split(f"({_PLACEHOLDER.pattern})", data):
        if _PLACEHOLDER.fullmatch(piece):
            parts.append(expressions[ord(piece) - 0xE000])
        elif indicator is None:
            # We bring ^FH in: what the author wrote must stay as it is.
            parts.append(piece.replace(HEX, f"{HEX}{ord(HEX):02X}").encode())
        else:
            parts.append(piece.encode())
    return _Field(tuple(parts), kind, indicator or HEX)


def _bar_code(code: str, parameters: list[str], name: str) -> _Kind:
    """What may be inserted into this bar code; decoded `^FH` meets its function characters."""
    parameters += [""] * (8 - len(parameters))
    match code:
        case "BC":
            return {"D": _GS1_128, "U": _DIGITS}.get(parameters[5].upper(), _CODE_128)
        case "BX":
            quality, escape = parameters[2], parameters[6]
            if quality != "200" or len(escape) != 1:
                raise _wrong(
                    name,
                    "^BX does not state its quality 200 and its escape character",
                    "write ^BXN,<dots>,200,,,6,#",
                )
            without = re.compile(rf"(?:(?!{re.escape(escape)})[ -~])*")
            return _Kind(without, f"printable ASCII without {escape}")
        case "BQ":
            return _QR
        case _:
            return _OTHER_BAR_CODE


def _wrong(name: str, problem: str, mend: str) -> LabelError:
    return LabelError(problem, mend, file=name, field="zpl")
