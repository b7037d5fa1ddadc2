"""What a camera that cannot be trusted looks like, on rendered and on real pictures."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.catalogue import read_catalogue
from beltmark.datasets.coco import read_coco
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.capture.faults import Lasted, Lasting, PictureWatch
from edge_agent.capture.health import PictureFault
from edge_agent.capture.reference_file import keep_reference, kept_reference
from edge_agent.capture.scene import LEARNT_PICTURES, SceneReference

Picture = NDArray[np.uint8]
BUNDLED = Path(__file__).parents[4] / "beltmark/bundled"
EVERY_S = 0.5


@lru_cache
def belt(seed: int = 2) -> tuple[Picture, ...]:
    """Two pictures a second of a rendered belt; the first are those that are learnt."""
    world = World(WorldPlan(seed=seed, products=read_catalogue(BUNDLED / "catalogue.csv").products))
    at = [1_000 + EVERY_S * i for i in range(LEARNT_PICTURES + 25)]
    return tuple(world.step(now, permitted=True).image_bgr for now in at)


def noisy(image: Picture, seed: int) -> Picture:
    """What the sensor adds after the lens."""
    return np.asarray(cv2.add(image, noise(image.shape, seed % 7), dtype=cv2.CV_8U), np.uint8)


@lru_cache
def noise(shape: tuple[int, ...], seed: int) -> NDArray[np.int16]:
    return np.random.default_rng(seed).normal(0, 1.5, shape).astype(np.int16)


def unchanged(image: Picture) -> Picture:
    return image


def out_of_focus(image: Picture) -> Picture:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2.5), np.uint8)


def shifted(x_px: float, y_px: float) -> Callable[[Picture], Picture]:
    def shift(image: Picture) -> Picture:
        matrix = np.array([[1, 0, x_px], [0, 1, y_px]], np.float32)
        size = image.shape[1], image.shape[0]
        moved = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8)

    return shift


def darker(image: Picture) -> Picture:
    return np.asarray(image * 0.6, np.uint8)


def smeared(image: Picture) -> Picture:
    mask = np.zeros(image.shape[:2], np.float32)
    cv2.circle(mask, (image.shape[1] // 2, image.shape[0] // 2), 55, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return (image * (1 - soft) + 60 * soft).astype(np.uint8)


def watched(
    learnt: tuple[Picture, ...],
    then: list[Picture],
    *,
    spoil: Callable[[Picture], Picture] = unchanged,
    at: float = 0.0,
    watch: PictureWatch | None = None,
) -> Iterator[PictureFault | None]:
    """What is told of each picture after those that are learnt."""
    watch = watch or PictureWatch(2.0, watches_place=True)
    for i, image in enumerate(learnt):
        assert watch.after(noisy(image, i), at + EVERY_S * i) is None
    for i, image in enumerate(then, len(learnt)):
        yield watch.after(noisy(spoil(image), i), at + EVERY_S * i)


def again(pictures: tuple[Picture, ...], times: int) -> list[Picture]:
    return [image for _ in range(times) for image in pictures]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (unchanged, None),
        (darker, None),
        (shifted(1, 1), None),
        (out_of_focus, "blurred"),
        (shifted(20, 12), "moved"),
        (shifted(0, -8), "moved"),
        (shifted(150, 90), "moved"),
    ],
)
def test_faults_of_a_rendered_belts_camera_are_told_and_nothing_else(
    spoil: Callable[[Picture], Picture], fault: PictureFault | None
) -> None:
    pictures = belt()
    learnt, then = pictures[:LEARNT_PICTURES], list(pictures[LEARNT_PICTURES:])
    told = list(watched(learnt, then, spoil=spoil))
    assert told[-1] == fault
    assert set(told) <= {None, fault}
    # Not before it has lasted.
    assert told[:5] == [None] * 5


def test_a_smear_that_hides_items_is_told_once_enough_have_passed() -> None:
    pictures = belt()
    told = list(watched(pictures[:LEARNT_PICTURES], again(pictures, 3), spoil=smeared))
    assert told[-1] == "dirty"
    assert set(told) <= {None, "dirty"}
    assert set(watched(pictures[:LEARNT_PICTURES], again(pictures, 3))) == {None}


def test_a_fault_is_over_when_it_has_been_away_for_a_while() -> None:
    pictures = belt()
    watch = PictureWatch(2.0, watches_place=True)
    learnt, rest = pictures[:LEARNT_PICTURES], list(pictures[LEARNT_PICTURES:])
    told = list(watched(learnt, rest, spoil=shifted(20, 12), watch=watch))
    assert told[-1] == "moved"
    back = list(watched((), rest, at=100.0, watch=watch))
    assert back[0] == "moved"
    assert back[-1] is None
    assert back.count("moved") >= 6


def test_a_camera_that_is_moved_over_resting_goods_has_no_place() -> None:
    pictures = belt()
    watch = PictureWatch(2.0, watches_place=False)
    learnt, rest = pictures[:LEARNT_PICTURES], list(pictures[LEARNT_PICTURES:])
    assert set(watched(learnt, rest, spoil=shifted(150, 90), watch=watch)) == {None}


def test_what_was_learnt_is_kept_over_a_restart(tmp_path: Path) -> None:
    kept: list[SceneReference] = []
    pictures = belt()
    watch = PictureWatch(2.0, learnt=kept.append, watches_place=True)
    list(watched(pictures[:LEARNT_PICTURES], [], watch=watch))
    path = tmp_path / "camera-reference.npz"
    keep_reference(path, kept[0])
    again = PictureWatch(2.0, reference=kept_reference(path), watches_place=True)
    rest = list(pictures[LEARNT_PICTURES:])
    told = list(watched((), rest, spoil=shifted(20, 12), watch=again))
    assert told[-1] == "moved"
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "camera-reference.npz"
    assert kept_reference(path) is None
    path.write_bytes(content)
    assert kept_reference(path) is None


def test_pictures_of_another_size_are_learnt_anew() -> None:
    pictures = belt()
    watch = PictureWatch(2.0, watches_place=True)
    list(watched(pictures[:LEARNT_PICTURES], [], watch=watch))
    small = tuple(np.asarray(cv2.resize(image, (360, 240)), np.uint8) for image in pictures[:40])
    assert set(watched((), list(small), at=100.0, watch=watch)) == {None}


def test_hysteresis_keeps_what_is_neither_good_nor_bad() -> None:
    lasted = Lasted(Lasting(2.0, 3.0))
    script = [(0, "bad"), (1, "bad"), (2, "bad"), (3, "unsure"), (9, "unsure"), (10, "good"),
              (12, "bad"), (13, "good"), (15, "good"), (16, "good")]  # fmt: skip
    told = [lasted.judge(verdict, float(at)) for at, verdict in script]  # type: ignore[arg-type]
    assert told == [False, False, True, True, True, True, True, True, True, False]


def test_no_fault_is_told_of_the_bundled_video() -> None:
    capture = cv2.VideoCapture(str(next(BUNDLED.rglob("*.mp4"))))
    pictures = []
    while (read := capture.read())[0]:
        pictures.append(np.asarray(read[1], np.uint8))
    every = pictures[::3]
    watch = PictureWatch(2.0, watches_place=True)
    told = [watch.after(image, EVERY_S * i) for i, image in enumerate(again(tuple(every), 4))]
    assert set(told) == {None}


def test_real_sequences_show_no_fault_of_their_own_and_the_ones_made(shared_data: Path) -> None:
    """As a fixed camera would see them: each sequence over and over, in other order."""
    dataset = read_coco(shared_data / "belt" / "annotations.json")
    sequences: dict[str, list[Picture]] = {}
    for image in dataset.images:
        picture = np.asarray(cv2.imread(str(image.path)), np.uint8)
        sequences.setdefault(image.sequence, []).append(picture)
    for pictures in sequences.values():
        if len(pictures) < 8:
            continue
        many = tuple(pictures[i % len(pictures)] for i in range(LEARNT_PICTURES))
        assert set(watched(many, again(tuple(pictures), 2))) == {None}
        if len(pictures) < 16:
            continue
        still = tuple(pictures[0] for _ in range(LEARNT_PICTURES))
        for spoil, fault in ((out_of_focus, "blurred"), (shifted(25, 15), "moved")):
            told = list(watched(still, [pictures[0]] * 20, spoil=spoil))
            assert told[-1] == fault
