import torch
from hypothesis import given
from hypothesis import strategies as st

from training.data.batches import Batch
from training.growing import GROWN_AT, shown_at, side_at

SIDES = st.integers(2, 16).map(lambda count: 32 * count)


@given(side=SIDES, first=st.floats(0.25, 1), done=st.lists(st.floats(0, 1), min_size=2))
def test_sides_grow_to_the_whole(side: int, first: float, done: list[float]) -> None:
    sides = [side_at(side, share, first) for share in sorted(done)]
    assert sides == sorted(sides)
    assert all(32 <= each <= side and each % 32 == 0 for each in sides)
    assert side_at(side, GROWN_AT, first) == side_at(side, 1, first) == side


def test_a_batch_is_shown_small_at_first_and_whole_at_the_end() -> None:
    images = torch.zeros(2, 64, 128, 3, dtype=torch.uint8)
    images[:, :, 64:] = 200
    batch = Batch(images, torch.zeros(2, 0, 4), torch.zeros(2, 0), torch.tensor([1, 0]))
    small = shown_at(batch, 0, 0.5)
    assert small.images.shape == (2, 32, 64, 3)
    assert small.images.dtype == torch.uint8
    assert small.images[0, 5, 10].tolist() == [0, 0, 0]
    assert small.images[0, 5, 60].tolist() == [200, 200, 200]
    assert small.classes is batch.classes
    assert shown_at(batch, 1, 0.5) is batch
    assert shown_at(batch, 0, 1) is batch
