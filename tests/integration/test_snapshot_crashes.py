"""Killed, without power, and two at once: a store of snapshots stays whole."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from losing_disk import SURVIVALS, LosingDisk, PowerCut
from snapshot_store import NOON, HastyDisk, a_store, put, simple, snapshot

from beltmark.contract.documents import write_json
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.forgetting import Forgetting, forget, images_named
from beltmark.datasets.snapshots.store import Store
from beltmark.datasets.snapshots.verifying import verify

pytestmark = pytest.mark.xdist_group("snapshot crashes")
FORK = multiprocessing.get_context("fork")


class KillingDisk(HastyDisk):
    """Kills the process before one of its steps."""

    def __init__(self, step: int) -> None:
        self.left = step

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not callable(found):
            return found

        def step(*arguments: Any) -> Any:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            return found(*arguments)

        return step


def run(work: Callable[[], None]) -> int | None:
    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    return process.exitcode


def test_killed_at_any_step_the_store_is_whole_and_the_next_try_goes_on(tmp_path: Path) -> None:
    data = simple(tmp_path, "a.jpg", "b.jpg")
    more = simple(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    whole = a_store(tmp_path / "whole")
    old = put(whole, data, name="belt").digest
    new = put(whole, more, name="belt", parent="belt").digest
    killed = 0
    for step in range(200):
        folder = tmp_path / str(step)
        folder.mkdir()
        store = a_store(folder)
        put(store, data, name="belt")

        def work(store: Store = store, step: int = step) -> None:
            put(Store(store.folder, KillingDisk(step)), more, name="belt", parent="belt")

        code = run(work)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        assert not verify(store).damage
        assert store.find("belt") in {old, new}
        assert read_dataset(store.folder).images
        assert put(store, more, name="belt", parent="belt").digest == new
        assert [*(store.folder / "unfinished").iterdir()] == []
    else:
        pytest.fail("it never came to an end")
    assert killed > 15


def test_killed_while_the_store_is_made(tmp_path: Path) -> None:
    data = simple(tmp_path, "a.jpg")
    for step in range(12):
        folder = tmp_path / str(step)
        folder.mkdir()

        def work(folder: Path = folder, step: int = step) -> None:
            put(Store.create(folder / "store", KillingDisk(step)), data, name="belt")

        run(work)
        put(a_store(folder), data, name="belt")
        assert not verify(a_store(folder)).damage


@pytest.mark.long
def test_killed_while_forgetting_it_is_done_by_the_next_try(tmp_path: Path) -> None:
    data = simple(tmp_path, "a.jpg", "b.jpg")
    why = Forgetting("asked to", "mara", NOON)
    for step in range(60):
        folder = tmp_path / str(step)
        folder.mkdir()
        store = a_store(folder)
        old = put(store, data, name="belt").digest
        images = images_named(snapshot(store, "belt"), ["a.jpg"])

        def work(store: Store = store, step: int = step, images: tuple[str, ...] = images) -> None:
            forget(Store(store.folder, KillingDisk(step)), images, why)

        code = run(work)
        if code == 0:
            break
        forget(store, images, why)
        assert len(read_dataset(store.folder).images) == 1
        assert not verify(store).damage
        with pytest.raises(InputError, match="had to be forgotten"):
            read_dataset(Path(f"{store.folder}@{old}"))
    else:
        pytest.fail("it never came to an end")


@pytest.mark.parametrize("survival", SURVIVALS)
def test_without_power_no_manifest_names_what_was_not_on_the_disk(
    tmp_path: Path, survival: str
) -> None:
    data = simple(tmp_path, "a.jpg")
    whole = put(a_store(tmp_path / "whole"), data).digest
    cut = True
    step = -1
    while cut:
        step += 1
        folder = tmp_path / str(step)
        folder.mkdir()
        disk = LosingDisk(folder, cut_before=step)
        try:
            put(Store.create(folder, disk), data, name="belt")  # type: ignore[arg-type]
            cut = False
        except PowerCut:
            pass
        disk.come_back(survival)
        store = Store.create(folder, HastyDisk())
        assert not verify(store).damage, step
        assert all(digest == whole for digest in store.names().values())
        assert cut or store.names() == {"belt": whole}
        assert put(store, data, name="belt").digest == whole
        assert not verify(store).damage, step
    assert step > 15


def test_two_at_once_are_both_there(tmp_path: Path) -> None:
    a_store(tmp_path)
    names = ("first", "second")
    data = {name: simple(tmp_path / name, "both.jpg", f"{name}.jpg") for name in names}
    ready = FORK.Barrier(2)

    def work(name: str) -> None:
        ready.wait(30)
        put(Store(tmp_path / "store"), data[name], name=name)

    processes = [FORK.Process(target=work, args=(name,)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    store = a_store(tmp_path)
    assert not verify(store).damage
    for name in names:
        assert len(read_dataset(Path(f"{store.folder}@{name}")).images) == 2


def test_of_two_who_move_a_name_at_once_one_is_told(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    put(store, simple(tmp_path, "a.jpg"), name="belt")
    data = {name: simple(tmp_path, "a.jpg", f"{name}.jpg") for name in "bc"}
    ready, told = FORK.Barrier(2), FORK.Queue()
    parent = store.find("belt")

    def work(name: str) -> None:
        ready.wait(30)
        try:
            told.put(put(Store(store.folder), data[name], name="belt", parent=parent).digest)
        except InputError as error:
            told.put(error.problem)

    processes = [FORK.Process(target=work, args=(name,)) for name in "bc"]
    for process in processes:
        process.start()
    found = sorted(told.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(60)
    assert found[0] == store.find("belt")
    assert "the snapshot is made" in found[1]
    assert len(store.snapshots()) == 3


def photographs(folder: Path, count: int) -> Path:
    images = []
    picture = np.zeros((32, 32, 3), np.uint8)
    for number in range(count):
        picture[:] = (number % 256, number // 256, 0)
        cv2.imwrite(str(folder / f"{number}.png"), picture)
        images.append({"id": number, "file_name": f"{number}.png", "width": 32, "height": 32})
    path = folder / "annotations.json"
    categories = [{"id": 1, "name": "cup"}]
    write_json(path, {"categories": categories, "images": images, "annotations": []})
    return path


def test_the_command_killed_amid_its_work_goes_on_where_it_was(tmp_path: Path) -> None:
    source, store = photographs(tmp_path, 700), tmp_path / "store"
    command = [
        sys.executable, "-m", "training.cli", "data", "add", str(source),
        "--store", str(store), "--name", "belt",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    objects = store / "objects"
    deadline = time.monotonic() + 120
    while len([*objects.glob("*/*")]) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    before = len([*objects.glob("*/*")])
    assert 20 <= before < 700
    assert not verify(Store(store)).damage
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "700 images, 700 of them new" in done.stdout
    assert f"{700 - before} stored" in done.stdout
    data = read_dataset(Path(f"{store}@belt"))
    assert isinstance(data, Dataset)
    assert len(data.images) == 700
    assert not verify(Store(store)).damage
