"""The panel as HTML: fragments that can be sent one by one, and the whole page."""

from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError
from beltmark.web.assets import template_environment
from beltmark.web.live import LivePage
from beltmark.web.wording import Moments
from edge_agent.panel.ports import PersonsDesk
from edge_agent.panel.view import panel_view

SILENT_AFTER_S: Final = 4
"""A page that has heard nothing of the station for so long says so."""

_TEMPLATES: Final = template_environment(Path(__file__).parent / "templates")


def make_page(desk: PersonsDesk, now: float, told: str = "") -> LivePage:
    """Makes the panel anew."""
    draw = _TEMPLATES.get_template("panel_parts.html").make_module({"when": Moments(now)})
    try:
        view = panel_view(desk)
    except InputError as error:
        trouble = str(draw.trouble(str(error)))  # type: ignore[attr-defined]
        return LivePage("Panel", now, {"trouble": trouble}, is_blind=True, told=told)
    cards = {f"item-{c.item.item_id}": str(draw.waiting(c)) for c in view.waiting}  # type: ignore[attr-defined]
    return LivePage(
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


def render(page: LivePage) -> str:
    """The whole page as HTML."""
    return _TEMPLATES.get_template("panel.html").render(
        page=page,
        parts=page.fragments,
        trouble="",
        silent_after_s=SILENT_AFTER_S,
        when=Moments(page.now),
    )
