"""How an item and its label read on the pages. Pure, but for asking whether a picture is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from beltmark.contract.records import ItemMessage
from beltmark.contract.sample import PictureKind
from beltmark.contract.terms import LabelState, Outcome
from fleet_server.handlers.pictures import PictureFolder, PictureName
from fleet_server.pages.attention import Tone

_OUTCOMES: Final[Mapping[Outcome, str]] = {
    "PRINT": "Label",
    "REVIEW": "Left to a person",
    "REJECT": "Rejected",
}
_LABEL_STATES: Final[Mapping[LabelState, tuple[str, Tone]]] = {
    "decided": ("waits for the printer", "unknown"),
    "queued": ("waits for the printer", "unknown"),
    "sending": ("is being sent", "unknown"),
    "sent": ("sent, not out yet", "unknown"),
    "printed": ("printed", "off"),
    "unknown": ("may or may not be on it: look at the item", "attention"),
    "failed": ("did not come out", "attention"),
    "late": ("too late, not printed", "attention"),
    "applied": ("on the item", "off"),
    "verified": ("read back on the item", "off"),
    "voided": ("void", "attention"),
    "diverted": ("the item is off the belt", "attention"),
}
_NO_LABEL: Final[Mapping[bool, tuple[str, Tone]]] = {True: ("", "attention"), False: ("", "off")}

HasPicture = Callable[[PictureName], bool]


@dataclass(frozen=True)
class ItemView:
    """An item as it is shown.

    Attributes:
        item: The item, as it stands.
        device: The device that decided.
        at: When it was decided, by the server's clock.
        href: Its own page.
        crop: Address of its picture; None if there is none.
        label: Address of its label's picture; None if there is none.
        outcome: What was decided, in words.
        print_told: What became of its label; empty if it is to get none.
        tone: How that is: a person should look at it, it is not known yet, or it is settled.
    """

    item: ItemMessage
    device: str
    at: float
    href: str
    crop: str | None
    label: str | None
    outcome: str
    print_told: str
    tone: Tone

    @property
    def name(self) -> str:
        """What it is, as far as is known."""
        return self.item.sku or self.item.class_name or "not recognised"


def item_view(item: ItemMessage, device: str, shift_s: float, has_picture: HasPicture) -> ItemView:
    """Returns an item as it is shown.

    Args:
        item: The item.
        device: The device that decided.
        shift_s: By how much its times are to be reduced.
        has_picture: Whether a picture is there.
    """

    def picture(kind: PictureKind) -> str | None:
        if not has_picture(PictureName(device, item.item_id, kind)):
            return None
        return f"/api/v1/devices/{quote(device)}/items/{quote(item.item_id)}/{kind}"

    print_told, tone = _NO_LABEL[item.outcome == "REVIEW"]
    if item.outcome == "PRINT":
        print_told, tone = _label_told(item)
    return ItemView(
        item=item,
        device=device,
        at=item.decided_at - shift_s,
        href=f"/devices/{quote(device)}/items/{quote(item.item_id)}",
        crop=picture("crop"),
        label=picture("label") if item.outcome == "PRINT" else None,
        outcome=_OUTCOMES[item.outcome],
        print_told=print_told,
        tone=tone,
    )


def _label_told(item: ItemMessage) -> tuple[str, Tone]:
    """What became of a label, and how that is; by the coarser word where the fine one is new."""
    for state, told in _LABEL_STATES.items():
        if state == item.label_state:
            return told
    return _LABEL_STATES[item.print_state or "decided"]


def has_picture_in(folder: PictureFolder) -> HasPicture:
    """Whether a picture is in a folder."""
    return lambda name: folder.path(name).is_file()
