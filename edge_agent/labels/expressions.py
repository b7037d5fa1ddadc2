"""Evaluates a layout's expressions (`{{ product.name }}`) over item, product and unit; bounded.

Only lookups, comparisons, choices and the filters below: no statement, call or
arithmetic can make a text longer than the layout's author wrote it. What a text may contain is
left to those who draw it.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateError, UndefinedError, nodes
from jinja2.sandbox import SandboxedEnvironment

from edge_agent.labels.errors import LabelError
from edge_agent.labels.gs1 import normal_gtin

Context = Mapping[str, Mapping[str, object]]
"""`item`, `product` and `unit`, each with its plain fields."""

MAX_TEXT_CHARACTERS = 1_024

_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.Filter,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
)
_DATE_FORMAT = re.compile(r"(?:%[YmdHMSyjbBaA%]|[^%]){1,40}")


class _Unknown(StrictUndefined):
    """A name that has no value, as a person is told of it."""

    @property
    def _undefined_message(self) -> str:
        return f"{self._undefined_name} is not known of this item"


def _only_plain(value: object) -> object:
    """Lets only plain values become text: no method, mapping or None slips onto a label."""
    if isinstance(value, StrictUndefined) or (
        isinstance(value, str | int | float) and not isinstance(value, bool)
    ):
        return value
    raise ValueError(f"a value of type {type(value).__name__} is no text")


def _text(value: object) -> str:
    return str(_only_plain(value))


def _date(value: object, pattern: str = "%Y-%m-%d") -> str:
    """A time as text: seconds since the epoch (in UTC) or a datetime (in its own zone)."""
    if not _DATE_FORMAT.fullmatch(pattern):
        raise ValueError(f"{pattern!r} is no date format")
    if isinstance(value, datetime):
        return value.strftime(pattern)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC).strftime(pattern)
    raise ValueError(f"{value!r} is no time")


def _decimals(value: object, places: int = 0) -> str:
    """A number with so many decimal places."""
    if not isinstance(value, int | float) or not 0 <= places <= 6 or abs(value) > 1e15:
        raise ValueError(f"{value!r} cannot be shown with {places} decimals")
    return f"{value:.{places}f}"


def _padded(value: object, width: int) -> str:
    """A number or text with zeros before it."""
    if not 0 <= width <= 40:
        raise ValueError(f"cannot pad to {width}")
    return _text(value).zfill(width)


def _default(value: object, instead: object) -> object:
    """`instead` where the value is missing or empty."""
    return instead if isinstance(value, StrictUndefined) or value in (None, "") else value


_FILTERS: dict[str, Callable[..., object]] = {
    "upper": lambda value: _text(value).upper(),
    "lower": lambda value: _text(value).lower(),
    "trim": lambda value: _text(value).strip(),
    "date": _date,
    "decimals": _decimals,
    "padded": _padded,
    "default": _default,
    "gtin14": lambda value: normal_gtin(_text(value)),
}


def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(
        undefined=_Unknown, finalize=_only_plain, autoescape=False, cache_size=0
    )
    environment.filters = dict(_FILTERS)
    environment.tests = {}
    environment.globals = {}
    return environment


_ENVIRONMENT = _environment()


@lru_cache(maxsize=1_024)
def compiled(source: str, file: str, field: str) -> "Expression":
    """Returns the expression, compiled at its first use; see `Expression`."""
    return Expression(source, file, field)


class Expression:
    """A text with expressions in it, compiled once.

    Args:
        source: The Jinja2 source.
        file: Name of the layout, for messages.
        field: Name of the element's field, for messages.

    Raises:
        LabelError: The source is not valid, or does more than expressions do.
    """

    def __init__(self, source: str, file: str, field: str) -> None:
        self._file, self._field, self._source = file, field, source
        try:
            tree = _ENVIRONMENT.parse(source)
            self._check(tree)
            self._template = _ENVIRONMENT.from_string(source)
        except TemplateError as error:
            raise self._wrong(f"{source!r}: {error}", "correct the expression") from None

    def evaluate(self, context: Context) -> str:
        """Returns the text.

        Raises:
            LabelError: A name is not in the context, or a value does not suit.
        """
        try:
            text = self._template.render(context)
        except UndefinedError as error:
            raise self._wrong(
                f"{self._source!r}: {error.message}",
                "correct the name, or say what stands there without it: | default('-')",
            ) from None
        except (TemplateError, ValueError, TypeError, ArithmeticError, OSError) as error:
            raise self._wrong(str(error), "correct the expression or the data") from None
        if len(text) > MAX_TEXT_CHARACTERS:
            raise self._wrong(
                f"gives {len(text)} characters", f"at most {MAX_TEXT_CHARACTERS} are possible"
            )
        return text

    def _check(self, tree: nodes.Template) -> None:
        for node in tree.find_all(nodes.Node):
            if not isinstance(node, _NODES):
                raise self._wrong(
                    f"{type(node).__name__.lower()} is not possible in a layout",
                    "only expressions over item, product and unit are",
                )

    def _wrong(self, problem: str, mend: str) -> LabelError:
        return LabelError(problem, mend, file=self._file, field=self._field)
