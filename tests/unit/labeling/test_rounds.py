from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from studio_fake import START, FakeStudio

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from labeling.exporting import predicted_region
from labeling.harvest import HarvestPlan
from labeling.projects import ensure_project
from labeling.registering import TITLE
from labeling.rounds import Round, Rounds, SyncPlan, check_classes
from labeling.samples import Seen
from labeling.sources import DatasetSource, Supply
from labeling.studio.port import StudioAway

SIZE = (8, 6)


class Cups:
    """Sees a cup in everything, and counts how often it looks."""

    version = "m 1"
    looked = 0

    def key(self, class_names: Set[str]) -> str:
        return f"m 1 {' '.join(sorted(class_names))}"

    def look(self, image_bgr: NDArray[np.uint8], class_names: Set[str] | None = None) -> Seen:
        self.looked += 1
        assert class_names == {"cup", "none_of_these"}
        region = predicted_region("model-0", "cup", (1, 2, 3, 4), SIZE)
        prediction = {"model_version": self.version, "score": 0.5, "result": [region]}
        return Seen(0.5, prediction)


class Bench:
    """A server, a folder of images, and syncs that begin anew as often as one likes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images = folder, folder / "images"
        self.images.mkdir()
        self.studio = FakeStudio()
        self.project = ensure_project(self.studio, "Beltmark", ["cup"]).project
        self.eyes = Cups()
        self.now = START

    def add(self, *names: int) -> None:
        for name in names:
            pixels = np.full((SIZE[1], SIZE[0], 3), name, np.uint8)
            cv2.imwrite(str(self.images / f"{name}.png"), pixels)

    def sync(self, a_day: int = 100, sources: Any = None, **more: Any) -> Rounds:
        harvest = HarvestPlan(self.folder / "store", self.folder / "work", "labelled", "jan")
        plan = SyncPlan("Beltmark", a_day, 0.2, 0, harvest)
        sources = [DatasetSource(self.images)] if sources is None else sources
        return Rounds(lambda: self.studio, plan, sources, self.eyes, lambda: self.now, **more)

    def answer_all(self) -> None:
        for number in self.studio.rows:
            region = predicted_region("r1", "cup", (1, 2, 3, 4), SIZE)
            self.studio.answer(number, [region])

    def digests(self) -> list[str]:
        return [row["data"]["sha256"] for row in self.studio.rows.values()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_images_become_tasks_and_answers_a_snapshot(bench: Bench) -> None:
    bench.add(1, 2, 3)
    rounds = bench.sync()
    assert str(rounds.run()) == ("3 waiting, 0 settled, 0 contested; 3 of 100 tasks made today")
    assert bench.studio.shown == "m 1"
    bench.answer_all()
    bench.add(4)
    told = rounds.run()
    assert (told.made, told.waiting, told.settled, told.images) == (1, 1, 3, 3)
    assert len(read_dataset(bench.folder / "store@labelled").images) == 3


def test_the_budget_is_a_days_whoever_begins_anew(bench: Bench) -> None:
    bench.add(*range(10))
    assert [(each.made, each.today, each.queued) for each in
            (bench.sync(4).run(), bench.sync(4).run(), bench.sync(6).run())] == [
        (4, 4, 6), (0, 4, 0), (2, 6, 4),
    ]  # fmt: skip
    bench.now = bench.studio.now = START + timedelta(days=1)
    rounds = bench.sync(4)
    assert [rounds.run().made for _ in range(3)] == [4, 0, 0]
    assert len(set(bench.digests())) == len(bench.digests()) == 10


def test_what_was_told_of_a_queue_stays_until_another_look(bench: Bench) -> None:
    bench.add(*range(5))
    rounds = bench.sync(2)
    assert [rounds.run().queued for _ in range(2)] == [3, 3]
    assert "3 images queued" in str(rounds.run())


@pytest.mark.parametrize("requests", range(1, 22, 3))
def test_a_round_that_broke_off_is_gone_on_with(bench: Bench, requests: int) -> None:
    bench.add(*range(8))
    bench.sync(4).run()
    bench.answer_all()
    bench.studio.requests_left = requests
    try:
        bench.sync(6).run()
    except StudioAway:
        pass
    else:
        assert requests > 15
    bench.studio.requests_left = None
    told = bench.sync(6).run()
    assert (told.today, told.settled, told.waiting) == (6, 4, 2)
    assert len(set(bench.digests())) == len(bench.digests()) == 6
    assert len(read_dataset(bench.folder / "store@labelled").images) == 4


def test_what_waits_for_another_day_is_looked_at_once(bench: Bench) -> None:
    bench.add(*range(1, 8))
    cache = bench.folder / "cache"
    assert bench.sync(3, cache=cache).run().queued == 4
    assert bench.eyes.looked == 7
    bench.now += timedelta(days=1)
    assert bench.sync(3, cache=cache).run().made == 3  # begun anew, as after a restart
    assert bench.eyes.looked == 7


def test_what_did_not_change_is_not_looked_at_again(bench: Bench) -> None:
    bench.add(1, 2)
    rounds = bench.sync()
    rounds.run()
    bench.now += timedelta(minutes=2)
    rounds.run()
    asked = bench.studio.asked
    rounds.run()
    assert bench.eyes.looked == 2
    assert bench.studio.asked - asked == 4  # projects, today's, the latest change, how many
    bench.add(3)
    assert rounds.run().made == 1
    assert bench.eyes.looked == 3


def test_what_can_be_seen_only_later_is_pulled(bench: Bench) -> None:
    """Two changes of one moment, of which the first look sees one."""
    bench.add(1, 2)
    rounds = bench.sync()
    rounds.run()
    bench.studio.answer(1, [])
    rounds.run()
    bench.studio.now -= timedelta(seconds=10)
    bench.studio.answer(2, [])
    assert rounds.run().settled == 2


def test_a_snapshot_is_the_same_while_nothing_changes(bench: Bench) -> None:
    bench.add(1, 2)
    rounds = bench.sync()
    rounds.run()
    bench.answer_all()
    digests = set()
    for _ in range(4):
        digests.add(rounds.run().snapshot)
        bench.now += timedelta(minutes=5)
    assert len(digests) == 1


def test_of_two_tasks_of_one_image_the_first_counts_and_the_other_is_told(bench: Bench) -> None:
    """Two pushes at once make them: neither sees what the other is about to make."""
    bench.add(1, 2)
    rounds = bench.sync()
    rounds.run()
    (task, _) = bench.studio.rows.values()
    bench.studio.add_tasks(1, [{"data": task["data"]}])
    bench.answer_all()
    told = rounds.run()
    assert (told.settled, told.images) == (3, 2)
    assert [problem for problem in told.problems if "task 3" in problem and "task 1" in problem]


def test_a_backend_that_is_shown_stays_so(bench: Bench) -> None:
    bench.add(1)
    bench.studio.show_predictions(1, TITLE)
    bench.sync().run()
    assert bench.studio.shown == TITLE


def test_a_damaged_image_holds_up_nothing(bench: Bench) -> None:
    bench.add(1, 2)
    rounds = bench.sync()
    (bench.images / "1.png").write_bytes(b"half")
    told = rounds.run()
    assert told.made == 1
    assert "1.png" in told.problems[0]
    assert rounds.run().problems == []  # told once; until it is another file
    bench.add(1)
    assert rounds.run().made == 1


class Broken:
    """A source whose network is away."""

    def refresh(self) -> list[str]:
        raise InputError("cannot be reached", "does it run?", file="https://site")

    def read(self) -> list[Supply]:
        raise AssertionError

    def done(self) -> None:
        raise AssertionError


def test_a_source_that_is_away_holds_up_no_other(bench: Bench) -> None:
    bench.add(1)
    told = bench.sync(sources=[Broken(), DatasetSource(bench.images)]).run()
    assert told.made == 1
    assert told.problems == ["https://site: cannot be reached (does it run?)"]


class Ordered:
    """Gives what it is told to."""

    def __init__(self, *supplies: Supply) -> None:
        self.supplies = list(supplies)

    def refresh(self) -> list[str]:
        return []

    def read(self) -> list[Supply]:
        return self.supplies

    def done(self) -> None:
        self.supplies = []


def test_what_people_corrected_comes_first_and_is_no_honest_sample(
    bench: Bench, tmp_path: Path
) -> None:
    bench.add(1, 2, 3, 4)
    (whole,) = DatasetSource(bench.images).read()
    corrected = Supply(whole.dataset, "corrected")
    told = bench.sync(2, [Ordered(corrected)]).run()
    assert (told.made, told.queued) == (2, 2)
    assert [row["data"]["chosen"] for row in bench.studio.rows.values()] == ["corrected"] * 2
    names = [r["data"]["beltmark"]["image"]["file_name"] for r in bench.studio.rows.values()]
    assert names == ["1.png", "2.png"]


def stopping_after(calls: int) -> Callable[[], None]:
    def check() -> None:
        nonlocal calls
        calls -= 1
        if calls < 0:
            raise KeyboardInterrupt

    return check


def test_a_round_that_is_ended_between_its_steps_is_gone_on_with(bench: Bench) -> None:
    bench.add(1, 2, 3)
    for calls in range(8):
        try:
            bench.sync().run(stopping_after(calls))
        except KeyboardInterrupt:
            continue
    assert bench.sync().run().waiting == 3
    assert len(bench.digests()) == 3


def test_a_package_of_something_else_is_refused_and_differences_are_told() -> None:
    with pytest.raises(InputError, match="knows no class of the project, but bolt"):
        check_classes({"bolt", "none_of_these"}, {"cup", "none_of_these"}, "package")
    assert check_classes({"bolt", "cup"}, {"cup", "tube", "none_of_these"}, "package") == [
        "package: not classes of the project: bolt",
        "package: does not know: tube",
    ]
    assert check_classes({"cup", "none_of_these"}, {"cup", "none_of_these"}, "package") == []


def test_a_round_tells_all_that_is_not_zero() -> None:
    told = Round(5, today=5, queued=2, waiting=1, settled=2, contested=3, unusable=4)
    told.snapshot, told.images = "0123456789abcdef", 2
    assert str(told) == (
        "1 waiting, 2 settled, 3 contested, 4 unusable; 5 of 5 tasks made today, "
        "2 images queued; snapshot 0123456789ab, 2 images"
    )


def test_the_day_is_that_of_where_it_runs(bench: Bench) -> None:
    bench.add(*range(4))
    bench.studio.now = datetime(2026, 11, 30, 22, 30, tzinfo=UTC)
    bench.now = datetime.fromisoformat("2026-11-30T23:30:00+01:00")
    assert bench.sync(2).run().today == 2
    bench.now = datetime.fromisoformat("2026-12-01T00:30:00+01:00")
    bench.studio.now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert bench.sync(2).run().today == 2
