"""Walks each rung of a station's fallback ladder on a recording, for `beltmark-edge rehearse`.

Each rung runs as a whole agent, with the station's own settings but a data folder, a printer and
outputs of its own: nothing of it reaches the belt, the printer or the journal.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2

from beltmark.contract.documents import write_document
from beltmark.contract.errors import InputError
from beltmark.contract.records import ItemMessage
from edge_agent.capture.camera import open_camera
from edge_agent.capture.opening import parse_source
from edge_agent.fallback.ladder import WORDS, LadderState, Rung
from edge_agent.fallback.memory import FILE_NAME, write_ladder
from edge_agent.fallback.section import FallbackSection
from edge_agent.outputs.beat import PERMIT_TIMEOUT_S
from edge_agent.outputs.section import OutputsSection
from edge_agent.printing.journal_lock import is_in_use
from edge_agent.printing.reading import read_items, this_boot
from edge_agent.printing.section import PrinterSection
from edge_agent.settings import StationFile
from edge_agent.signals.addresses import NONE

_RUN_TIMEOUT_S = 300.0
_START_TIMEOUT_S = 60.0
_CAMERA_PATIENCE_S = 10.0
_QUALITY = 95


@dataclass(frozen=True)
class Rehearsed:
    """How one rung held.

    Attributes:
        rung: Its name, or `stop`.
        state: ok; fault: the station could not count on it; absent: it does not have this rung.
        told: What happened on it, or what is to be mended.
    """

    rung: str
    state: Literal["ok", "fault", "absent"]
    told: str


def rehearse(settings: StationFile, recording: Path | None, seconds: float) -> Iterator[Rehearsed]:
    """Yields how each rung held, from the top down.

    Args:
        settings: The station file.
        recording: A video or folder of pictures by this camera, with items that pass; None records
            what passes now.
        seconds: How long to record.

    Raises:
        InputError: An agent runs here, or there is nothing to look at.
    """
    if is_in_use(settings.journal_path):
        raise InputError("an agent runs here", "stop it first: a rehearsal wants its camera")
    with tempfile.TemporaryDirectory(prefix="beltmark-rehearsal-") as name:
        folder = Path(name)
        if recording is None:
            recording = folder / "recording"
            _record(settings, recording, seconds)
        top: int | None = None
        for rung, missing in _rungs(settings).items():
            if missing:
                yield Rehearsed(rung, "absent", missing)
                continue
            try:
                items = _walk(settings, rung, recording.resolve(), folder / rung)
            except InputError as error:
                yield Rehearsed(rung, "fault", str(error))
                continue
            yield _judged(rung, items, top)
            top = len(items) if top is None else top
        yield _stops(settings, recording.resolve(), folder / "stop")


def _rungs(settings: StationFile) -> dict[Rung, str]:
    """Each rung, with what the station lacks for it; empty where it lacks nothing."""
    fallback = settings.fallback or FallbackSection()
    previous = settings.fleet is not None or fallback.previous is not None
    return {
        "release": "",
        "previous": "" if previous else "not there; fallback.previous gives it",
        "barcode": "" if fallback.barcode else "not allowed; fallback.barcode allows it",
        "person": "" if fallback.person else "not allowed; fallback.person allows it",
    }


def _judged(rung: Rung, items: list[ItemMessage], top: int | None) -> Rehearsed:
    outcomes = [item.outcome for item in items]
    parts = ((outcomes.count("PRINT"), "labels"), (outcomes.count("REVIEW"), "to a person"),
             (outcomes.count("REJECT"), "rejected"))  # fmt: skip
    told = f"{len(items)} items: " + ", ".join(f"{n} {what}" for n, what in parts if n)
    if not items:
        return Rehearsed(rung, "fault", "nothing passed: give a recording with items on the belt")
    if rung in ("barcode", "person") and top is not None and len(items) < top:
        mend = "without a model, items pass here unseen: leave this rung out, or add a photo-eye"
        return Rehearsed(rung, "fault", f"{told}; on the release there were {top}: {mend}")
    return Rehearsed(rung, "ok", f"{WORDS[rung]}: {told}")


def _walk(settings: StationFile, rung: Rung, recording: Path, folder: Path) -> list[ItemMessage]:
    """Runs an agent on one rung; returns the items that it decided."""
    station = _station(settings, rung, recording, folder)
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "run", str(station), "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=_RUN_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it died without a word"])[-1]
        raise InputError(f"the agent does not run: {last}", "mend that, and rehearse again")
    status = json.loads((folder / "data/status.json").read_text())
    stood = str(status["fallback"] or "")
    if rung in ("barcode", "person") and not stood.startswith(WORDS[rung]):
        raise InputError(f"it stood elsewhere: {stood}", "look at the agent's log")
    return read_items(folder / "data/journal.sqlite")


def _station(settings: StationFile, rung: Rung, recording: Path, folder: Path) -> Path:
    """Writes a station file for a rung; returns its path."""
    data = folder / "data"
    data.mkdir(parents=True)
    fallback: FallbackSection | None = None  # a release that does not hold is to be told as such
    if rung in ("barcode", "person"):
        fallback = FallbackSection(barcode=True, person=True)
        write_ladder(data / FILE_NAME, LadderState(rung, "it is rehearsed", running_in=this_boot()))
    copy = StationFile(
        station=settings.station.model_copy(
            update={"data": data, "release": _release_of(settings, rung)}
        ),
        camera=settings.camera.model_copy(
            update={"source": str(recording), "fps": settings.camera.fps, "loop": False}
        ),
        zone=settings.zone,
        belt=settings.belt,
        printer=PrinterSection(
            address=f"file:{folder / 'labels.zpl'}",
            dpmm=settings.printer.dpmm,
            confirmation="none",
        ),
        inference=settings.inference,
        fallback=fallback,
    )
    path = folder / "station.json"
    write_document(path, copy)
    return path


def _release_of(settings: StationFile, rung: Rung) -> Path:
    """Folder of the release that a rung stands on."""
    own = settings.station.release.resolve()
    if settings.fleet is not None:
        from edge_agent.update.slots import Slots  # noqa: PLC0415 - only where there are some

        slots = Slots(settings.station.data / "slots", own)
        folders = slots.standing()
        return folders[min(1, len(folders) - 1) if rung == "previous" else 0]
    fallback = settings.fallback or FallbackSection()
    if rung == "previous" and fallback.previous is not None:
        return fallback.previous.resolve()
    return own


def _record(settings: StationFile, folder: Path, seconds: float) -> None:
    """Writes what the camera shows now as a folder of pictures.

    Raises:
        InputError: It shows nothing.
    """
    folder.mkdir()
    camera = open_camera(settings.camera.source, fps=settings.camera.fps)
    camera.start()
    end, number = time.monotonic() + seconds, 0
    give_up_at = time.monotonic() + _CAMERA_PATIENCE_S
    try:
        while time.monotonic() < end and not camera.mailbox.is_exhausted:
            frame = camera.mailbox.take(0.5)
            if frame is not None:
                path = folder / f"{number:06d}.jpg"
                cv2.imwrite(str(path), frame.image_bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
                number += 1
            elif number == 0 and time.monotonic() > give_up_at:
                break
    finally:
        camera.stop()
    if number == 0:
        raise InputError(
            camera.health.reason or "it sends no frame",
            "check that it is on, its address, its cable, and who else uses it",
            file=parse_source(settings.camera.source).shown,
            field="camera.source",
        )


def _stops(settings: StationFile, recording: Path, folder: Path) -> Rehearsed:
    """Kills an agent while it lets a belt run, and listens whether it is let run any longer."""
    if settings.outputs.run_permit == NONE:
        told = "nothing stops the belt when Beltmark dies: give outputs.run_permit"
        return Rehearsed("stop", "fault", told)
    with socket.create_server(("127.0.0.1", 0)) as relay:
        relay.settimeout(_START_TIMEOUT_S)
        address = f"tcp://127.0.0.1:{relay.getsockname()[1]}"
        station = _station(settings, "release", recording, folder)
        document = json.loads(station.read_text())
        document["outputs"] = OutputsSection(run_permit=address).model_dump(mode="json")
        document["camera"]["loop"] = True
        station.write_text(json.dumps(document))
        agent = subprocess.Popen(
            [sys.executable, "-m", "edge_agent.cli", "run", str(station), "--quiet"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            was_permitted = _is_permitted(relay, agent)
        finally:
            agent.kill()
            agent.wait()
    if not was_permitted:
        return Rehearsed("stop", "fault", "the agent gave no run permit on the recording")
    told = f"killed: no permit after it, a relay stops the belt within {PERMIT_TIMEOUT_S:g} s"
    return Rehearsed("stop", "ok", told)


def _is_permitted(relay: socket.socket, agent: "subprocess.Popen[bytes]") -> bool:
    """Waits for the first permit, kills the agent, and reads to the end of its connection."""
    with contextlib.suppress(OSError):
        line, _ = relay.accept()
        with line:
            line.settimeout(_START_TIMEOUT_S)
            heard = b""
            while b"PERMIT" not in heard:
                data = line.recv(4_096)
                if not data:
                    return False
                heard += data
            agent.send_signal(signal.SIGKILL)
            agent.wait()
            while line.recv(4_096):  # what was on its way; then the end, for nobody is left
                pass
            return True
    return False
