"""Turns what a page shows into HTML: fragments that can be sent one by one, and the whole page.

What stands in them is left to the pages' own modules; when they are sent, to `live`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from beltmark.web.assets import template_environment
from beltmark.web.wording import Moments
from fleet_server.api.context import Trouble

SILENT_AFTER_S: Final = 6
"""A page that has heard nothing of the server for so long says so."""

TROUBLE: Final = "trouble"

_TEMPLATES: Final = template_environment(Path(__file__).parent / "templates")


class NoSuchPage(Exception):  # noqa: N818 - it is what was asked for
    """There is nothing of this name; its text says what is missing."""


@dataclass(frozen=True)
class Page:
    """A page at a moment.

    Attributes:
        path: Its address.
        title: Its title.
        template: Name of its template.
        fragments: Its parts by their ids, each an element that has this id.
        lists: For the id of a list, the ids of its fragments in their order.
        now: The server's time, in seconds since the epoch.
        troubles: What is wrong with the server.
        is_live: Whether it is kept up to date.
    """

    path: str
    title: str
    template: str
    fragments: Mapping[str, Markup]
    now: float
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    troubles: Sequence[Trouble] = ()
    is_live: bool = True

    @property
    def is_blind(self) -> bool:
        """Whether what it shows may be old."""
        return any(trouble.is_blinding for trouble in self.troubles)


def parts_of(template: str, when: Moments) -> Callable[..., Markup]:
    """Gives a function that draws the parts of a template: `draw("row", station)`."""
    module = _TEMPLATES.get_template(template).make_module({"when": when})

    def draw(part: str, *values: Any) -> Markup:
        return Markup(getattr(module, part)(*values))

    return draw


def render(page: Page, when: Moments) -> str:
    """The whole page as HTML."""
    trouble = draw_trouble(page.troubles, when)
    return _TEMPLATES.get_template(page.template).render(
        page=page,
        parts=page.fragments,
        trouble=trouble,
        silent_after_s=SILENT_AFTER_S,
        when=when,
    )


def draw_trouble(troubles: Sequence[Trouble], when: Moments) -> Markup:
    """What is wrong with the server, as a fragment that every page has."""
    return parts_of("trouble.html", when)("trouble", troubles)
