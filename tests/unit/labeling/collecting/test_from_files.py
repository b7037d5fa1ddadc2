"""What is distinct and sharp of a video or a folder: the zone and nothing else, each once."""

import itertools
import os
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest
from collected import FORK, NOON, blurred, coded, collection_at, killed_before, scene, write_clip
from PIL import Image

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from labeling.collecting.from_files import FilesPlan, Taken, take_files

WHOLE = FilesPlan("cup", ("cup", "tube"), None, 0.0, 30)


def take(folder: Path, source: Path, plan: FilesPlan = WHOLE) -> Taken:
    with collection_at(folder) as collection:
        return take_files(collection, source, plan, NOON)


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    one, two, three = scene(1), scene(2), scene(3)
    return write_clip(tmp_path / "clip.avi", [one, one, blurred(two), two, two, one, three])


def test_of_a_video_each_picture_is_kept_once_and_no_blurred_one(
    tmp_path: Path, clip: Path
) -> None:
    taken = take(tmp_path / "c", clip)

    assert (taken.fresh, taken.record.blurred, taken.record.alike) == (3, 1, 3)
    assert taken.record.looked == 7
    dataset = read_dataset(tmp_path / "c")
    assert [image.class_index for image in dataset.images] == [0, 0, 0]
    kept = cv2.imread(str(dataset.images[1].path)).astype(int)
    assert np.abs(kept - scene(2)).mean() < 12


def test_a_video_is_taken_once_wherever_it_lies(tmp_path: Path, clip: Path) -> None:
    take(tmp_path / "c", clip)
    before = content_of(tmp_path / "c")
    (tmp_path / "elsewhere").mkdir()
    moved = clip.rename(tmp_path / "elsewhere" / "clip.avi")

    taken = take(tmp_path / "c", moved)

    assert taken.is_known
    assert content_of(tmp_path / "c") == before


def test_only_some_frames_of_a_video_are_looked_at(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", [scene(seed) for seed in range(9)], fps=10)

    taken = take(tmp_path / "c", clip, FilesPlan("cup", (), None, 0.3, 30))

    assert taken.fresh == 3


def test_the_same_video_gives_the_same_files(tmp_path: Path, clip: Path) -> None:
    take(tmp_path / "a", clip)
    take(tmp_path / "b", clip)

    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_killed_anywhere_it_goes_on_and_nothing_is_doubled(
    tmp_path: Path, clip: Path, kind: str
) -> None:
    source = clip
    if kind == "folder":
        source = tmp_path / "photos"
        for number in range(5):
            (source / f"{number % 2}").mkdir(parents=True, exist_ok=True)
            (source / f"{number % 2}" / f"{number}.jpg").write_bytes(coded(scene(number // 2)))
    take(tmp_path / "whole", source)
    whole = content_of(tmp_path / "whole")
    killed = 0
    for step in range(0, 200, 5):  # no multiple of what a picture takes
        folder = tmp_path / f"killed-{step}"

        def work(folder: Path = folder) -> None:
            ticks = itertools.count(0, 100)  # it notes how far it is after each picture
            with collection_at(folder) as collection:
                take_files(collection, source, WHOLE, NOON, tick=lambda: next(ticks))

        is_done = not killed_before(step, work)
        take(folder, source)
        assert content_of(folder) == whole
        if is_done:
            break
        killed += 1
    else:
        pytest.fail("it never came to an end")
    assert killed > 3


def test_killed_before_anything_was_noted_it_begins_anew(tmp_path: Path, clip: Path) -> None:
    take(tmp_path / "whole", clip)

    def work() -> None:
        passed = 0

        def advance(count: int) -> None:
            nonlocal passed
            passed += count
            if passed == 5:
                os.kill(os.getpid(), signal.SIGKILL)

        with collection_at(tmp_path / "c") as collection:
            take_files(collection, clip, WHOLE, NOON, advance=advance)

    process = FORK.Process(target=work)
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    take(tmp_path / "c", clip)

    assert content_of(tmp_path / "c") == content_of(tmp_path / "whole")


def photo(path: Path, orientation: int = 1) -> Path:
    """A photograph as a telephone makes it: where it was taken, by what, and how to turn it."""
    picture = scene(7, 200, 120)
    picture[:40, :40] = (0, 0, 255)
    image = Image.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = orientation, "Telephone", "SECRET-MODEL"
    exif[0x8825] = {1: "N", 2: (47.0, 22.0, 30.0), 3: "E", 4: (8.0, 32.0, 10.0)}
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_a_photograph_is_turned_and_loses_all_that_it_tells(tmp_path: Path, ending: str) -> None:
    given = photo(tmp_path / "photos" / f"one.{ending}", orientation=6)
    with Image.open(given) as image:
        assert image.getexif().get_ifd(0x8825), "the test's own photograph tells a place"

    take(tmp_path / "c", given.parent)

    (path,) = (tmp_path / "c").rglob("*.jpg")
    with Image.open(path) as image:
        assert image.size == (120, 200)
        assert len(image.getexif()) == 0
        assert image.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        red, green, blue = image.convert("RGB").getpixel((100, 20))
        assert red > 180
        assert max(green, blue) < 70, "what was left and above is right and above now"
    assert b"SECRET" not in path.read_bytes()
    told = (tmp_path / "c" / "sessions").glob("*/session.json")
    assert all(str(tmp_path) not in path.read_text() for path in told)


def test_the_zone_alone_is_kept(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "one.jpg")
    plan = FilesPlan(None, (), (10, 20, 90, 80), 0.0, 30)

    take(tmp_path / "c", tmp_path / "photos", plan)

    (path,) = (tmp_path / "c").rglob("*.jpg")
    whole = cv2.imread(str(tmp_path / "photos" / "one.jpg")).astype(int)
    kept = cv2.imread(str(path)).astype(int)
    assert kept.shape == (60, 80, 3)
    assert np.abs(kept - whole[20:80, 10:90]).mean() < 4


def test_a_zone_beyond_the_picture_is_refused_and_can_be_mended(tmp_path: Path) -> None:
    photo(tmp_path / "photos" / "one.jpg")

    with pytest.raises(InputError, match="beyond the picture of 200x120") as raised:
        take(tmp_path / "c", tmp_path / "photos", FilesPlan(None, (), (0, 0, 300, 80), 0.0, 30))

    assert raised.value.file == tmp_path / "photos" / "one.jpg"
    taken = take(tmp_path / "c", tmp_path / "photos", FilesPlan(None, (), (0, 0, 99, 80), 0, 30))
    assert taken.fresh == 1


def test_a_folder_that_grew_gives_what_is_new(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        (photos / f"b{number}.jpg").write_bytes(coded(scene(number)))
    take(tmp_path / "c", photos)
    (photos / "a.jpg").write_bytes(coded(scene(9)))

    taken = take(tmp_path / "c", photos)

    assert (taken.fresh, len(taken.record.images)) == (1, 3)
    assert taken.record.names == ("b0.jpg", "b1.jpg", "a.jpg")


def test_the_same_files_in_another_folder_come_once(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(2):
        (photos / f"{number}.jpg").write_bytes(coded(scene(number)))
    take(tmp_path / "c", photos)
    shutil.copytree(photos, tmp_path / "copy")

    taken = take(tmp_path / "c", tmp_path / "copy")

    assert (taken.fresh, taken.there) == (0, 2)


def test_what_cannot_be_read_is_told_and_passed_over(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "good.jpg").write_bytes(coded(scene(1)))
    (photos / "bad.jpg").write_bytes(b"no picture")
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "telephone.heic").write_bytes(b"of a kind that is not known")

    taken = take(tmp_path / "c", photos)

    assert taken.others == 1

    assert (taken.fresh, taken.unreadable) == (1, ["bad.jpg", "empty.jpg"])
    assert taken.record.unreadable == 2


def test_another_class_for_the_same_pictures_is_refused(tmp_path: Path, clip: Path) -> None:
    take(tmp_path / "c", clip)

    with pytest.raises(InputError, match="the class was cup, and is tube now"):
        take(tmp_path / "c", clip, FilesPlan("tube", (), None, 0.0, 30))


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_a_file_that_is_no_video_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)

    with pytest.raises(InputError, match="as a video"):
        take(tmp_path / "c", tmp_path / "clip.mp4")


def test_a_video_that_is_cut_off_gives_what_it_has_and_tells(tmp_path: Path, clip: Path) -> None:
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])

    taken = take(tmp_path / "c", clip)

    assert taken.fresh >= 1
    assert taken.missing >= 1


def test_what_is_too_large_for_a_jpeg_is_told(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "long.png"), np.zeros((2, 65_600, 3), np.uint8))

    with pytest.raises(InputError, match="65600x2 is too large"):
        take(tmp_path / "c", tmp_path / "photos")
