"""The panel as HTML: fragments that can be sent one by one, and the whole page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.web.assets import template_environment
from beltmark.web.wording import Moments
from edge_agent.panel.ports import PersonsDesk
from edge_agent.panel.view import panel_view

SILENT_AFTER_S: Final = 4
"""A page that has heard nothing of the station for so long says so."""

_TEMPLATES: Final = template_environment(Path(__file__).parent / "templates")


@dataclass(frozen=True)
class PanelPage:
    """The panel at a moment, as `base.html` and the script want it.

    Attributes:
        title: Its title.
        now: The station's time, in seconds since the epoch.
        fragments: Its parts by their ids.
        lists: For the id of a list, the ids of its fragments in their order.
        is_blind: Whether what it shows may be old.
        told: What just went wrong with what the person asked for; empty if nothing.
    """

    title: str
    now: float
    fragments: Mapping[str, str]
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_blind: bool = False
    told: str = ""
    path: str = "/"
    is_live: bool = True


def make_page(desk: PersonsDesk, now: float, told: str = "") -> PanelPage:
    """Makes the panel anew."""
    draw = _TEMPLATES.get_template("panel_parts.html").make_module({"when": Moments(now)})
    try:
        view = panel_view(desk)
    except InputError as error:
        trouble = str(draw.trouble(str(error)))  # type: ignore[attr-defined]
        return PanelPage("Panel", now, {"trouble": trouble}, is_blind=True, told=told)
    cards = {f"item-{c.item.item_id}": str(draw.waiting(c)) for c in view.waiting}  # type: ignore[attr-defined]
    return PanelPage(
        f"{view.standing.station}: {view.sentence.lower()}",
        now,
        {
            "trouble": str(draw.trouble("")),  # type: ignore[attr-defined]
            "state": str(draw.state(view)),  # type: ignore[attr-defined]
            "none-waiting": str(draw.none_waiting(view)),  # type: ignore[attr-defined]
            "latest": str(draw.latest(view)),  # type: ignore[attr-defined]
            "skus": str(draw.skus(view)),  # type: ignore[attr-defined]
            **cards,
        },
        {"waiting": tuple(cards)},
        told=told,
    )


def render(page: PanelPage) -> str:
    """The whole page as HTML."""
    return _TEMPLATES.get_template("panel.html").render(
        page=page,
        parts=page.fragments,
        trouble="",
        silent_after_s=SILENT_AFTER_S,
        when=Moments(page.now),
    )
