"""How long snapshots of many images take; `--write docs/snapshots-pace.md` keeps the table.

Small files are made in a temporary folder, described by one COCO file, and added; then one image
more, and so on. Each act runs in this process, its own time on the processor beside the clock's.
"""

import argparse
import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np

from beltmark.contract.documents import write_bytes, write_json
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.adding import Added, Addition, add
from beltmark.datasets.snapshots.comparing import compare_snapshots
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.merging import Merging, merge
from beltmark.datasets.snapshots.opening import find_snapshot, open_snapshot
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.verifying import verify

CLASSES: Final = tuple(f"product {number}" for number in range(25))
_SIDE_PX: Final = 48
_Result = TypeVar("_Result")


def make_images(folder: Path, numbers: range, seed: int = 1) -> None:
    """Writes small JPEGs, all different."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, numbers.start])
    for number in numbers:
        coarse = rng.integers(0, 255, (6, 6, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC)
        done, jpeg = cv2.imencode(".jpg", picture)
        assert done
        (folder / "images" / f"{number:06}.jpg").write_bytes(jpeg.tobytes() + b"%d" % number)


def write_coco(folder: Path, count: int) -> Path:
    """Describes the first images of the folder: two boxes on each."""
    images = [
        {
            "id": number,
            "file_name": f"images/{number:06}.jpg",
            "width": _SIDE_PX,
            "height": _SIDE_PX,
        }
        for number in range(count)
    ]
    boxes = [
        {
            "id": 2 * number + k,
            "image_id": number,
            "category_id": (number + k) % len(CLASSES),
            "bbox": [1 + number % 7, 2 + 3 * k, 20.5, 17],
        }
        for number in range(count)
        for k in range(2)
    ]
    categories = [{"id": index, "name": name} for index, name in enumerate(CLASSES)]
    path = folder / "annotations.json"
    write_json(path, {"categories": categories, "images": images, "annotations": boxes})
    return path


class Bench:
    """Runs acts one after another and keeps their times."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def time(
        self, what: str, act: Callable[[], _Result], told: Callable[[_Result], str]
    ) -> _Result:
        """Runs an act; `told` says what came of it."""
        begun, used = time.perf_counter(), time.process_time()
        result = act()
        clock_s, used_s = time.perf_counter() - begun, time.process_time() - used
        self.lines.append(f"| {what} | {clock_s:.1f} | {used_s:.1f} | {told(result)} |")
        print(self.lines[-1], file=sys.stderr)
        return result


def run(folder: Path, count: int) -> list[str]:
    """Measures all acts; returns the table's lines."""
    bench = Bench()
    print(f"making {count + 1} images", file=sys.stderr)
    make_images(folder, range(count + 1))
    annotations, where = write_coco(folder, count), folder / "store"
    time.sleep(3)  # younger files are not trusted to stay as they are
    store = Store.create(where)

    def adding(parent: str | None) -> Callable[[], Added]:
        source = Source(path="photographs", format="json", licence="CC0")
        now = datetime.now(UTC)
        addition = Addition(source=source, by="bench", at=now, name="all", parent=parent)
        return lambda: add(store, read_dataset(annotations), addition)

    def told(added: Added) -> str:
        return f"{added.added} new, {added.hashed} files hashed, {added.stored} stored"

    bench.time("read the COCO file alone", lambda: read_dataset(annotations), lambda _: "")
    first = bench.time("add all", adding(None), told)
    bench.time("add all again", adding("all"), told)
    write_coco(folder, count + 1)
    shards = len([*(where / "shards").rglob("*.jsonl")])
    last = bench.time("add one more", adding("all"), told)
    shards = len([*(where / "shards").rglob("*.jsonl")]) - shards
    sides = [find_snapshot(Path(f"{where}@{each.digest}")) for each in (first, last)]
    bench.time(
        "diff the two",
        lambda: compare_snapshots(*sides),
        lambda found: f"{len(found.difference.added)} added; {shards} shard differs",
    )
    bench.time(
        "merge the two",
        lambda: merge(sides[0], sides[1], Merging(by="bench", at=datetime.now(UTC))),
        lambda merged: f"{merged.images} images",
    )
    bench.time(
        "open",
        lambda: open_snapshot(Path(f"{where}@all")),
        lambda data: f"{len(data.images)} images",
    )
    bench.time("verify", lambda: verify(store), lambda found: f"{len(found.damage)} damaged")
    return bench.lines


def page(lines: list[str], count: int, size_bytes: int) -> str:
    """Returns the page with the table."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return "\n".join(
        [
            f"# Snapshots of {count:,} images",
            "",
            f"{count:,} JPEGs of {size_bytes / count:,.0f} bytes, 2 boxes each, 25 classes; "
            f"Python {platform.python_version()}, {os.cpu_count()} cores, which other work shared: "
            "the processor's time says more than the clock's. Peak memory of all together "
            f"{peak_mb:.0f} MB. Made with `python -m bench.snapshots`.",
            "",
            "| act | clock s | processor s | |",
            "|---|---|---|---|",
            *lines,
            "",
        ]
    )


def main() -> int:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--write", type=Path, help="write the page to this file too")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="snapshots-"))
    try:
        lines = run(folder, arguments.images)
        size = sum(path.stat().st_size for path in (folder / "images").iterdir())
        told = page(lines, arguments.images, size)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(told)
    if arguments.write:
        write_bytes(arguments.write, told.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
