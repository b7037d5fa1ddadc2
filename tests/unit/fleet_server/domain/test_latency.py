from beltmark.contract.records import LATENCY_BOUNDS_MS
from fleet_server.domain.latency import Percentile, add_histograms, percentile

BINS = len(LATENCY_BOUNDS_MS) + 1


def test_histograms_are_added_whatever_their_length():
    assert add_histograms([(1, 2), (), (3,)]) == [4, 2] + [0] * (BINS - 2)
    assert add_histograms([]) == [0] * BINS
    assert add_histograms([(1,) * (BINS + 5)]) == [1] * BINS


def test_a_percentile_is_the_bound_within_which_so_many_were():
    counts = [90, 5, 4, *[0] * (BINS - 4), 1]
    assert percentile(counts, 0.5) == Percentile(0.5, 0, 5)
    assert percentile(counts, 0.9) == Percentile(0.9, 0, 5)
    assert percentile(counts, 0.95) == Percentile(0.95, 1, 10)
    assert percentile(counts, 0.99) == Percentile(0.99, 2, 15)
    assert percentile(counts, 1.0) == Percentile(1.0, BINS - 1, None)


def test_no_frames_have_no_percentile():
    assert percentile([0] * BINS, 0.5) is None
