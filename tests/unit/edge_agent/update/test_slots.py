"""Slots on a disk that fills up, is damaged, and loses its power between any two steps."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from losing_disk import SURVIVALS, LosingDisk, PowerCut
from release_bundles import bundle_of, make_release

from beltmark.contract.bundle import Bundle, BundleFile
from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.update.disk import Disk, RealDisk
from edge_agent.update.errors import ReleaseRefused, SlotDamaged, Unreachable
from edge_agent.update.slots import Slots

SIGNED = "b" * 64


class Releases:
    """Three releases that differ, and a server that has their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.factory = make_release(folder / "factory", "factory-1")
        for name in ("one", "two"):
            path = make_release(folder / name, name, self.factory, threshold=len(name) / 10)
            (path / "layouts/extra.toml").write_bytes(
                (path / "layouts/item.toml").read_bytes() + f"\n# {name}\n".encode()
            )
        self.fetched: list[str] = []

    def bundle(self, name: str) -> Bundle:
        return bundle_of(self.folder / name)

    def fetch(self, name: str) -> Callable[[BundleFile], Path]:
        at = {sha256_of(p.read_bytes()): p for p in (self.folder / name).rglob("*") if p.is_file()}

        def fetch(file: BundleFile) -> Path:
            self.fetched.append(at[file.sha256].relative_to(self.folder / name).as_posix())
            (self.folder / "fetched").mkdir(exist_ok=True)
            return Path(shutil.copyfile(at[file.sha256], self.folder / "fetched" / file.sha256))

        return fetch


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    return Releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def slots_of(data: Path, releases: Releases, disk: Disk | None = None) -> Slots:
    slots = Slots(data / "slots", releases.factory, disk)
    slots.boot()
    return slots


def install(slots: Slots, releases: Releases, name: str) -> None:
    slots.stage(releases.bundle(name), SIGNED, releases.fetch(name))
    slots.load(slots.staged(name))
    slots.activate()


def booted(data: Path, releases: Releases) -> tuple[str, str]:
    found = Slots(data / "slots", releases.factory).boot()
    return found.release.name, found.trouble


def test_what_was_recalled_stands_in_for_nothing(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    (data / "slots/b/release/release.json").write_text("rot")
    recalled = Slots(data / "slots", releases.factory, is_recalled=lambda name: name == "one")
    found = recalled.boot()
    assert found.release.name == "factory-1"
    assert "slot a: holds one, which was recalled" in found.trouble


def test_what_runs_is_started_though_it_was_recalled(data: Path, releases: Releases) -> None:
    install(slots_of(data, releases), releases, "one")
    recalled = Slots(data / "slots", releases.factory, is_recalled=lambda _: True)
    assert recalled.boot().release.name == "one"  # the fleet asks for another one


def test_without_slots_the_station_files_own_release_runs(data: Path, releases: Releases) -> None:
    assert booted(data, releases) == ("factory-1", "")


def test_each_release_takes_the_slot_that_is_free(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    assert slots.free == "a"
    install(slots, releases, "one")
    assert (slots.free, booted(data, releases)) == ("b", ("one", ""))
    install(slots, releases, "two")
    assert (slots.free, booted(data, releases)) == ("a", ("two", ""))


def test_only_what_is_not_at_hand_is_fetched(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    releases.fetched.clear()
    install(slots, releases, "one")
    assert sorted(releases.fetched) == ["layouts/extra.toml", "release.json"]
    install(slots, releases, "two")
    releases.fetched.clear()
    install(slots, releases, "one")  # back: it still lies in the free slot
    assert releases.fetched == []
    assert booted(data, releases) == ("one", "")


def test_what_is_staged_and_not_adopted_does_not_run(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    slots.stage(releases.bundle("one"), SIGNED, releases.fetch("one"))
    assert booted(data, releases) == ("factory-1", "")
    install(slots, releases, "one")
    slots.stage(releases.bundle("two"), SIGNED, releases.fetch("two"))
    # Not even when what runs is damaged: nobody has found the other one fit to run.
    (data / "slots/a/release/catalogue.csv").write_text("sku\n")
    name, trouble = booted(data, releases)
    assert name == "factory-1"
    assert "slot a: catalogue.csv is damaged" in trouble


def test_what_is_written_over_stands_in_for_nothing(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    slots.stage(releases.bundle("one"), SIGNED, releases.fetch("one"))
    (data / "slots/b/release/catalogue.csv").write_text("sku\n")
    assert booted(data, releases)[0] == "factory-1"


DAMAGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda slot: (slot / "release/package/model.onnx").write_bytes(b"x"),
    "missing": lambda slot: (slot / "release/catalogue.csv").unlink(),
    "one too many": lambda slot: (slot / "release/layouts/more.toml").write_text("x = 1"),
    "a link": lambda slot: (
        (slot / "release/catalogue.csv").unlink(),
        (slot / "release/catalogue.csv").symlink_to("/etc/hostname"),
    ),
    "a linked folder": lambda slot: (slot / "release/more").symlink_to("/etc"),
    "receipt gone": lambda slot: (slot / "receipt.json").unlink(),
    "receipt damaged": lambda slot: (slot / "receipt.json").write_text("{"),
    "all gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_slot_is_stood_in_for_by_the_one_before(
    damage: str, data: Path, releases: Releases
) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    DAMAGES[damage](data / "slots/b")
    name, trouble = booted(data, releases)
    assert name == "one"
    assert "slot b" in trouble
    assert "one runs instead" in trouble
    # That one is the one that runs from now on: the damaged slot takes the next.
    assert booted(data, releases) == ("one", "")
    again = slots_of(data, releases)
    assert again.free == "b"
    install(again, releases, "two")
    assert booted(data, releases) == ("two", "")


def test_when_both_are_damaged_the_station_files_own_runs(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    for slot in "ab":
        (data / f"slots/{slot}/release/release.json").write_text("{}")
    name, trouble = booted(data, releases)
    assert name == "factory-1"
    assert "slot a" in trouble
    assert "slot b" in trouble


def test_a_whole_release_that_cannot_run_here_any_more_is_stood_in_for(
    data: Path, releases: Releases
) -> None:
    """Its files are as they were; the processor or the libraries are others."""
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    unfit = {"two"}
    proved: list[str] = []

    def prove(release: Release) -> None:
        proved.append(release.name)
        if release.name in unfit:
            raise InputError("its golden images do not agree", "make it anew")

    found = Slots(data / "slots", releases.factory).boot(prove)
    assert (found.release.name, proved) == ("one", ["two", "one"])
    assert "slot b: its golden images do not agree" in found.trouble
    assert "one runs instead" in found.trouble

    unfit |= {"one"}
    found = Slots(data / "slots", releases.factory).boot(prove)
    assert found.release.name == "factory-1"

    unfit |= {"factory-1"}
    with pytest.raises(InputError, match="golden images"):
        Slots(data / "slots", releases.factory).boot(prove)


def test_looking_at_the_slots_changes_nothing(data: Path, releases: Releases) -> None:
    assert Slots(data / "slots", releases.factory).look() is None
    assert list(data.iterdir()) == []
    install(slots_of(data, releases), releases, "one")
    found = Slots(data / "slots", releases.factory).look()
    assert found is not None
    assert (found[0], found[1].name) == ("a", "one")
    (data / "slots/a/release/catalogue.csv").write_text("sku\n")
    before = (data / "slots/state.json").read_bytes()
    with pytest.raises(SlotDamaged, match=r"catalogue\.csv is damaged"):
        Slots(data / "slots", releases.factory).look()
    assert (data / "slots/state.json").read_bytes() == before


def test_an_unreadable_state_trusts_no_slot(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    (data / "slots/state.json").write_text('{"format_version": 1, "active": "c"}')
    name, trouble = booted(data, releases)
    assert name == "factory-1"
    assert "state.json" in trouble


def test_without_any_release_it_says_what_to_mend(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such release"):
        Slots(data / "slots", tmp_path / "nowhere").boot()


def test_another_release_than_the_signed_one_is_not_loaded(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    bundle = releases.bundle("one").model_copy(update={"release": "two"})
    slots.stage(bundle, SIGNED, releases.fetch("one"))
    staged = slots.staged("two")
    with pytest.raises(InputError, match="was signed as two"):
        slots.load(staged)
    with pytest.raises(SlotDamaged, match="holds two, not one"):
        slots.staged("one")


def test_what_is_fetched_and_is_something_else_does_not_get_in(
    data: Path, releases: Releases
) -> None:
    slots = slots_of(data, releases)

    def lie(file: BundleFile) -> Path:
        path = releases.fetch("one")(file)
        path.write_bytes(b"something else")
        return path

    with pytest.raises(ReleaseRefused):
        slots.stage(releases.bundle("one"), SIGNED, lie)
    assert not (data / "slots/a").exists()


class FullDisk(RealDisk):
    """Takes so many more bytes, and says what it likes about how many."""

    def __init__(self, takes: int, says: int = 10**12) -> None:
        self.takes, self.says = takes, says

    def write(self, path: Path, content: bytes) -> None:
        self._take(len(content))
        super().write(path, content)

    def copy(self, source: Path, target: Path) -> None:
        self._take(source.stat().st_size)
        super().copy(source, target)

    def free_bytes(self, folder: Path) -> int:
        return self.says

    def _take(self, count: int) -> None:
        if count > self.takes:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.takes -= count


@pytest.mark.parametrize("takes", [400, 1_000, 3_000])
def test_a_disk_that_fills_up_leaves_the_old_one_running_and_is_cleaned(
    takes: int, data: Path, releases: Releases
) -> None:
    install(slots_of(data, releases), releases, "one")
    slots = slots_of(data, releases, FullDisk(takes))
    with pytest.raises(ReleaseRefused, match="disk is full"):
        slots.stage(releases.bundle("two"), SIGNED, releases.fetch("two"))
    assert not (data / "slots/b").exists()
    assert booted(data, releases) == ("one", "")


def test_what_will_not_fit_is_not_begun(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases, FullDisk(10**9, says=10_000_000))
    releases.fetched.clear()
    with pytest.raises(ReleaseRefused, match="10 MB are free"):
        slots.stage(releases.bundle("one"), SIGNED, releases.fetch("one"))
    assert releases.fetched == []
    assert not (data / "slots/a").exists()


def test_a_broken_off_stage_keeps_what_it_has_and_is_no_release(
    data: Path, releases: Releases
) -> None:
    slots = slots_of(data, releases)
    fetch, asked = releases.fetch("one"), 0

    def broken(file: BundleFile) -> Path:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Unreachable("connection reset")
        return fetch(file)

    with pytest.raises(Unreachable):
        slots.stage(releases.bundle("one"), SIGNED, broken)
    with pytest.raises(SlotDamaged, match="is empty"):
        slots.staged("one")
    releases.fetched.clear()
    install(slots, releases, "one")
    assert len(releases.fetched) == 1


def test_what_is_dropped_does_not_take_the_stand_in_along(data: Path, releases: Releases) -> None:
    slots = slots_of(data, releases)
    install(slots, releases, "one")
    install(slots, releases, "two")
    slots.drop()  # refused before anything was staged
    (data / "slots/b/receipt.json").unlink()
    assert booted(data, releases)[0] == "one"


@pytest.mark.parametrize("survival", SURVIVALS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((), "one", marks=pytest.mark.long),
        (("one",), "two"),
        pytest.param(("one", "two"), "one", marks=pytest.mark.long),
    ],
)
def test_the_power_may_go_between_any_two_steps(
    before: tuple[str, ...], after: str, survival: str, tmp_path: Path, releases: Releases
) -> None:
    """From the station file's own to `one`, from `one` to `two`, and back: always a whole one."""
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    for name in before:
        install(slots_of(prepared, releases, LosingDisk(prepared)), releases, name)
    other = "two" if after == "one" else "one"
    was = before[-1] if before else "factory-1"
    uncut = LosingDisk(shutil.copytree(prepared, tmp_path / "uncut"))
    install(slots_of(tmp_path / "uncut", releases, uncut), releases, after)
    assert uncut.steps > 20
    data = tmp_path / "data"
    for cut in range(uncut.steps):
        shutil.copytree(prepared, data)
        disk = LosingDisk(data, cut_before=cut)
        with pytest.raises(PowerCut):
            install(slots_of(data, releases, disk), releases, after)
        disk.come_back(survival)
        name, trouble = booted(data, releases)
        # The old one or the new one, and in either case no stand-in.
        assert name in (was, after), cut
        assert trouble == "", cut
        # What was left half done is in nobody's way.
        next_one = other if name == after else after
        install(slots_of(data, releases, LosingDisk(data)), releases, next_one)
        assert booted(data, releases) == (next_one, "")
        shutil.rmtree(data)


def test_what_was_activated_survives_whatever_comes(data: Path, releases: Releases) -> None:
    disk = LosingDisk(data)
    install(slots_of(data, releases, disk), releases, "one")
    disk.come_back("lost")
    assert booted(data, releases) == ("one", "")
