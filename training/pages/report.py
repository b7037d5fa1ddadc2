"""Makes one HTML page that needs nothing else: verdict, figures, mistakes, model card, data card.

All text is escaped by the template, pictures are inside the page, and the page forbids itself to
fetch or run anything. What stands in the sections is left to those who measure.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from beltmark.contract.gate import CriterionResult, GateDocument
from beltmark.contract.package import ModelPackage
from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.web.assets import STATIC_FOLDER, template_environment
from training.charter.document import Charter
from training.evaluate.section import Cell, Figure, Section
from training.pages.cards import class_counts, data_card, model_card
from training.pages.charts import Estimate, dot_chart
from training.pages.lineage import stated_of
from training.pages.vector import inline_svg

_HERE: Final = Path(__file__).parent
SHOWN_NUMBERS: Final = 12
"""Numbers of a section that stand open; the others can be unfolded."""


@dataclass(frozen=True)
class Drawing:
    """A figure as the template takes it; one of the two is given."""

    title: str
    markup: Markup | None
    source: str


def render_report(
    title: str,
    *,
    made_at: str,
    sections: Sequence[Section],
    package: ModelPackage | None = None,
    dataset: Dataset | None = None,
    parts: Mapping[str, Sequence[LabelledImage]] | None = None,
    stated: Mapping[str, str] | None = None,
    told: Sequence[str] = (),
    mistakes: Sequence[Figure] = (),
    verdict: GateDocument | None = None,
    charter: Charter | None = None,
) -> bytes:
    """Returns the page, as UTF-8.

    Args:
        title: Of the page.
        made_at: ISO 8601, by the caller's clock.
        sections: In the order of the page.
        package: Gives the model card.
        dataset: Gives the data card.
        parts: Of the dataset, by name, such as train and test.
        stated: What the dataset's lineage states: see `cards.data_card`; without it, a snapshot
            is asked itself.
        told: Sentences under the title, first the one that matters most.
        mistakes: Pictures of the worst mistakes; their titles are captions.
        verdict: Of the gate; stands on top.
        charter: Tells in the cards what the model is for.
    """
    parts = parts or {}
    page = _environment().get_template("report.html")
    text = page.render(
        title=title,
        made_at=made_at,
        style=_style(),
        mark=_data_uri("image/svg+xml", (STATIC_FOLDER / "mark.svg").read_bytes()),
        told=told,
        sections=sections,
        mistakes=[drawing_of(figure) for figure in mistakes],
        verdict=verdict,
        verdict_charts=_verdict_charts(verdict),
        model_parts=model_card(package, charter) if package else [],
        data_parts=data_card(
            dataset, parts, charter, stated_of(dataset.path) if stated is None else stated
        )
        if dataset
        else [],
        part_names=tuple(parts) or ("boxes",),
        counts=class_counts(dataset, parts) if dataset else [],
        shown_numbers=SHOWN_NUMBERS,
    )
    return text.encode()


def drawing_of(figure: Figure) -> Drawing:
    """Lets a figure into a page: a plain drawing as markup, all else as a picture."""
    if figure.media_type == "image/svg+xml":
        markup = inline_svg(figure.content, figure.title)
        if markup is not None:
            return Drawing(figure.title, markup, "")
    return Drawing(figure.title, None, _data_uri(figure.media_type, figure.content))


def shown(value: Cell) -> str:
    """Writes a figure as people read it: four digits that count; a dash for what is not known."""
    if value is None:
        return "–"  # noqa: RUF001 - a dash
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if (float(value).is_integer() or abs(value) >= 1e4) and abs(value) < 1e15:
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.4g}"


def is_number(value: Cell) -> bool:
    """Whether a cell belongs to the right."""
    return value is None or not isinstance(value, str)


def words(name: str) -> str:
    """A number's name as words."""
    return name.replace("_", " ")


def _verdict_charts(verdict: GateDocument | None) -> list[Drawing]:
    """One chart for what is between 0 and 1, one for what is held against the champion."""
    if verdict is None:
        return []
    criteria = verdict.decision.criteria
    shares = [
        Estimate(each.name, each.value, each.low, each.high, each.bound, each.passed)
        for each in criteria
        if each.kind != "champion" and _is_share(each)
    ]
    compared = [
        Estimate(
            each.name,
            _less(each.value, each.champion),
            each.low,
            each.high,
            -each.bound if each.low is not None else each.bound,
            each.passed,
        )
        for each in criteria
        if each.kind == "champion"
    ]
    drawings = []
    if shares:
        title = "Value, interval, and the bound it is held against"
        drawings.append(Drawing(title, dot_chart(shares, title=title), ""))
    if compared:
        title = "Candidate less champion, interval, and the margin"
        drawings.append(Drawing(title, dot_chart(compared, title=title), ""))
    return drawings


def _is_share(each: CriterionResult) -> bool:
    numbers = (each.value, each.bound)
    return all(number is None or 0 <= number <= 1 for number in numbers)


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


@cache
def _style() -> Markup:
    """Our own style sheets, which are no input."""
    sheets = (STATIC_FOLDER / "beltmark.css", _HERE / "report.css")
    return Markup("\n").join(Markup(sheet.read_text()) for sheet in sheets)


@cache
def _environment() -> Environment:
    environment = template_environment(_HERE / "templates")
    environment.filters.update(shown=shown, words=words)
    environment.tests.update(numeric=is_number)
    environment.globals.update(drawing_of=drawing_of)
    return environment
