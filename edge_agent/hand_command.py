"""What a person asks of a station by a command: void, reprint, release; has its agent do it.

Without an agent, a label can still be declared void: this process is the journal's writer then.
"""

import getpass
import os
import time
from pathlib import Path
from uuid import uuid4

from beltmark.contract.errors import InputError
from edge_agent.hand_requests import HandRequest, ask
from edge_agent.outputs.seen_to import SeenTo
from edge_agent.printing.by_hand import LONGEST_REASON, LONGEST_WHO, words
from edge_agent.printing.hand_writes import HandRefused, write_hand_void
from edge_agent.printing.journal import Journal
from edge_agent.printing.journal_lock import is_in_use
from edge_agent.printing.reading import read_item
from edge_agent.settings import StationFile, read_settings


def void_label(station: Path, item: str, reason: str, who: str) -> str:
    """Declares an item's label void, whether or not an agent runs; returns what was done.

    Raises:
        InputError: There is no such item, it has no label, or the printer may still have it.
    """
    settings = read_settings(station)
    found = read_item(settings.journal_path, item).item
    if is_in_use(settings.journal_path):
        _ask(settings, HandRequest(what="void", item_id=found.item_id, reason=reason, who=who))
    else:
        _void_alone(settings, found.item_id, reason, who)
    return f"item {found.item_id}: label {found.serial} is void"


def reprint_label(station: Path, item: str, sku: str | None, who: str) -> str:
    """Has an item's label printed anew into a person's hand; returns what to do then.

    Raises:
        InputError: No agent runs, its label is not void, or nothing can hold the belt.
    """
    settings = _running(station)
    found = read_item(settings.journal_path, item).item
    named = sku or found.sku
    if named is None:
        raise InputError(
            f"what item {found.item_id} is, is not known", "say it: --sku SKU", field="--sku"
        )
    _ask(settings, HandRequest(what="label", item_id=found.item_id, sku=named, who=who))
    return (
        f"item {found.item_id}: a label of {named} is printed for {who}; the belt stands until it "
        f"is taken: beltmark-edge reprint {station} {item} --taken"
    )


def take_label(station: Path, item: str, who: str) -> str:
    """Says that the label printed for a person is off the printer; returns what was done.

    Raises:
        InputError: No agent runs, or there is no such label.
    """
    settings = _running(station)
    found = read_item(settings.journal_path, item).item
    _ask(settings, HandRequest(what="taken", item_id=found.item_id, who=who))
    return f"item {found.item_id}: its label is taken; the belt may run"


def release_belt(station: Path, what: SeenTo, who: str) -> None:
    """Says that what the belt stands for was seen to.

    Raises:
        InputError: No agent runs, or it does not answer.
    """
    settings = read_settings(station)
    if not is_in_use(settings.journal_path):
        raise InputError("no agent runs here", "start it first", file=station)
    _ask(settings, HandRequest(what="release", seen_to=what, who=who))


def user() -> str:
    """Returns the name of whoever runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user that the system has no name for
        return f"user {os.getuid()}"


def _running(station: Path) -> StationFile:
    settings = read_settings(station)
    if not is_in_use(settings.journal_path):
        raise InputError(
            "no agent runs on this station, and nobody else prints its labels",
            "start it: beltmark-edge run",
            file=station,
        )
    return settings


def _ask(settings: StationFile, request: HandRequest) -> None:
    ask(settings.station.data, request, uuid4().hex)


def _void_alone(settings: StationFile, item_id: str, reason: str, who: str) -> None:
    """Without an agent this process is the journal's writer, under the same lock."""
    who, reason = words(who, "who", LONGEST_WHO), words(reason, "reason", LONGEST_REASON)
    journal = Journal(settings.journal_path, settings.station.name)
    try:
        journal.write(
            lambda connection: write_hand_void(connection, item_id, reason, who, time.time())
        ).result()
    except HandRefused as refusal:
        raise InputError(refusal.problem, refusal.mend) from None
    finally:
        journal.close()
