from bench.clicks import corrections
from labeling.agreement import Judged

LEFT, RIGHT = (10.0, 10.0, 30.0, 30.0), (60.0, 60.0, 30.0, 30.0)
NEAR = (20.0, 10.0, 30.0, 30.0)  # IoU with LEFT: 0.5


def test_each_box_is_right_or_corrected_or_missing() -> None:
    truth = [Judged("cup", LEFT), Judged("tube", RIGHT)]
    assert +corrections(truth, truth) == {"as it is": 2}
    assert +corrections([], truth) == {"to be drawn": 2}
    assert +corrections(truth, []) == {"to be removed": 2}
    assert +corrections([Judged("cup", NEAR)], truth) == {"to be moved": 1, "to be drawn": 1}
    assert +corrections([Judged("tube", LEFT)], truth) == {"another class": 1, "to be drawn": 1}
    assert +corrections([Judged("tube", NEAR)], truth[:1]) == {
        "to be moved": 1, "another class": 1,
    }  # fmt: skip


def test_of_two_boxes_in_one_place_the_right_one_stays() -> None:
    shown = [Judged("tube", LEFT), Judged("cup", LEFT)]
    assert +corrections(shown, [Judged("cup", LEFT)]) == {"as it is": 1, "to be removed": 1}
