"""One label at the applicator, from the printer to its item: printed is not applied. Pure.

free       nothing lies there
expecting  a label was sent to the printer and may come out
waiting    it came out; its item comes, and the applicator is to say that it is on it
stuck      it lies there and its item has gone to a person, or nobody knows: a person removes it

Only a person, or the applicator's own word, leads out of `stuck`: whatever lies there would land on
the next item. Committing and telling others is left to `applicator`.
"""

from dataclasses import dataclass
from typing import Literal

Standing = Literal["free", "expecting", "waiting", "stuck"]
DoWhat = Literal["apply", "cancel", "applied", "not_applied", "cleared"]


@dataclass(frozen=True)
class Effect:
    """What is to be done about an item's label; `told` says why, for a person."""

    what: DoWhat
    item_id: str
    told: str = ""


class Handshake:
    """The applicator as it is known. For use under one lock. Times are on the steady clock.

    Args:
        timeout_s: Running time of the belt after which a label that came out must be on its item.

    Attributes:
        standing: How it stands.
        told: Why it is stuck.
    """

    def __init__(self, timeout_s: float) -> None:
        self.standing: Standing = "free"
        self.told = ""
        self._timeout_s = timeout_s
        self._item = ""
        self._left_s = 0.0
        self._advanced_at: float | None = None
        self._was_early = False

    @property
    def item_id(self) -> str:
        """Whose label it is about."""
        return self._item

    def expect(self, item_id: str) -> None:
        """A label is about to be sent to a printer."""
        if self.standing == "free":
            self.standing, self._item, self._was_early = "expecting", item_id, False

    def gone(self, item_id: str) -> None:
        """A label that was expected surely does not come out."""
        if self.standing == "expecting" and self._item == item_id:
            self.standing = "free"

    def came_out(self, item_id: str, unwanted: str = "") -> list[Effect]:
        """A label came out, or perhaps did; `unwanted` says why it must not get onto its item."""
        was_early = self._was_early and self._item == item_id
        before = self._other_there(item_id)
        is_missed = before and self.standing == "waiting"
        missed = self._missed("another label came out onto it") if is_missed else []
        self._item, self._was_early = item_id, False
        if before:
            # Out of the other printer, or from before the start: which one gets applied is chance.
            self._stick(
                f"the labels of items {before} and {item_id} wait at the applicator: remove them"
            )
            told = f"the label of item {before} lay there"
            own = [] if unwanted else [Effect("not_applied", item_id, told)]
            return [*missed, Effect("cancel", item_id), *own]
        if was_early and not unwanted:
            return self._applied("as soon as it had come out")
        if unwanted:
            self._stick(f"the label of item {item_id} waits at the applicator {unwanted}")
            return [Effect("cancel", item_id)]
        self.standing, self._left_s = "waiting", self._timeout_s
        return [Effect("apply", item_id)]

    def applied(self, item_id: str | None) -> list[Effect]:
        """The applicator says that it put a label onto an item; None where it names none."""
        if self.standing == "waiting" and item_id in (None, self._item):
            return self._applied("the applicator says so")
        if self.standing == "expecting" and item_id in (None, self._item):
            self._was_early = True
        elif self.standing == "stuck" and item_id in (None, self._item):
            # Onto what, nobody knows: its own item had gone to a person.
            self._stick(f"the label of item {self._item} was applied too late: look where it is")
        return []

    def failed(self, told: str) -> list[Effect]:
        """The applicator says that it cannot."""
        return self._missed(told) if self.standing == "waiting" else []

    def cleared(self, who: str) -> list[Effect]:
        """Nothing lies at the applicator any more, as a person or the applicator says."""
        if self.standing not in ("waiting", "stuck"):
            return []
        missed = self._missed(f"{who} cleared it") if self.standing == "waiting" else []
        self.standing, self.told = "free", ""
        return [*missed, Effect("cleared", self._item, f"by {who}")]

    def advance(self, now: float, *, stands: bool) -> list[Effect]:
        """Lets time pass; it counts only while the belt may run."""
        before, self._advanced_at = self._advanced_at, now
        if self.standing != "waiting" or before is None or stands:
            return []
        self._left_s -= max(0.0, now - before)
        if self._left_s > 0:
            return []
        return self._missed("the applicator did not say in time that it is on its item")

    def _other_there(self, item_id: str) -> str:
        """The item whose label lies there as another one comes out; empty if none does."""
        return self._item if self.standing in ("waiting", "stuck") and self._item != item_id else ""

    def _applied(self, told: str) -> list[Effect]:
        self.standing = "free"
        return [Effect("applied", self._item, told)]

    def _missed(self, told: str) -> list[Effect]:
        self._stick(f"the label of item {self._item} waits at the applicator: remove it")
        return [Effect("cancel", self._item), Effect("not_applied", self._item, told)]

    def _stick(self, told: str) -> None:
        self.standing, self.told = "stuck", told
