"""What about a station needs a person: what is wrong, since when, and what to do. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from beltmark.contract.messages import Heartbeat
from beltmark.contract.records import PartHealth
from beltmark.web.wording import count, duration
from fleet_server.domain.presence import Presence
from fleet_server.pages.updates import Update
from fleet_server.storage.device_reads import StoredDevice
from fleet_server.storage.gap_reads import Gap
from fleet_server.storage.overview import Minute

Tone = Literal["stopped", "attention", "unknown", "running", "off"]
"""How a station is, the worst first: it does not work; it works, but not well; nobody knows; it
works; it was switched off.
"""

TONES: Final[tuple[Tone, ...]] = ("stopped", "attention", "unknown", "running", "off")

CLOCK_OFF_S: Final = 10.0
MANY_WAITING: Final = 1_000
UNKNOWN_FOR_S: Final = 60.0
MALFORMED_FOR_S: Final = 3_600.0
_REVIEWED_MINUTES: Final = 10
_REVIEWED_LEAST: Final = 5
_REVIEWED_SHARE: Final = 0.25

_MENDS: Final[Mapping[str, str]] = {
    "printer": "See to the printer: paper, ribbon, lid, cable, power. The belt goes on by itself.",
    "camera": "See to the camera: power, cable, light, lens. The belt goes on by itself.",
    "journal": "Free disk space on the station's computer.",
    "outbox": "Free disk space on the station's computer.",
    "inference": "The station's computer is too busy or stands still: look at it, start it anew.",
    "station": "Look at the station: what it says names what it waits for.",
    "photo_eye": "See to the photo-eye: lens, alignment, power, cable; and to the item, where one "
    "passed that the camera did not see.",
    "outputs": "See to the relay or PLC: power, cable, network. The belt goes on by itself.",
    "divert": "Look for the item and take it off the belt; then say so at the station's panel, or "
    "with beltmark-edge release.",
    "applicator": "Take the label away from the applicator; then say so at the station's panel, or "
    "with beltmark-edge release.",
    "verification": "Look at the item that it names and its label; then say so at the station's "
    "panel, or with beltmark-edge release.",
    "scan": "See to the scan camera: power, cable, light, lens. The belt goes on by itself.",
    "serials": "Look at the network to the server, and at beltmark-fleet serials. Without numbers, "
    "items go to a person.",
    "warehouse": "Look at the warehouse system and the network to it. Results wait in the "
    "station's journal.",
    "agent": "It goes on when its agent is started again.",
}
_MEND_OF_A_LINE: Final = "See to this output: power and cable of its relay."
_MEND_OF_A_PART: Final = "Look at the station; its log tells more."


@dataclass(frozen=True)
class Concern:
    """Something about a station that a person should know.

    Attributes:
        tone: How bad it is: stopped, attention, or unknown.
        what: What it is.
        mend: What to do.
        since: Since when, in seconds since the epoch; None where that is not known.
    """

    tone: Tone
    what: str
    mend: str
    since: float | None = None


@dataclass(frozen=True)
class Known:
    """What is known of a station.

    Attributes:
        stored: The device, as it was last heard.
        presence: Whether it is there.
        update: How far it is with its release.
        minutes: The last minutes, the latest last.
        open_gaps: Records that are missing.
        now: The server's time, in seconds since the epoch.
        started_at: When the server started.
    """

    stored: StoredDevice
    presence: Presence
    update: Update
    minutes: Sequence[Minute | None]
    open_gaps: Sequence[Gap]
    now: float
    started_at: float


def current_heartbeat(stored: StoredDevice) -> Heartbeat | None:
    """The last heartbeat, if it is of the session that goes on."""
    heartbeat, birth = stored.heartbeat, stored.birth
    if heartbeat is not None and birth is not None and heartbeat.session < birth.session:
        return None
    return heartbeat


def concerns(known: Known) -> list[Concern]:
    """Returns what needs a person, the worst first."""
    found = [*_of_presence(known)]
    if known.presence.state == "online":
        found += _of_parts(known)
        found += _of_clock(known)
        found += _of_reviews(known.minutes)
        found += _of_records(known)
    found += _of_update(known.update)
    found += _of_malformed(known)
    return sorted(found, key=lambda concern: TONES.index(concern.tone))


def tone_of(known: Known, found: Sequence[Concern]) -> Tone:
    """Returns how a station is, all in all. Running is only what is heard and said to run."""
    worst = found[0].tone if found else None
    match known.presence.state:
        case "silent":
            return "stopped"
        case "offline":
            return "stopped" if known.stored.signs.end_reason != "stopped" else "off"
        case "unknown":
            return "attention" if worst == "attention" else "unknown"
    if current_heartbeat(known.stored) is None:
        return worst or "unknown"
    return worst or "running"


def _of_presence(known: Known) -> Iterator[Concern]:
    presence = known.presence
    match presence.state:
        case "silent":
            yield Concern(
                "stopped",
                "No sign of life, though its connection stands",
                "Look whether the station's computer hangs, and at its network.",
                presence.since,
            )
        case "offline" if known.stored.signs.end_reason != "stopped":
            yield Concern(
                "stopped",
                "The connection was lost",
                "Look at the station's power and network. It works on without the server, and "
                "sends what it has when it is back.",
                presence.since,
            )
        case "unknown" if known.now - known.started_at > UNKNOWN_FOR_S:
            yield Concern(
                "attention",
                "Not heard since the server started",
                "Look whether the station is switched on and reaches the broker.",
                presence.since,
            )


def _of_parts(known: Known) -> Iterator[Concern]:
    heartbeat = current_heartbeat(known.stored)
    if heartbeat is None:
        return
    objecting = heartbeat.problems if not heartbeat.may_run else {}
    for name, told in objecting.items():
        part = heartbeat.parts.get(name)
        since = part.since if part is not None and part.state != "ok" else None
        yield Concern("stopped", f"The {name} holds the belt: {told}", _mend(name), since)
    if not heartbeat.may_run and not objecting:
        yield Concern("stopped", "The belt stands; the station does not say why", _mend("station"))
    for name, part in heartbeat.parts.items():
        if name not in objecting and part.state != "ok":
            yield _of_part(name, part)


def _of_part(name: str, part: PartHealth) -> Concern:
    state = "not known yet" if part.state == "unknown" else part.state
    what = f"{name.capitalize()}: {part.told or state}"
    tone: Tone = "unknown" if part.state == "unknown" else "attention"
    return Concern(tone, what, _mend(name), part.since)


def _of_clock(known: Known) -> Iterator[Concern]:
    offset_s = known.stored.clock_offset_s
    if offset_s is not None and abs(offset_s) > CLOCK_OFF_S:
        side = "ahead" if offset_s > 0 else "behind"
        yield Concern(
            "attention",
            f"Its clock is {duration(offset_s)} {side}",
            "Set the clock of the station's computer, best from a time server.",
        )


def _of_reviews(minutes: Sequence[Minute | None]) -> Iterator[Concern]:
    latest = [minute for minute in minutes[-_REVIEWED_MINUTES:] if minute is not None]
    reviewed = sum(minute.reviewed for minute in latest)
    decided = sum(minute.printed + minute.reviewed + minute.rejected for minute in latest)
    if reviewed >= _REVIEWED_LEAST and reviewed >= _REVIEWED_SHARE * decided:
        yield Concern(
            "attention",
            f"Reviewing: {count(reviewed)} of the last {count(decided)} items were left to people",
            "Look at the samples: is it a new product, the light, or the camera?",
        )


def _of_records(known: Known) -> Iterator[Concern]:
    heartbeat = current_heartbeat(known.stored)
    if heartbeat is not None and heartbeat.waiting >= MANY_WAITING:
        yield Concern(
            "attention",
            f"{count(heartbeat.waiting)} records wait to be sent: what is shown is not the latest",
            "Nothing, while the number falls. If it does not, look at the network.",
        )
    missing = [gap for gap in known.open_gaps if is_wanted(gap, known.stored)]
    if missing:
        number = sum(gap.last - gap.first + 1 for gap in missing)
        yield Concern(
            "attention",
            f"{count(number)} records are missing",
            "Nothing: the station is asked for them.",
            min(gap.seen_at for gap in missing),
        )


def is_wanted(gap: Gap, stored: StoredDevice) -> bool:
    """Whether a gap may still be filled: the outbox that numbered its records is still there."""
    return gap.outcome == "open" and (stored.birth is None or gap.stream == stored.birth.stream)


def _of_update(update: Update) -> Iterator[Concern]:
    if update.stage == "refused":
        yield Concern(
            "attention",
            f"Refused release {update.wanted}: {update.reason or 'it does not say why'}",
            "Nothing stands: the release before runs on. Push another, or go back.",
            update.since,
        )


def _of_malformed(known: Known) -> Iterator[Concern]:
    stored = known.stored
    if stored.malformed_at is not None and known.now - stored.malformed_at < MALFORMED_FOR_S:
        yield Concern(
            "attention",
            f"{count(stored.malformed)} of its messages could not be used; "
            f"the last: {stored.malformed_told}",
            "Are the agent's and the server's versions neighbours?",
            stored.malformed_at,
        )


def _mend(part: str) -> str:
    if part.startswith("output"):
        return _MEND_OF_A_LINE
    return _MENDS.get(part, _MEND_OF_A_PART)
