import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.datasets.checks.alike import (
    CORRELATION,
    DHASH_BITS,
    MOST_CANDIDATES,
    PHASH_BITS,
    aligned_correlation,
    candidates,
    most_alike,
    near_pairs,
)
from beltmark.datasets.checks.pixels import measure

Picture = NDArray[np.uint8]


def scene(seed: int) -> Picture:
    """Large blobs, so that it has something to be recognised by."""
    chance = np.random.default_rng(seed)
    picture = np.full((160, 160, 3), 120, np.uint8)
    for _ in range(25):
        centre = tuple(int(v) for v in chance.integers(0, 160, 2))
        colour = tuple(int(v) for v in chance.integers(0, 256, 3))
        cv2.circle(picture, centre, int(chance.integers(8, 30)), colour, -1)
    return picture


def near(pictures: list[Picture]) -> set[tuple[int, int, bool]]:
    measured = [measure(picture) for picture in pictures]
    hashes = np.array([each.hashes for each in measured], np.uint64)
    found = near_pairs(hashes, lambda index: measured[index].look, lambda things, told: things)
    return {(pair.first, pair.second, pair.is_mirrored) for pair in found}


def saved_again(picture: Picture) -> Picture:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def letterboxed(picture: Picture) -> Picture:
    return cv2.copyMakeBorder(picture, 40, 40, 0, 0, cv2.BORDER_CONSTANT, value=(114, 114, 114))


@pytest.mark.parametrize(
    "changed",
    [
        saved_again,
        lambda picture: cv2.resize(picture, (100, 90)),
        lambda picture: np.clip(picture * 0.8 + 20, 0, 255).astype(np.uint8),
        lambda picture: picture[6:, 4:-6],
        letterboxed,
    ],
)
def test_a_changed_copy_is_found(changed) -> None:  # type: ignore[no-untyped-def]
    others = [scene(seed) for seed in range(1, 12)]
    assert near([scene(0), *others, changed(scene(0))]) == {(0, 12, False)}


def test_a_mirrored_copy_is_found() -> None:
    assert near([scene(0), scene(1), scene(0)[:, ::-1].copy()]) == {(0, 2, True)}


def test_letterbox_bars_do_not_make_pictures_alike() -> None:
    assert not near([letterboxed(scene(seed)) for seed in range(8)])


def test_another_object_before_the_same_background_is_no_copy() -> None:
    def belt(colour: tuple[int, int, int], size: int, noise: int) -> Picture:
        picture = np.full((160, 160, 3), 200, np.uint8)
        cv2.rectangle(picture, (20, 0), (130, 159), (40, 40, 40), -1)
        cv2.rectangle(picture, (60, 50), (60 + size, 50 + size), colour, -1)
        chance = np.random.default_rng(noise)
        return np.clip(picture + chance.normal(0, 8, picture.shape), 0, 255).astype(np.uint8)

    same, again = belt((60, 200, 230), 20, 1), belt((60, 200, 230), 20, 2)
    other = belt((40, 40, 40), 20, 3)
    looks = [measure(picture).look for picture in (same, again, other)]
    assert aligned_correlation(looks[0], looks[1]) > CORRELATION
    assert aligned_correlation(looks[0], looks[2]) == -1


def test_candidates_are_those_of_a_plain_comparison() -> None:
    chance = np.random.default_rng(3)
    hashes = chance.integers(0, 2**63, (150, 2, 2), dtype=np.uint64)
    hashes[100:] = hashes[:50]
    hashes[100:, 0, 0] ^= np.uint64(0b1011)  # three bits of pHash differ
    expected = set()
    for first in range(len(hashes)):
        for second in range(first + 1, len(hashes)):
            for side in (0, 1):
                bits = [
                    int(hashes[first, 0, k] ^ hashes[second, side, k]).bit_count() for k in (0, 1)
                ]
                if bits[0] <= PHASH_BITS and bits[1] <= DHASH_BITS:
                    expected.add((first, second))
    assert {(each.first, each.second) for each in candidates(hashes)} == expected
    assert {(index, index + 100) for index in range(50)} <= expected


def test_candidates_of_one_picture_are_bounded() -> None:
    hashes = np.zeros((40, 2, 2), np.uint64)
    found = candidates(hashes)
    assert max(sum(each.first == index for each in found) for index in range(40)) == MOST_CANDIDATES
    assert {each.second for each in found} == set(range(1, 40))


def test_pictures_of_one_colour_are_alike_only_if_it_is_the_same() -> None:
    grey = np.full((64, 64), 90, np.uint8)
    assert aligned_correlation(grey, grey) == 1
    assert aligned_correlation(grey, grey + 90) == -1


def test_the_most_alike_is_found_among_many_but_no_mirrored_one() -> None:
    measured = [measure(scene(seed)) for seed in range(6)]
    hashes = np.array([each.hashes for each in measured], np.uint64)

    def found(picture: Picture) -> int | None:
        return most_alike(measure(picture), hashes, lambda index: measured[index].look)

    assert found(saved_again(scene(4))) == 4
    assert found(scene(9)) is None
    assert found(np.ascontiguousarray(scene(4)[:, ::-1])) is None
    assert most_alike(measured[0], hashes[:0], lambda index: measured[index].look) is None
