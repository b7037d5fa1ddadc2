"""How much memory a push and a pull of many tasks take: `python -m bench.label_scale`.

No server: what stands for it makes tasks of two boxes when it is asked, and forgets what it is
given. Each act runs in a process of its own; its memory is what it takes beyond what is loaded and,
for a push, beyond the list of images.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from numpy.typing import NDArray

from beltmark.datasets.label_studio.words import numbered
from bench.snapshots import make_images
from labeling.adjudication import settle_all
from labeling.exporting import predicted_region
from labeling.kept import Kept
from labeling.looks import Looks
from labeling.pull import pull
from labeling.push import PushPlan, push
from labeling.samples import Seen, read_images
from labeling.settling import Rules
from labeling.views import Models

SIZES: Final = (10_000, 100_000)
_NOW: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
_SIZE: Final = (48, 48)
_BOXES: Final = ((3.3, 4.4, 20.7, 10.1), (20.0, 21.5, 11.3, 17.9))
_EMBEDDING: Final = 32


def regions() -> list[dict[str, Any]]:
    """Returns two boxes."""
    return [predicted_region(f"r{k}", "cup", box, _SIZE) for k, box in enumerate(_BOXES)]


@dataclass
class Endless:
    """Stands for a Label Studio with so many answered tasks; see `labeling.studio.port`."""

    count_of_tasks: int
    made: int = 0
    address = "http://bench.example"

    def last_change(self, project: int) -> datetime:
        """Returns when the latest change was."""
        return _NOW

    def count(self, project: int) -> int:
        """Returns how many tasks there are."""
        return self.count_of_tasks

    def tasks(self, project: int, *, after: int = 0, limit: int = 200, **_: Any) -> list[Any]:
        """Returns the next tasks."""
        last = min(after + limit, self.count_of_tasks)
        return [self._task(number) for number in range(after + 1, last + 1)]

    def _task(self, number: int) -> dict[str, Any]:
        name = f"images/{number}.jpg"
        image = {"file_name": name, "width": 48, "height": 48, "scene": name, "sequence": name}
        answer = {
            "id": number,
            "completed_by": 1,
            "created_at": _NOW.isoformat(),
            "was_cancelled": False,
            "result": regions(),
        }
        data = {"image": f"/data/upload/{number}", "sha256": f"{number:064x}"}
        data |= {"beltmark": {"image": image}}  # type: ignore[dict-item]
        return {"id": number, "updated_at": _NOW, "data": data, "annotations": [answer]}

    def uploads(self, project: int) -> dict[str, str]:
        """Returns no files."""
        return {}

    def upload(self, project: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Forgets files."""
        return {name: f"/data/upload/{name}" for name in files}

    def add_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Counts tasks."""
        self.made += len(tasks)


class Glance:
    """Sees two boxes in everything."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(1)

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        """Looks at one image, uint8 [H, W, 3]."""
        vector = self._chance.normal(size=_EMBEDDING).astype(np.float32)
        found = [{**each, "score": 0.5} for each in regions()]
        prediction = {"model_version": "m", "score": 0.5, "result": found}
        return Seen(float(self._chance.random()), prediction, vector / np.linalg.norm(vector))


def act(what: str, count: int, folder: Path) -> dict[str, float]:
    """Does it; returns seconds and megabytes."""
    process = psutil.Process()
    studio: Any = Endless(count if what == "pull" else 0)
    if what == "push":
        dataset = read_images(folder)
        looks = Looks(folder.parent / f"looks-{count}", "glance")
    begun, base = time.monotonic(), process.memory_info().rss
    if what == "push":
        plan = PushPlan(count)
        done = push(studio, 1, dataset, plan, eyes=Models(Glance(), looks))
        assert done.made == studio.made == count, done
        looks.close()
    else:
        kept = Kept(folder / f"pulled-{count}.sqlite", "1")
        pull(studio, 1, kept)
        rules = Rules(Path("bench"), numbered(["cup"]), {1: "somebody"})
        assert len(settle_all(kept.rows(), rules).settled) == count
    peak = process.memory_info().rss if sys.platform == "win32" else _peak_bytes()
    return {"seconds": time.monotonic() - begun, "base_mb": base / 1e6, "mb": (peak - base) / 1e6}


def _peak_bytes() -> int:
    import resource  # noqa: PLC0415

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measures, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--act", choices=("push", "pull"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.act:
        print(json.dumps(act(arguments.act, arguments.sizes[0], arguments.folder)))
        return
    print("| act | tasks | s | MB more | KB a task |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for what in ("pull", "push"):
            for count in arguments.sizes:
                folder = Path(temporary) / f"{what}-{count}" / "images"
                folder.mkdir(parents=True)
                if what == "push":
                    make_images(folder.parent, range(count))
                command = [sys.executable, "-m", "bench.label_scale", "--act", what]
                command += ["--sizes", str(count), "--folder", str(folder)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                told = json.loads(done.stdout)
                print(
                    f"| {what} | {count} | {told['seconds']:.0f} | {told['mb']:.0f} "
                    f"| {1e3 * told['mb'] / count:.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
