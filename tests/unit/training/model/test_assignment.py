import torch

from training.model.assignment import PLACES_PER_OBJECT, assign
from training.model.detector import places
from training.model.labels import NOT_JUDGED, PADDING

CENTRES, STRIDES = places(64, 96)


def answer(
    boxes: list[list[float]], labels: list[int], predicted: torch.Tensor | None = None
) -> tuple[torch.Tensor, ...]:
    """Assigns for one image; the network frames 20 pixels around each place unless given."""
    if predicted is None:
        predicted = torch.cat((CENTRES - 10, CENTRES + 10), dim=1)
    scores = torch.full((len(CENTRES), 3), 0.2)
    targets = assign(
        predicted[None],
        scores[None],
        CENTRES,
        torch.tensor([boxes], dtype=torch.float32),
        torch.tensor([labels]),
    )
    return targets.scores[0], targets.boxes[0], targets.positive[0], targets.judged[0]


def test_places_answer_for_the_object_they_lie_in() -> None:
    scores, boxes, positive, judged = answer([[10, 10, 40, 40], [50, 20, 90, 60]], [0, 2])
    assert judged.all()
    assert 0 < positive.sum() <= 2 * PLACES_PER_OBJECT
    for row in positive.nonzero().squeeze(1):
        x, y = CENTRES[row]
        left, top, right, bottom = boxes[row]
        assert left < x < right
        assert top < y < bottom
        assert scores[row].argmax() == (0 if left == 10 else 2)
    assert scores[~positive].sum() == 0


def test_the_best_place_is_to_be_wholly_sure() -> None:
    perfect = torch.cat((CENTRES - 10, CENTRES + 10), dim=1)
    perfect[5] = torch.tensor([30.0, 0.0, 60.0, 20.0])
    scores, _, positive, _ = answer([[30, 0, 60, 20]], [1], perfect)
    assert positive[5]
    assert scores[5, 1] == scores.max()
    torch.testing.assert_close(scores[5, 1], torch.tensor(1.0))


def test_an_object_that_nothing_frames_yet_gets_places_near_its_middle() -> None:
    far = torch.zeros(len(CENTRES), 4)
    _, _, positive, _ = answer([[16, 16, 80, 48]], [0], far)
    assert positive.sum() == PLACES_PER_OBJECT
    away = (CENTRES[positive] - torch.tensor([48.0, 32.0])).abs().max(dim=0).values
    assert away[0] < 32
    assert away[1] < 16


def test_regions_that_are_not_judged_give_no_negatives() -> None:
    _, _, positive, judged = answer([[0, 0, 32, 32], [60, 30, 90, 60]], [NOT_JUDGED, 1])
    inside = (CENTRES < 32).all(dim=1)
    assert not judged[inside].any()
    assert judged[~inside].all()
    assert not positive[inside].any()


def test_an_empty_image_teaches_that_nothing_is_there() -> None:
    scores, _, positive, judged = answer([[0, 0, 0, 0]], [PADDING])
    assert scores.sum() == 0
    assert not positive.any()
    assert judged.all()
