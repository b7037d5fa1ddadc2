"""What stands in the status file: how each part of a station is. Writing it is left to `status`."""

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from edge_agent.parts import Identity, Parts

_ON_ITS_OWN: Mapping[str, object] = {
    "certificate": None, "uplink": None, "update": None, "samples": None,
}  # fmt: skip
_NOTHING_BESIDE: Mapping[str, object] = {
    "serials": None,
    "photo_eye": None,
    "encoder": None,
    "order": None,
    "warehouse": None,
}


@dataclass
class SoFar:
    """What a run has come to. Owned and changed by the loop's thread.

    Attributes:
        started_at: When it began, in seconds since the epoch.
        decided: Items by their outcome.
        speed_px_s: Speed of the running belt, where it is known.
        passed_over: Frames that were not looked at, for nothing had changed.
    """

    started_at: float
    decided: Counter[str] = field(default_factory=Counter)
    speed_px_s: float | None = None
    passed_over: int = 0


def status_of(parts: Parts, identity: Identity, so_far: SoFar) -> Mapping[str, object]:
    """Returns what is to stand in the status file now. For use from any thread."""
    release = parts.loop.release
    camera, problems = parts.camera, parts.fitness.problems()
    return {
        "version": 1,
        "station": identity.station,
        "release": release.name,
        "package_sha256": release.package.digest,
        "fallback": parts.ladder.told,
        "policy": list(parts.loop.policy_told),
        "process": os.getpid(),
        "started_at": so_far.started_at,
        "written_at": time.time(),
        "may_run": not problems,
        "problems": problems,
        "camera": {
            **asdict(camera.health),
            "source": camera.name,
            "picture": camera.picture.fault or "good",
            "picture_since": camera.picture.since,
            "fps": round(camera.fps, 1),
            "frames": camera.frames,
            "dropped": camera.mailbox.dropped,
            "unreadable": camera.unreadable,
        },
        "printer": asdict(parts.spooler.health),
        "printers": [
            {"address": address, **asdict(health)} for address, health in parts.spooler.printers
        ],
        "verification": None if parts.verifier is None else parts.verifier.tell(),
        "journal": asdict(parts.journal.health),
        "in_hand": parts.by_hand.in_hand,
        **(_ON_ITS_OWN if parts.fleet is None else parts.fleet.tell()),
        **parts.outputs.tell(),
        **_NOTHING_BESIDE,
        **{name: part.tell() for name, part in parts.beside.items()},
        "frames": parts.pulse.frames,
        "passed_over": so_far.passed_over,
        "belt_speed_px_s": so_far.speed_px_s,
        "decided": dict(so_far.decided),
        "latency_ms": parts.times.percentiles_ms(),
    }
