"""Two places for releases: one runs, the other takes the next; at each moment one of them is whole.

    slots/state.json        which slot runs, and which may stand in for it
    slots/a/release/        a release's files
    slots/a/receipt.json    what they must be
    slots/b/…

A slot is written in an order such that the power may go between any two steps: first it is struck
off as a stand-in, then its receipt goes, then come the files, and its new receipt last. What is
signed, and whether it is fit to run, is left to others.
"""

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beltmark.contract.bundle import Bundle, BundleFile
from beltmark.contract.documents import Document, read_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import Sha256
from beltmark.contract.release import Release, load_release
from edge_agent.update.disk import Disk, RealDisk, remove_tree, write_whole
from edge_agent.update.errors import ReleaseRefused, SlotDamaged
from edge_agent.update.receipts import (
    Receipt,
    check_files,
    load_checked,
    read_receipt,
)
from edge_agent.update.staging import fill

logger = logging.getLogger(__name__)

SlotName = Literal["a", "b"]

_RECEIPT = "receipt.json"


class SlotState(Document):
    """`state.json`.

    Attributes:
        active: The slot that runs; None while the station file's own release does.
        fallback: The slot that ran before, as long as it is whole.
    """

    format_version: Literal[1] = 1
    active: SlotName | None = None
    fallback: SlotName | None = None


@dataclass(frozen=True)
class Booted:
    """What a station starts with.

    Attributes:
        release: The release.
        trouble: Why it is not the one that ran before; empty if it is.
    """

    release: Release
    trouble: str = ""


@dataclass(frozen=True)
class Staged:
    """A release in the free slot, each file of which was read and is what it should be."""

    folder: Path
    bundle: Bundle


class Slots:
    """The slots of one station. For use from one thread at a time.

    Args:
        folder: The folder `slots`; made when it is needed.
        factory_release: The release that the station file names.
        disk: Where slots are written.
        is_recalled: Whether the fleet signs a release no more: then it stands in for no other.
    """

    def __init__(
        self,
        folder: Path,
        factory_release: Path,
        disk: Disk | None = None,
        is_recalled: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._folder, self._factory = folder, factory_release
        self._is_recalled = is_recalled
        self._disk: Disk = disk or RealDisk()
        self._state = SlotState()

    @property
    def free(self) -> SlotName:
        """The slot that takes the next release."""
        return "b" if self._state.active == "a" else "a"

    def boot(self, prove: Callable[[Release], None] = lambda _: None) -> Booted:
        """Finds the release to start with: that of the slot that runs, else a whole one.

        Args:
            prove: Finds out whether a whole release can still run here: its files may be as they
                were, and the libraries or the processor not. Raises InputError where it cannot.

        Raises:
            InputError: Not even the station file's own release can be used.
        """
        troubles: list[str] = []
        try:
            self._state = self._known()
        except InputError as error:
            troubles.append(str(error))
        known = self._state
        for slot in (known.active, known.fallback):
            if slot is None:
                continue
            try:
                release = self._load(slot)
                if slot != known.active and self._is_recalled(release.name):
                    raise SlotDamaged(f"holds {release.name}, which was recalled")
                prove(release)
            except (SlotDamaged, InputError) as problem:
                troubles.append(f"slot {slot}: {problem}")
                continue
            if slot != known.active:
                self._note(SlotState(active=slot))
            return Booted(release, _told(troubles, release))
        self._state = SlotState()
        release = load_release(self._factory)
        prove(release)
        return Booted(release, _told(troubles, release))

    def look(self) -> tuple[SlotName, Release] | None:
        """Reads the slot that runs; None while the station file's own release does.

        Raises:
            InputError: What is noted of the slots cannot be used, or the release does not load.
            SlotDamaged: The slot is not what its receipt says.
        """
        known = self._known()
        return None if known.active is None else (known.active, self._load(known.active))

    def standing(self) -> tuple[Path, ...]:
        """Folders of the releases that a start would try, in this order; none of them is loaded.

        Raises:
            InputError: What is noted of the slots cannot be used.
        """
        known = self._known()
        slots = [slot for slot in (known.active, known.fallback) if slot is not None]
        return (*(self._folder / slot / "release" for slot in slots), self._factory)

    def stage(
        self, bundle: Bundle, bundle_sha256: Sha256, fetch: Callable[[BundleFile], Path]
    ) -> None:
        """Makes the free slot hold a release, durably, with its receipt.

        What lies in the free slot already stays, what the running release has is copied; the rest
        is fetched. What `fetch` raises ends it; what was fetched by then is still there next time.

        Args:
            bundle: What to stage, from a document whose signatures hold.
            bundle_sha256: Digest of that document.
            fetch: Gives a file's place, its content verified; the file is removed after.

        Raises:
            ReleaseRefused: The disk is full or cannot be written; the slot is cleaned.
        """
        try:
            self._begin()
            fill(self._disk, self._slot / "release", bundle, self._running, fetch)
            self._disk.sync_folder(self._slot)
            self._disk.sync_folder(self._folder)
            self._write(self._slot / _RECEIPT, Receipt(bundle_sha256=bundle_sha256, bundle=bundle))
        except OSError as error:
            self.drop()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ReleaseRefused("the disk is full: free some space, then ask again") from None
            raise ReleaseRefused(f"the slot cannot be written: {error}") from None
        except ReleaseRefused:
            self.drop()
            raise

    def holds(self, release: str) -> bool:
        """Whether a release lies in the free slot, as far as its receipt tells."""
        try:
            return read_receipt(self._slot / _RECEIPT).bundle.release == release
        except SlotDamaged:
            return False

    def staged(self, release: str) -> Staged:
        """Reads back what lies in the free slot.

        Raises:
            SlotDamaged: It is not, or not all, that release as it was staged.
        """
        receipt = read_receipt(self._slot / _RECEIPT)
        if receipt.bundle.release != release:
            raise SlotDamaged(f"holds {receipt.bundle.release}, not {release}")
        check_files(self._slot / "release", receipt.bundle)
        return Staged(self._slot / "release", receipt.bundle)

    def load(self, staged: Staged) -> Release:
        """Loads what was read back.

        Raises:
            InputError: It does not load, or is another release than the one signed.
        """
        return load_checked(staged.folder, staged.bundle)

    def activate(self) -> None:
        """Notes that what lies in the free slot runs from now on; what ran may stand in for it.

        Raises:
            OSError: It cannot be written; it is nevertheless true until the next start.
        """
        self._state = SlotState(active=self.free, fallback=self._state.active)
        self._write(self._state_path, self._state)

    def note(self) -> None:
        """Writes once more which slot runs.

        Raises:
            OSError: It cannot be written.
        """
        self._write(self._state_path, self._state)

    def drop(self) -> None:
        """Cleans the free slot, unless it is the one that may stand in."""
        if self._state.fallback == self.free:
            return
        try:
            self._remove_receipt()
            remove_tree(self._disk, self._slot)
        except OSError as error:
            logger.warning("slot %s cannot be cleaned: %s", self.free, error)

    @property
    def _state_path(self) -> Path:
        return self._folder / "state.json"

    @property
    def _slot(self) -> Path:
        return self._folder / self.free

    @property
    def _running(self) -> Path:
        active = self._state.active
        return self._factory if active is None else self._folder / active / "release"

    def _known(self) -> SlotState:
        path = self._state_path
        return read_document(path, SlotState) if path.exists() else SlotState()

    def _load(self, slot: SlotName) -> Release:
        receipt = read_receipt(self._folder / slot / _RECEIPT)
        folder = self._folder / slot / "release"
        check_files(folder, receipt.bundle)
        return load_checked(folder, receipt.bundle)

    def _begin(self) -> None:
        """From here on the free slot is no stand-in any more, nor is it whole."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        if not self._folder.exists():
            self._disk.make_folder(self._folder)
            self._disk.sync_folder(self._folder.parent)
        self._state = SlotState(active=self._state.active)
        self._write(self._state_path, self._state)
        self._disk.make_folder(self._slot)
        self._remove_receipt()
        self._disk.make_folder(self._slot / "release")

    def _remove_receipt(self) -> None:
        if (self._slot / _RECEIPT).exists():
            self._disk.remove(self._slot / _RECEIPT)
            self._disk.sync_folder(self._slot)

    def _note(self, state: SlotState) -> None:
        self._state = state
        try:
            self._write(self._state_path, state)
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._state_path, error)

    def _write(self, path: Path, document: Document) -> None:
        write_whole(self._disk, path, (document.model_dump_json(indent=2) + "\n").encode())


def _told(troubles: list[str], release: Release) -> str:
    return f"{'; '.join(troubles)}; {release.name} runs instead" if troubles else ""
