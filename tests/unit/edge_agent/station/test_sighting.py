import numpy as np
import pytest
from numpy.typing import NDArray

from edge_agent.station.footprint import Footprint
from edge_agent.station.sighting import BestView, SightingInProgress, is_whole


def scores(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def test_views_are_fused_to_their_mean_and_counted_as_votes() -> None:
    seen = SightingInProgress(2)
    for values in ((0.9, 0.1), (0.7, 0.2), (0.2, 0.6), (0.8, 0.1)):
        seen.add(scores(*values), is_whole=True)
    sighting = seen.sighting()
    assert sighting.probabilities.tolist() == pytest.approx([0.65, 0.25])
    assert (sighting.best_class, sighting.views, sighting.agreement) == (0, 4, 0.75)


def test_a_view_cut_by_the_edge_is_no_vote() -> None:
    seen = SightingInProgress(2)
    seen.add(scores(0.1, 0.9), is_whole=False)
    assert seen.sighting().views == 0
    assert seen.sighting().best_class == 1
    seen.add(scores(0.9, 0.1), is_whole=True)
    assert seen.sighting().probabilities.tolist() == pytest.approx([0.9, 0.1])


def test_the_best_view_is_kept() -> None:
    seen = SightingInProgress(1)
    for quality in (1.0, 3.0, 2.0):
        seen.offer_view(BestView(np.zeros((2, 2, 3), np.uint8), (0, 0, 2, 2), quality))
    assert seen.best_view is not None
    assert seen.best_view.quality == 3.0


@pytest.mark.parametrize(
    ("box", "whole"),
    [
        ((10, 10, 50, 50), True),
        ((0, 10, 50, 50), False),
        ((10, 2, 50, 50), False),
        ((10, 10, 99, 50), False),
        ((10, 10, 50, 79.5), False),
    ],
)
def test_a_box_at_the_edge_is_not_whole(
    box: tuple[float, float, float, float], whole: bool
) -> None:
    assert is_whole(box, 100, 80) is whole


def test_a_sighting_has_the_median_of_what_its_views_measured() -> None:
    seen = SightingInProgress(1)
    assert seen.sighting().footprint is None
    for length_mm in (99, 104, 100):
        seen.add(scores(0.9), is_whole=True)
        seen.add_footprint(Footprint(length_mm, 50))
    assert seen.sighting().footprint == Footprint(100, 50)
