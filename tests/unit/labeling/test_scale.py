"""However many tasks there are, no more than a page of them is in memory."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beltmark.datasets.label_studio.words import numbered
from bench.label_scale import Endless
from labeling.adjudication import settle_all
from labeling.kept import Kept
from labeling.pull import pull
from labeling.settling import Rules


def peak(act: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_pull_of_five_times_the_tasks_takes_the_same_memory(tmp_path: Path) -> None:
    def pulled(count: int) -> int:
        studio: Any = Endless(count)
        kept = Kept(tmp_path / f"{count}.sqlite", "1")
        return peak(lambda: pull(studio, 1, kept))

    pulled(50)  # what is loaded once
    assert pulled(2_000) < 1.2 * pulled(400)


def test_what_is_settled_takes_little_more_than_its_answer(tmp_path: Path) -> None:
    studio: Any = Endless(500)
    kept = Kept(tmp_path / "tasks.sqlite", "1")
    pull(studio, 1, kept)
    rules = Rules(Path("p"), numbered(["cup"]), {1: "somebody"})
    settle_all(list(kept.rows())[:50], rules)
    found: list[Any] = []
    taken = peak(lambda: found.extend(settle_all(kept.rows(), rules).settled))
    assert len(found) == 500
    assert taken < 500 * 2_000 + 500_000
