"""Whole items over a belt of blobs: each fate occurs where it was planted, whatever was kept."""

from pathlib import Path

import numpy as np
import pytest
from item_belt import PLANTED, ItemBelt, Pass, blob_release

from beltmark.contract.policy import Policy
from beltmark.contract.release import Release
from edge_agent.station.items import Rules
from edge_agent.vision.detector import Detector
from training.evaluate.items import JudgedItem, tally
from training.evaluate.items_mistakes import mistakes_section, worst
from training.evaluate.items_recording import (
    IGNORED,
    NOTHING,
    Recording,
    from_bytes,
    to_bytes,
    true_ids_of,
)
from training.evaluate.items_replay import replay
from training.evaluate.items_section import items_section
from training.evaluate.items_sources import gather

pytestmark = pytest.mark.xdist_group("blob_items")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return blob_release(tmp_path_factory.mktemp("blob"))


@pytest.fixture(scope="module")
def recording(release: Release) -> Recording:
    return ItemBelt().record(Detector(release.package))


@pytest.fixture(scope="module")
def judged(release: Release, recording: Recording) -> list[JudgedItem]:
    return replay(recording, _rules(release, 0.0))


def _rules(release: Release, threshold: float) -> Rules:
    return Rules(release.package.manifest, Policy(threshold=threshold), release.catalogue)


def test_every_fate_occurs_where_it_was_planted(judged: list[JudgedItem]) -> None:
    fates = {item.true.item_id if item.true else None: item.fate() for item in judged}
    assert fates == {
        1: "right",
        2: "wrong",
        3: "twice",
        4: "review",
        5: "missed",
        6: "foreign_printed",
        7: "foreign_left",
        None: "on_nothing",
    }
    counts = tally(judged)
    assert (counts.labels, counts.right, counts.wrong, counts.products) == (6, 2, 4, 5)
    assert counts.coverage == pytest.approx(1 / 5)


def test_a_threshold_that_nothing_reaches_prints_nothing(
    release: Release, recording: Recording, judged: list[JudgedItem]
) -> None:
    assert tally(judged, 0.96).labels == 0
    at_once = replay(recording, _rules(release, 0.96))
    assert [item.fate() for item in at_once] == [
        fate for item in judged if (fate := item.fate(0.96)) or item.true
    ] + [None]
    # Below what the model is sure of, to judge without a threshold and to sort out is the same.
    with_one = replay(recording, _rules(release, 0.5))
    assert [item.fate() for item in with_one] == [item.fate(0.5) for item in judged]


def test_a_recording_that_is_kept_is_not_made_anew_and_a_damaged_one_is(
    release: Release, tmp_path: Path
) -> None:
    belts = [ItemBelt(PLANTED[:1], "belt 1"), ItemBelt(PLANTED[1:2], "belt 2")]
    done: list[str] = []
    first = gather(release.package, belts, tmp_path, done.append)
    assert done == ["belt 1", "belt 2"]
    files = sorted(tmp_path.iterdir())
    assert len(files) == 2
    looks_no_more = [_Deaf(belt.passes, belt.name) for belt in belts]
    again = gather(release.package, looks_no_more, tmp_path)
    assert [to_bytes(each) for each in again] == [to_bytes(each) for each in first]
    files[0].write_bytes(files[0].read_bytes()[:-40])
    healed = gather(release.package, belts, tmp_path)
    assert [to_bytes(each) for each in healed] == [to_bytes(each) for each in first]


class _Deaf(ItemBelt):
    def record(self, detector: Detector) -> None:  # type: ignore[override]
        raise AssertionError("is kept already")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"{}" * 50])
def test_what_is_no_recording_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_bytes(content)


def test_detections_belong_to_what_they_overlap_most() -> None:
    boxes = np.array([[0, 0, 10, 10], [8, 0, 18, 10], [50, 50, 60, 60], [80, 0, 90, 9]], np.float32)
    items = np.array([[1, 0, 11, 10], [7, 0, 17, 10]], np.float32)
    ids = true_ids_of(boxes, np.array([4, 9]), items, np.array([[45, 45, 70, 70]], np.float32))
    assert ids.tolist() == [4, 9, IGNORED, NOTHING]


def test_wrong_labels_come_first_then_what_was_missed_then_sure_reviews(
    judged: list[JudgedItem],
) -> None:
    mistakes = worst(judged)
    fates = [mistake.item.fate() for mistake in mistakes]
    assert set(fates[:4]) == {"wrong", "twice", "foreign_printed", "on_nothing"}
    assert fates[4:] == ["missed", "review"]
    assert [mistake.item.fate() for mistake in worst(judged, 2)] == fates[:2]


def test_the_sections_tell_and_show(
    release: Release, recording: Recording, judged: list[JudgedItem]
) -> None:
    policy = Policy(threshold=0.0)
    section = items_section(judged, policy)
    assert section.numbers["wrong_labels"] == 4
    assert section.numbers["fate_missed"] == 1
    assert section.numbers["precision"] == pytest.approx(2 / 6)
    assert "6 labels, 4 wrong" in section.told[0]
    belt = ItemBelt()
    recordings = [recording]
    shown = mistakes_section(release.package, policy, judged, [belt], recordings, most=6)
    assert shown.numbers == {"shown": 6, "bad_items": 4}
    pictures = [each for each in shown.figures if each.media_type == "image/jpeg"]
    assert len(pictures) == 6
    assert "item 2, a tube, got the label of CARTON-01, as a carton with 0.95" in str(
        [figure.title for figure in pictures]
    )
    nobody = mistakes_section(release.package, policy, judged[:1], [belt], recordings)
    assert nobody.figures == ()


def test_an_item_that_is_not_due_counts_only_with_a_label(release: Release) -> None:
    early = PLANTED[5].true
    assert early is not None
    belt = ItemBelt((Pass(None, type(early)(5, "tube", ("TUBE-01",), is_due=False)),))
    (item,) = replay(belt.record(Detector(release.package)), _rules(release, 0.0))
    assert item.fate() is None
