"""Which frames of a zone a detector must look at: pictures here are noise, light and squares."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.vision.motion import MotionGate

ZONE = (0, 0, 240, 160)
FPS = 10.0
LONGEST_S = 1.0


class Film:
    """An empty zone filmed with some noise, held before a gate frame by frame."""

    def __init__(self) -> None:
        self.gate = MotionGate(ZONE)
        self.frames = 0
        self._random = np.random.default_rng(1)

    def empty(self, light: float = 60.0) -> NDArray[np.uint8]:
        noise = self._random.normal(light, 3.0, (160, 240, 3))
        return np.clip(noise, 0, 255).astype(np.uint8)

    def looks(self, image: NDArray[np.uint8], longest_s: float = LONGEST_S) -> bool:
        self.frames += 1
        return self.gate.must_look(image, self.frames / FPS, longest_s)

    def learn(self) -> None:
        for _ in range(80):
            self.looks(self.empty())


def test_an_empty_zone_is_looked_at_until_it_is_known_and_then_as_often_as_asked() -> None:
    film = Film()
    assert all(film.looks(film.empty()) for _ in range(30)), "nothing is known of it yet"
    film.learn()
    looks = [film.looks(film.empty()) for _ in range(100)]
    assert sum(looks) == 10
    longest = max(map(len, "".join("x" if look else "." for look in looks).split("x")))
    assert longest < LONGEST_S * FPS


def test_an_item_that_comes_in_is_looked_at_in_its_first_frame_and_in_each_one_after() -> None:
    for edge_px in (4, 8, 30):
        film = Film()
        film.learn()
        assert any(not film.looks(film.empty()) for _ in range(3))
        image = film.empty()
        image[60:110, :edge_px] = np.minimum(image[60:110, :edge_px] + 25, 255)
        assert all(film.looks(image) for _ in range(20)), edge_px


def test_what_is_in_the_zone_is_looked_at_in_every_frame_and_teaches_nothing() -> None:
    film = Film()
    film.learn()
    item = film.empty()
    item[60:110, 100:150] += 40
    assert all(film.looks(item, 0.0) for _ in range(200))
    assert not all(film.looks(film.empty()) for _ in range(3)), "the zone is empty again"
    assert film.looks(item), "and it is still known what it looks like when it is empty"


def test_light_that_changes_slowly_or_all_over_is_not_looked_at() -> None:
    film = Film()
    film.learn()
    drift = [film.looks(film.empty(60 + 0.05 * i)) for i in range(200)]
    assert sum(drift) <= 22
    flicker = [film.looks(film.empty(70 + 4 * (i % 2))) for i in range(100)]
    assert sum(flicker) <= 12


def test_a_zone_that_looks_otherwise_for_good_is_learnt_anew() -> None:
    film = Film()
    film.learn()

    def marked() -> NDArray[np.uint8]:
        image = film.empty()
        image[20:60, 20:60] //= 2
        return image

    assert all(film.looks(marked()) for _ in range(30))
    for _ in range(2_500):
        film.looks(marked())
    assert sum(film.looks(marked()) for _ in range(100)) <= 15


def test_a_clock_that_is_set_back_and_a_picture_of_another_size_are_looked_at() -> None:
    film = Film()
    film.learn()
    film.looks(film.empty())
    assert film.gate.must_look(film.empty(), 0.1, LONGEST_S)
    assert film.gate.must_look(film.empty()[:100], 0.2, LONGEST_S)
    assert film.gate.must_look(film.empty()[:0], 0.3, LONGEST_S), "a zone outside the picture"


def test_a_picture_without_any_noise_does_not_count_as_changing() -> None:
    film = Film()
    image = np.full((160, 240, 3), 50, np.uint8)
    for _ in range(80):
        film.looks(image)
    assert sum(film.looks(image) for _ in range(50)) == 5
    brighter = image.copy()
    brighter[40:90, 40:90] += 6
    assert film.looks(brighter)
