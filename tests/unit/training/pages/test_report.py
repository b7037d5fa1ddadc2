from html.parser import HTMLParser
from pathlib import Path

import pytest

from beltmark.contract.gate import CriterionResult, Decision, GateDocument
from beltmark.contract.package import load_package
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from training.charter.document import read_charter
from training.evaluate.section import Figure, Section, Table
from training.pages.charts import Curve, Estimate, Point, dot_chart, ticks, xy_chart
from training.pages.report import render_report, shown
from training.pages.vector import inline_svg

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;{{ 7 * 7 }}'
DIGEST = "1" * 64


class Elements(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def page(**more: object) -> str:
    images = tuple(
        LabelledImage(
            Path(f"{HOSTILE}.jpg"), 9, 9, f"{HOSTILE}{i}", "s", (),
            (LabelledObject(0, (0, 0, 5, 5), blurred=True),), attributes={"annotator": HOSTILE},
        )
        for i in range(3)
    )  # fmt: skip
    dataset = Dataset(Path("/data/a.json"), DIGEST, (HOSTILE,), images, 0)
    hostile_svg = f"<svg><text>{HOSTILE.replace('&', '&amp;').replace('<', '&lt;')}</text></svg>"
    section = Section(
        HOSTILE,
        HOSTILE,
        (HOSTILE,),
        {"ap50": 0.5, "missing": None, **{f"{HOSTILE}{i}": float(i) for i in range(20)}},
        (Table(HOSTILE, (HOSTILE, "b"), [(HOSTILE, None), ("x", 0.25)]), Table("none", ("a",), [])),
        (
            Figure(HOSTILE, "image/svg+xml", hostile_svg.encode()),
            Figure(HOSTILE, "image/svg+xml", b"<svg onload='x()'><script>y()</script></svg>"),
            Figure(HOSTILE, "image/png", b"\x89PNG"),
        ),
    )  # fmt: skip
    result = CriterionResult(
        name=HOSTILE, kind="floor", bound=0.9, confidence=0.95, passed=False, reason=HOSTILE
    )
    decision = Decision(
        number=0, previous=DIGEST, kind="gate", decided_at=HOSTILE, decided_by=HOSTILE,
        candidate=HOSTILE, candidate_sha256=DIGEST, charter=HOSTILE, charter_sha256=DIGEST,
        dataset=HOSTILE, dataset_sha256=DIGEST, passed=False, criteria=(result,),
    )  # fmt: skip
    given: dict[str, object] = {
        "made_at": HOSTILE,
        "sections": [section],
        "package": load_package(Path("beltmark/bundled/release/package")),
        "dataset": dataset,
        "parts": {HOSTILE: images[:2], "b": images[1:]},
        "stated": {"licence": HOSTILE},
        "told": (HOSTILE,),
        "mistakes": [Figure(HOSTILE, "image/jpeg", b"\xff\xd8")],
        "verdict": GateDocument(decision=decision, decision_sha256=DIGEST),
        "charter": read_charter(Path("training/charter/example.toml")),
    }
    return render_report(HOSTILE, **(given | more)).decode()  # type: ignore[arg-type]


def test_nothing_hostile_becomes_markup_and_nothing_is_fetched() -> None:
    elements = Elements(page())
    assert "script" not in elements.tags
    for name, value in elements.attributes:
        assert not name.startswith("on"), name
        if name in ("src", "href"):
            assert (value or "").startswith(("data:", "#")), value
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in (
        elements.attributes
    )
    assert (
        "49"
        not in page(sections=[], parts={}, dataset=None, package=None, charter=None).split(
            "</style>"
        )[1]
    )


def test_verdict_and_both_cards_are_there() -> None:
    text = page()
    for told in ("FAIL", "1 of 1 criteria do not hold", "Model card", "Data card", "not measured"):
        assert told in text
    assert "scenes in two parts" in text


def test_a_page_of_nothing_but_a_title_is_a_page() -> None:
    text = render_report("Bare", made_at="2026-11-30", sections=[]).decode()
    assert "Bare" in text
    assert "card" not in text.split("</style>")[1]


def test_what_nobody_stated_is_shown_as_such() -> None:
    text = page(charter=None, stated={}, verdict=None)
    assert "not stated (state it in the charter)" in text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "\u2013"),
        ("x", "x"),
        (0.123456, "0.1235"),
        (3.0, "3"),
        (-31767.4, "-31\u202f767"),
        (1234567, "1\u202f234\u202f567"),
    ],
)
def test_figures_read_as_people_write_them(value: float | str | None, told: str) -> None:
    assert shown(value) == told


@pytest.mark.parametrize(
    "content",
    [
        b"<svg><script>alert(1)</script></svg>",
        b"<svg><foreignObject/></svg>",
        b"<svg onload='x'/>",
        b"<svg><rect fill='url(http://example.org)'/></svg>",
        b"<svg><text fill='red;background:url(x)'/></svg>",
        b"<svg><a href='javascript:x'/></svg>",
        b"<svg><style>*{}</style></svg>",
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg><text>&a;</text></svg>",
        b"<html/>",
        b"no drawing",
        b"",
        b"<svg>" + b" " * 600_000 + b"</svg>",
    ],
)
def test_a_drawing_with_more_than_shapes_is_no_markup(content: bytes) -> None:
    assert inline_svg(content, "t") is None


def test_a_plain_drawing_becomes_markup_with_its_text_escaped() -> None:
    space = 'xmlns="http://www.w3.org/2000/svg"'
    content = f'<svg {space} viewBox="0 0 9 9"><text fill="#06c">&lt;b&gt;</text></svg>'.encode()
    assert inline_svg(content, 'a "title"') == (
        '<svg viewBox="0 0 9 9" aria-label="a &#34;title&#34;" role="img">'
        '<text fill="#06c" style="fill:#06c">&lt;b&gt;</text></svg>'
    )


def test_charts_take_what_is_missing() -> None:
    nan = float("nan")
    chart = xy_chart(
        [Curve("<a>", [(0, 0), (nan, 1), (1, 1)]), Curve("none", [])],
        title="<t>", x="x", y="y", points=[Point(0.5, 0.5, "<p>")], x_range=None, y_range=None,
    )  # fmt: skip
    assert "nan" not in chart
    assert "<a>" not in chart
    assert inline_svg(str(chart).encode(), "t") is not None
    dots = dot_chart(
        [Estimate("<a>", None), Estimate("b", 1.0, bound=1.0, is_good=True)], title="t"
    )
    assert "not measured" in dots
    assert inline_svg(str(dots).encode(), "t") is not None


@pytest.mark.parametrize("span", [(0.0, 1.0), (-0.3, 0.02), (0.0, 3e7), (5.0, 5.0), (0.97, 0.98)])
def test_ticks_are_few_and_within(span: tuple[float, float]) -> None:
    found = ticks(span)
    assert len(found) <= 8
    assert all(span[0] - 1e-9 <= tick <= span[1] + 1e-9 for tick in found)
