from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from labeling.looks import Looks, View
from labeling.samples import Seen

PICTURE = np.zeros((4, 4, 3), np.uint8)


class Counting:
    """Sees the same in everything, and counts how often it looks."""

    def __init__(self) -> None:
        self.looked = 0

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        self.looked += 1
        return Seen(0.25, {"result": [{"id": "a"}]}, np.array([0.6, 0.8], np.float32))


def test_an_image_is_looked_at_once(tmp_path: Path) -> None:
    eyes = Counting()
    for _ in range(2):
        looks = Looks(tmp_path, "model 1")
        view = View(eyes, looks)
        seen = [view.see(f"{k}", lambda: PICTURE) for k in range(300) for _ in range(2)]
        assert {each.uncertainty for each in seen} == {0.25}
        assert view.known("7").prediction == {"result": [{"id": "a"}]}
        assert view.known("7").embedding.tolist() == pytest.approx([0.6, 0.8])
        assert view.known("none") is None
        looks.close()
    assert eyes.looked == 300


def test_another_model_looks_anew_and_two_may_write_at_once(tmp_path: Path) -> None:
    first, second = Looks(tmp_path, "model 1"), Looks(tmp_path, "model 2")
    again = Looks(tmp_path, "model 1")
    for looks in (first, second, again):
        looks.put("a", Seen(0.5, {"result": []}))
    for looks in (again, first, second):
        looks.close()
    third = Looks(tmp_path, "model 3")
    assert third.get("a") is None
    third.close()
    assert len(list(tmp_path.glob("looks-*.sqlite"))) == 3


def test_what_is_no_cache_is_told(tmp_path: Path) -> None:
    Looks(tmp_path, "m").close()
    (path,) = tmp_path.glob("*.sqlite")
    path.write_bytes(b"no database" * 500)
    with pytest.raises(InputError, match="give another --cache"):
        Looks(tmp_path, "m")
