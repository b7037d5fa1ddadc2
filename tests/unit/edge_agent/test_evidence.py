from pathlib import Path

import cv2
import numpy as np

from edge_agent.evidence import EvidenceFolder


def picture(value: int = 200) -> np.ndarray:  # type: ignore[type-arg]
    return np.full((20, 30, 3), value, np.uint8)


def test_a_picture_is_kept_under_the_name_of_its_item(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path / "items")
    folder.keep("i1", picture())
    folder.close()
    kept = cv2.imread(str(tmp_path / "items" / "i1.jpg"))
    assert kept is not None
    assert kept.shape == (20, 30, 3)
    assert abs(int(kept.mean()) - 200) <= 2


def test_the_oldest_make_room_also_those_of_an_earlier_run(tmp_path: Path) -> None:
    for run in range(2):
        folder = EvidenceFolder(tmp_path, max_pictures=4)
        for i in range(3):
            folder.keep(f"r{run}-{i}", picture())
        folder.close()
    assert len(list(tmp_path.glob("*.jpg"))) == 4
    assert {path.stem for path in tmp_path.glob("r1-*.jpg")} == {"r1-0", "r1-1", "r1-2"}


def test_a_picture_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path / "items")
    (tmp_path / "items").rmdir()
    folder.keep("lost", picture())
    folder.keep("empty", np.zeros((0, 0, 3), np.uint8))
    folder.close()
    assert not (tmp_path / "items").exists()


def test_what_is_kept_is_shown_even_while_the_disk_takes_nothing(tmp_path: Path) -> None:
    shown: dict[str, bytes] = {}
    folder = EvidenceFolder(tmp_path / "items", show=shown.__setitem__)
    (tmp_path / "items").rmdir()
    folder.keep("i1", picture())
    folder.keep("i2", picture(90))
    folder.keep("empty", np.zeros((0, 0, 3), np.uint8))
    folder.close()
    assert set(shown) == {"i1", "i2"}
    image = cv2.imdecode(np.frombuffer(shown["i2"], np.uint8), cv2.IMREAD_COLOR)
    assert abs(int(image.mean()) - 90) <= 2


def test_a_picture_that_cannot_be_shown_is_kept_and_the_next_one_too(tmp_path: Path) -> None:
    def refuse(item_id: str, jpeg: bytes) -> None:
        raise RuntimeError("nobody looks")

    folder = EvidenceFolder(tmp_path, show=refuse)
    for item_id in ("a", "b"):
        folder.keep(item_id, picture())
    folder.close()
    assert {path.stem for path in tmp_path.glob("*.jpg")} == {"a", "b"}
