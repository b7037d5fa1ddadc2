"""The updater step by step, with fakes behind its ports; and its thread, which must end."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from beltmark.contract.bundle import Bundle, BundleFile, Requirements
from beltmark.contract.catalogue import Catalogue, Product
from beltmark.contract.errors import InputError
from beltmark.contract.messages import Desired
from beltmark.contract.package import InputSpec, Manifest, ModelPackage, OutputSpec
from beltmark.contract.policy import Policy
from beltmark.contract.release import Release
from edge_agent.station_loop_ports import DetectorPort, ReadyRelease
from edge_agent.update import turns
from edge_agent.update.errors import Dropped, ReleaseRefused, SlotDamaged, Unreachable
from edge_agent.update.machine import Progress
from edge_agent.update.ports import UpdaterSettings
from edge_agent.update.slots import Booted, Staged
from edge_agent.update.trust import SignedRelease
from edge_agent.update.updater import Updater
from edge_agent.update_report import UpdateReport

MANIFEST = Manifest(
    name="m",
    classes=("carton",),
    input=InputSpec(height_px=32, width_px=32),
    outputs=OutputSpec(embedding_size=1),
    files={"model.onnx": "0" * 64, "golden/golden.json": "0" * 64},
)
CATALOGUE = Catalogue(
    products=(Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton"),)
)
PATIENCE_S = 600.0


def release(name: str) -> Release:
    package = ModelPackage(Path(name), MANIFEST, "a" * 64)
    return Release(Path(name), name, package, Policy(), {}, CATALOGUE)


class NoDetector:
    def detect(self, image_bgr: object) -> list[object]:
        return []


@dataclass
class World:
    """All that an updater needs, in memory. `does` is what happened, in order."""

    does: list[str] = field(default_factory=list)
    told: list[UpdateReport] = field(default_factory=list)
    now: float = 100.0
    kept: Progress = field(default_factory=Progress)
    active: str = "old"
    trouble: str = ""
    in_slot: str | None = None
    machines: tuple[str, ...] = ()
    fails: dict[str, Exception] = field(default_factory=dict)
    on: dict[str, Callable[[], None]] = field(default_factory=dict)
    is_slow: bool = False
    is_interrupted: threading.Event = field(default_factory=threading.Event)

    def do(self, what: str) -> None:
        self.does.append(what)
        if (hook := self.on.get(what)) is not None:
            hook()
        if (error := self.fails.get(what)) is not None:
            raise error

    # The state's file.
    def read(self) -> Progress:
        self.do("read")
        return self.kept

    def write(self, progress: Progress) -> None:
        self.do(f"note {progress.state}")
        self.do("note")
        self.kept = progress

    # Trust.
    def find(self, name: str, is_wanted: Callable[[], bool]) -> SignedRelease:
        self.do("find")
        while self.is_slow and is_wanted():
            self.is_interrupted.wait(0.01)
        if not is_wanted():
            raise Dropped
        bundle = Bundle(
            release=name,
            package_sha256="a" * 64,
            requires=Requirements(machines=self.machines),
            files={"x": BundleFile(sha256="0" * 64, length=1)},
        )
        return SignedRelease(bundle, "b" * 64, lambda _: Path("x"))

    def interrupt(self) -> None:
        self.is_interrupted.set()

    def forget(self) -> None:
        self.do("forget")

    # Slots.
    def boot(self, prove: Callable[[Release], None]) -> Booted:
        prove(release(self.active))
        return Booted(release(self.active), self.trouble)

    def stage(self, bundle: Bundle, bundle_sha256: str, fetch: object) -> None:
        self.in_slot = None
        self.do("stage")
        self.in_slot = bundle.release

    def holds(self, name: str) -> bool:
        return self.in_slot == name

    def staged(self, name: str) -> Staged:
        if self.in_slot != name:
            raise SlotDamaged(f"holds {self.in_slot}")
        self.do("read back")
        files = {"x": BundleFile(sha256="0" * 64, length=1)}
        return Staged(Path(name), Bundle(release=name, package_sha256="a" * 64, files=files))

    def load(self, staged: Staged) -> Release:
        self.do("load")
        return release(staged.bundle.release)

    def activate(self) -> None:
        self.do("activate")
        assert self.in_slot is not None
        self.active = self.in_slot

    def note(self) -> None:
        self.do("activate")
        assert self.in_slot is not None
        self.active = self.in_slot

    def drop(self) -> None:
        self.do("drop")
        self.in_slot = None

    # The trial.
    def accept(self, folder: Path, requires: object, is_wanted: Callable[[], bool]) -> str:
        self.do("accept")
        if not is_wanted():
            raise Dropped
        return "fine"

    def open_detector(self, release: Release) -> DetectorPort:
        self.do("open detector")
        return NoDetector()

    def updater(self) -> Updater:
        """A new one, as after a start; it has booted."""
        updater = Updater(
            progress=Store(self),
            trust=self,
            slots=self,
            trial=self,
            open_detector=self.open_detector,
            report=self.told.append,
            settings=UpdaterSettings(PATIENCE_S, "x86_64", disk_pause_s=0.001),
            steady=lambda: self.now,
            jitter=lambda: 1.0,
        )
        updater.boot()
        return updater

    def states(self) -> list[str]:
        return [report.state for report in self.told]


@dataclass
class Store:
    world: World

    def read(self) -> Progress:
        return self.world.read()

    def write(self, progress: Progress) -> None:
        self.world.write(progress)


@pytest.fixture
def world() -> World:
    return World()


def desired(version: int, name: str = "new") -> Desired:
    return Desired(device="d", desired_version=version, release=name, issued_at=1.0)


def test_a_device_waits_for_its_turn_unless_the_release_is_at_hand(world: World) -> None:
    updater = world.updater()
    settle(updater)
    in_turn = desired(1).model_copy(update={"spread_s": 1_000.0})
    wait_s = turns.wait_s(in_turn, is_here=False)
    assert 0 < wait_s < 1_000
    updater.desire(in_turn)
    settle(updater)
    assert "find" not in world.does
    assert world.told[-1].reason == f"its turn to be fetched comes in {wait_s:.0f} s"
    updater.desire(in_turn)  # said again, as after each connection
    world.now += wait_s - 0.1
    settle(updater)
    assert "find" not in world.does
    world.now += 0.2
    settle(updater)
    assert "find" in world.does
    world.does.clear()
    world.in_slot = "before"
    updater.desire(desired(2, "before").model_copy(update={"spread_s": 1_000.0}))
    settle(updater)
    assert "find" in world.does


def test_turns_lie_all_over_the_time_that_is_given() -> None:
    waits = [
        turns.wait_s(
            Desired(device=f"d{n}", desired_version=1, release="new", issued_at=1.0, spread_s=60.0),
            is_here=False,
        )
        for n in range(600)
    ]
    tenths = [sum(6 * k <= wait < 6 * (k + 1) for wait in waits) for k in range(10)]
    assert sum(tenths) == 600
    assert min(tenths) > 30


def settle(updater: Updater) -> None:
    """Does all that can be done now."""
    for _ in range(100):
        if not updater.advance():
            return
    raise AssertionError("it never rests")


def waiting(world: World) -> tuple[Updater, ReadyRelease]:
    """An updater whose release was taken by the station."""
    updater = world.updater()
    updater.desire(desired(1))
    settle(updater)
    ready = updater.take_ready()
    assert ready is not None
    return updater, ready


def test_the_way_of_a_good_release(world: World) -> None:
    updater = world.updater()
    settle(updater)
    updater.desire(desired(1))
    settle(updater)
    assert world.states() == ["idle", "downloading", "verifying", "accepting", "waiting"]
    assert world.told[-1].reason == "for a moment between two items"
    ready = updater.take_ready()
    assert ready is not None
    assert (ready.release.name, ready.desired_version) == ("new", 1)
    assert updater.take_ready() is None
    assert world.active == "old"
    updater.adopted(ready)
    settle(updater)
    assert world.told[-1] == updater.latest == UpdateReport(1, "new", "running")
    assert (world.active, updater.desired_version) == ("new", 1)


def test_each_state_is_noted_before_it_is_acted_on(world: World) -> None:
    updater, ready = waiting(world)
    updater.adopted(ready)
    settle(updater)
    steps = [step for step in world.does if step not in ("read", "note")]
    assert steps == [
        *("note downloading", "find", "stage"),
        *("note verifying", "read back", "load"),
        *("note accepting", "read back", "accept"),
        *("note waiting", "read back", "load", "open detector"),
        *("note running", "activate"),
    ]


def test_what_runs_already_is_not_fetched(world: World) -> None:
    updater = world.updater()
    updater.desire(desired(1, "old"))
    settle(updater)
    assert world.told[-1].state == "running"
    assert "find" not in world.does


REFUSALS = {
    "find": "downloading",
    "stage": "downloading",
    "load": "verifying",
    "accept": "accepting",
    "open detector": "waiting",
}


@pytest.mark.parametrize(("what", "state"), REFUSALS.items())
@pytest.mark.parametrize(
    "error",
    [ReleaseRefused("not fit"), InputError("not fit", "mend it"), RuntimeError("not fit")],
    ids=["refused", "bad input", "unexpected"],
)
def test_what_goes_wrong_is_refused_and_the_old_one_runs(
    what: str, state: str, error: Exception, world: World
) -> None:
    updater = world.updater()
    world.fails[what] = error
    updater.desire(desired(1))
    settle(updater)
    assert world.states()[-2:] == [state, "refused"]
    assert "not fit" in world.told[-1].reason
    assert world.does[-2:] == ["drop", "forget"]
    assert (world.active, updater.take_ready()) == ("old", None)
    # It is not tried again for the same wish, whatever comes.
    world.fails.clear()
    count = len(world.told)
    updater.desire(desired(1))
    world.now += 1e6
    settle(updater)
    assert len(world.told) == count
    settle(again := world.updater())
    assert again.latest.state == "refused"
    # A new wish is a new try.
    again.desire(desired(2))
    settle(again)
    assert again.take_ready() is not None


def test_a_release_for_another_machine_is_not_even_fetched(world: World) -> None:
    world.machines = ("aarch64",)
    updater = world.updater()
    updater.desire(desired(1))
    settle(updater)
    assert world.told[-1].state == "refused"
    assert "made for aarch64, and this device is x86_64" in world.told[-1].reason
    assert "stage" not in world.does


def test_without_an_answer_it_is_tried_again_after_a_while_and_told_once(world: World) -> None:
    updater = world.updater()
    world.fails["find"] = Unreachable("connection refused")
    updater.desire(desired(1))
    settle(updater)
    assert world.does.count("find") == 1
    world.now += 1.9
    settle(updater)
    assert world.does.count("find") == 1
    world.now += 0.2
    settle(updater)
    assert world.does.count("find") == 2
    for _ in range(20):
        world.now += 301
        settle(updater)
    assert world.does.count("find") == 22
    assert world.states() == ["idle", "downloading", "downloading"]
    assert world.told[-1].reason == "connection refused"
    del world.fails["find"]
    world.now += 301
    settle(updater)
    assert updater.take_ready() is not None


def test_when_the_wish_is_said_again_it_is_tried_at_once(world: World) -> None:
    updater = world.updater()
    world.fails["find"] = Unreachable("connection refused")
    updater.desire(desired(1))
    settle(updater)
    world.fails.clear()
    updater.desire(desired(1))
    settle(updater)
    assert updater.take_ready() is not None


def test_what_comes_too_late_is_told_and_changes_nothing(world: World) -> None:
    updater = world.updater()
    updater.desire(desired(5))
    settle(updater)
    updater.desire(desired(4, "older"))
    updater.desire(desired(5, "other"))
    settle(updater)
    for stale in world.told[-2:]:
        assert (stale.state, stale.is_stale) == ("refused", True)
    assert {stale.release for stale in world.told[-2:]} == {"older", "other"}
    assert (updater.latest.state, updater.latest.release) == ("waiting", "new")
    assert updater.take_ready() is not None


def test_without_a_moment_between_two_items_it_is_refused(world: World) -> None:
    updater = world.updater()
    updater.desire(desired(1))
    settle(updater)
    world.now += PATIENCE_S - 0.1
    settle(updater)
    assert updater.latest.state == "waiting"
    world.now += 0.2
    settle(updater)
    assert updater.latest.state == "refused"
    assert updater.latest.reason == "there was no moment between two items within 600 s"
    assert updater.take_ready() is None


def test_a_new_wish_takes_the_place_of_one_that_waits(world: World) -> None:
    updater = world.updater()
    updater.desire(desired(1))
    settle(updater)
    updater.desire(desired(2, "newer"))
    settle(updater)
    ready = updater.take_ready()
    assert ready is not None
    assert (ready.release.name, ready.desired_version) == ("newer", 2)
    world.now += PATIENCE_S - 1  # the patience with it began with it
    settle(updater)
    assert updater.latest.state == "waiting"


def test_a_new_wish_breaks_off_what_is_under_way(world: World) -> None:
    for what in ("find", "accept"):
        updater = world.updater()
        version = updater.desired_version
        world.on[what] = lambda u=updater, v=version: u.desire(desired(v + 2, "newer"))  # type: ignore[misc]
        updater.desire(desired(version + 1))
        updater.advance()
        updater.advance()
        while what not in world.does:
            updater.advance()
        assert world.is_interrupted.is_set()
        world.on.clear()
        settle(updater)
        assert (updater.latest.release, updater.latest.state) == ("newer", "waiting")
        world.does.clear()


@pytest.mark.parametrize("is_noted_first", [True, False])
def test_what_the_station_took_in_that_moment_runs_and_the_new_wish_comes_after(
    is_noted_first: bool, world: World
) -> None:
    updater, ready = waiting(world)
    updater.desire(desired(2, "newer"))
    if not is_noted_first:
        settle(updater)
        assert updater.latest.state == "waiting"
    updater.adopted(ready)
    settle(updater)
    assert "running" in world.states()
    assert world.active == "new"
    assert (updater.latest.release, updater.latest.state) == ("newer", "waiting")
    ready = updater.take_ready()  # type: ignore[assignment]
    assert ready.release.name == "newer"


def test_when_the_patience_ends_in_that_moment_it_runs(world: World) -> None:
    updater, ready = waiting(world)
    world.now += PATIENCE_S + 1
    settle(updater)
    updater.adopted(ready)
    settle(updater)
    assert (updater.latest.state, world.active) == ("running", "new")


@pytest.mark.parametrize("state", ["downloading", "verifying", "accepting", "waiting"])
def test_after_a_restart_it_goes_on(state: str, world: World) -> None:
    world.kept = Progress(desired_version=3, release="new", state=state)  # type: ignore[arg-type]
    world.in_slot = None if state == "downloading" else "new"
    updater = world.updater()
    assert updater.desired_version == 3
    settle(updater)
    assert (updater.latest.state, updater.take_ready() is not None) == ("waiting", True)
    assert ("find" in world.does) is (state == "downloading")
    assert "accept" in world.does


def test_a_slot_that_was_damaged_meanwhile_is_fetched_again(world: World) -> None:
    world.kept = Progress(desired_version=3, release="new", state="waiting")
    updater = world.updater()
    settle(updater)
    assert updater.latest.state == "downloading"
    assert "holds None" in updater.latest.reason
    world.now += 5
    settle(updater)
    assert updater.take_ready() is not None


def test_a_stand_in_is_told_and_what_should_run_is_brought_back(world: World) -> None:
    world.kept = Progress(desired_version=3, release="new", state="running")
    world.trouble = "slot a: model.onnx is damaged; old runs instead"
    updater = world.updater()
    settle(updater)
    assert "model.onnx is damaged" in world.told[0].reason
    world.now += 5
    settle(updater)
    ready = updater.take_ready()
    assert ready is not None
    updater.adopted(ready)
    settle(updater)
    assert (world.active, updater.latest.state) == ("new", "running")


def test_a_state_that_cannot_be_read_begins_anew_and_says_so(world: World) -> None:
    world.fails["read"] = InputError("not valid JSON", "correct it", file="update.json")
    updater = world.updater()
    settle(updater)
    assert "update.json" in world.told[0].reason
    updater.desire(desired(1))
    settle(updater)
    assert updater.take_ready() is not None


def test_while_the_state_cannot_be_noted_nothing_is_done_and_it_is_told(world: World) -> None:
    updater = world.updater()
    settle(updater)
    world.fails["note"] = OSError(28, "No space left on device")
    tries = 0

    def free_some_space() -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            del world.fails["note"]

    world.on["note"] = free_some_space
    updater.desire(desired(1))
    settle(updater)
    assert "No space left" in world.told[1].reason
    assert world.told[1].state == "idle"
    assert world.does.index("find") > [i for i, d in enumerate(world.does) if d == "note"][2]
    assert updater.take_ready() is not None


def test_when_it_cannot_be_noted_which_slot_runs_that_is_told_and_made_up_for(
    world: World,
) -> None:
    updater, ready = waiting(world)
    world.fails["activate"] = OSError(28, "No space left on device")
    updater.adopted(ready)
    settle(updater)
    assert updater.latest.state == "running"
    assert "a start would bring back the release before" in world.told[-1].reason
    world.fails.clear()
    world.now += 31
    settle(updater)
    assert world.active == "new"


def test_who_cannot_be_told_stops_nothing(world: World) -> None:
    updater = world.updater()

    def deaf(report: UpdateReport) -> None:
        raise RuntimeError("not listening")

    updater._report = deaf
    updater.desire(desired(1))
    settle(updater)
    assert updater.take_ready() is not None


def test_the_thread_works_and_ends_in_the_midst_of_work(world: World) -> None:
    arrived = {state: threading.Event() for state in ("waiting", "downloading")}
    updater = world.updater()
    updater._report = lambda report: arrived.get(report.state, threading.Event()).set()
    updater.start()
    updater.desire(desired(1))
    assert arrived["waiting"].wait(10)
    arrived["downloading"].clear()
    world.is_slow = True
    updater.desire(desired(2, "newer"))
    assert arrived["downloading"].wait(10)
    updater.stop(timeout_s=10)
    assert not updater._thread.is_alive()
    assert world.is_interrupted.is_set()
    assert world.kept.state == "downloading"  # and goes on from there at the next start
    world.is_slow = False
    settle(again := world.updater())
    assert again.take_ready() is not None


def test_without_a_start_it_ends_as_well(world: World) -> None:
    world.updater().stop()
