"""Runs of `beltmark-train run` in a process of their own, to be stopped and killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil


def stop(
    config: Path, out: Path, number: signal.Signals, when: Callable[[], bool], *more: str
) -> str:
    """Starts a run, sends it a signal as soon as its folder is as wanted, and returns its log.

    SIGTERM goes to all its processes, as where a service or a container is stopped.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "training.cli", "run", str(config), "--out", str(out), *more],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"},
    )
    deadline = time.monotonic() + 240
    while not when() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    if number == signal.SIGTERM:
        for each in (*psutil.Process(process.pid).children(recursive=True), process):
            each.send_signal(number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=240)
    assert process.returncode == (-number if number == signal.SIGKILL else 130), told
    return told


def what_it_is(package: Path) -> dict[str, Any]:
    """All that a manifest says, digests of the files among it, but for when and by what."""
    manifest: dict[str, Any] = json.loads((package / "manifest.json").read_text())
    for differs in ("created_at", "code_revision", "config_sha256"):
        del manifest["lineage"][differs]
    return manifest
