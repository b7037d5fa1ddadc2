"""Messages of a made-up device, for the fleet's tests."""

from collections.abc import Iterable

from beltmark.contract.messages import Birth, Heartbeat, RecordBatch, Reported
from beltmark.contract.records import Record, SequenceRange

DEVICE, STREAM = "belt-1", "stream-1"
SENT_AT = 10_000.0


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self, now: float = SENT_AT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def birth(session: int = 1, *, device: str = DEVICE, stream: str = STREAM, **more: object) -> Birth:
    return Birth(device=device, session=session, at=SENT_AT, stream=stream, **more)


def heartbeat(session: int = 1, at: float = SENT_AT, device: str = DEVICE) -> Heartbeat:
    return Heartbeat(device=device, session=session, at=at, may_run=True)


def reported(session: int = 1, release: str = "release-1", device: str = DEVICE) -> Reported:
    return Reported(
        device=device,
        session=session,
        at=SENT_AT,
        release=release,
        package_sha256="a" * 64,
        desired_version=0,
        state="idle",
    )


def record(sequence: int, kind: str = "note", at: float = SENT_AT, **body: object) -> Record:
    return Record(sequence=sequence, kind=kind, at=at, body=body or {"number": sequence})


def item_body(item_id: str, step: int, **changed: object) -> dict[str, object]:
    item = {
        "station": DEVICE,
        "item_id": item_id,
        "decided_at": SENT_AT,
        "outcome": "PRINT",
        "reason": "a carton with 0.99",
        "rule": "sure",
        "class_name": "carton",
        "probability": 0.99,
        "sku": "C1",
        "release": "release-1",
        "package_sha256": "a" * 64,
        **changed,
    }
    return {"item": item, "step": step, "what": "PRINT"}


def batch(
    records: Iterable[Record | int],
    *,
    gone: Iterable[tuple[int, int]] = (),
    device: str = DEVICE,
    stream: str = STREAM,
    session: int = 1,
    sent_at: float = SENT_AT,
) -> RecordBatch:
    return RecordBatch(
        device=device,
        stream=stream,
        session=session,
        sent_at=sent_at,
        records=[record(one) if isinstance(one, int) else one for one in records],
        gone=[SequenceRange(first=first, last=last) for first, last in gone],
    )
