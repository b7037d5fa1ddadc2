"""What int8 costs is measured part by part, and brought back where it is too much."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from tiny_core import SPEC, tiny_core, tiny_inputs

from training.compress.choosing import Candidate, best_of, compress, growing
from training.compress.noise import (
    LOUDEST_DB,
    Sensitivity,
    answers_of,
    closeness_db,
    sensitivities,
    signal_to_noise_db,
)
from training.compress.quantise import quantise_core
from training.compress.ranges import Ranges, observe
from training.compress.record import Try, section_of
from training.compress.settings import CALIBRATIONS, CompressSettings
from training.compress.units import Unit, float_share, units_of

INPUTS = tiny_inputs(16)


class Judging:
    """Answers what a rule says of how many nodes of a model are int8."""

    measure = "top1"
    images = 7

    def __init__(self, rule: Callable[[int], float]) -> None:
        self._rule = rule

    def __call__(self, model: onnx.ModelProto) -> float:
        rounded = sum(node.op_type == "QuantizeLinear" for node in model.graph.node)
        return self._rule(rounded)


def test_ranges_hold_what_they_should() -> None:
    found = observe(tiny_core(), INPUTS, CALIBRATIONS)
    assert set(found) == set(CALIBRATIONS)
    low, high = found["minmax"]["f"]
    for name, ranges in found.items():
        assert low - 1e-4 <= ranges["f"][0] < ranges["f"][1] <= high + 1e-4, name
    assert found["average"]["f"][1] < high
    widths = [found[f"percentile_{share}"]["f"] for share in ("99.9", "99.99")]  # type: ignore[index]
    assert widths[0][1] <= widths[1][1]


def test_parts_are_what_becomes_int8_together() -> None:
    units = units_of(tiny_core())
    assert [unit.name for unit in units] == ["stem", "each", "block", "sum", "top"]
    assert units[0].nodes == ("stem", "stem_clip")
    assert units[2].nodes == ("block",)
    assert [unit.multiplications for unit in units] == [55296, 18432, 16384, 0, 16384]
    assert float_share([units[0]], units) == pytest.approx(55296 / 106496)


def test_a_part_with_one_strong_channel_is_harmed_most() -> None:
    core = tiny_core(spread=60.0)
    ranges = observe(core, INPUTS, ["minmax"])["minmax"]
    found = sensitivities(core, ranges, units_of(core), INPUTS[:8])
    assert {each.unit.name for each in found[:2]} == {"block", "sum"}
    assert found[1].alone_db < found[-1].alone_db - 10
    exact = answers_of(core, INPUTS[:8])
    kept = [node for each in found[:2] for node in each.unit.nodes]
    whole, mixed = (
        closeness_db(exact, answers_of(quantise_core(core, ranges, nodes), INPUTS[:8]))
        for nodes in ([], kept)
    )
    assert mixed > whole + 6


def test_signal_over_noise_is_in_decibels() -> None:
    exact = np.full((2, 3), 10.0, np.float32)
    assert signal_to_noise_db(exact, exact) == LOUDEST_DB
    assert signal_to_noise_db(exact, exact + 1) == pytest.approx(20)
    assert signal_to_noise_db(np.zeros_like(exact), exact) == 0


def candidate(name: str, merit: float, close: float, share: float = 0.0) -> Candidate:
    told = Try(name=name, merit=merit, closeness_db=close, float_share=share)
    return Candidate(told, onnx.ModelProto(), {}, onnx.ModelProto())


def test_the_best_is_taken_and_of_those_as_good_the_closest() -> None:
    tries = [candidate("a", 0.900, 20), candidate("b", 0.899, 30), candidate("c", 0.89, 40)]
    assert best_of(tries, 0.9).told.name == "b"
    assert best_of([*tries, candidate("d", 0.901, 50, 0.1)], 0.95).told.name == "b"
    assert best_of([*tries, candidate("d", 0.95, 5, 0.1)], 0.95).told.name == "d"
    assert best_of([*tries, candidate("d", 0.95, 5)], 0.9).told.name == "b"  # more than fp32: luck


def test_more_and_more_stays_fp32_up_to_the_share() -> None:
    units = [Unit(str(index), (str(index),), 10) for index in range(10)]
    harmed = [Sensitivity(unit, float(index)) for index, unit in enumerate(units)]
    tries = growing(harmed, units, 0.5)
    assert [len(kept) for kept in tries] == [1, 2, 4, 5]
    assert tries[-1] == units[:5]
    large = [Unit("large", ("large",), 1000), *units]
    first = growing([Sensitivity(large[0], -1.0), *harmed], large, 0.05)[-1]
    assert large[0] not in first
    assert growing(harmed, units, 0.0) == []


def test_what_is_good_enough_goes_as_it_is() -> None:
    settings = CompressSettings(calibration="measured", tuning_steps=1)
    judge = Judging(lambda _: 0.9)
    model, record = compress(tiny_core(), SPEC, settings, INPUTS, judge=judge, tuner=None)
    assert [each.name for each in record.tries] == list(CALIBRATIONS)
    closest = max(record.tries, key=lambda each: each.closeness_db)
    assert record.taken == closest.name
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert not record.harmed
    assert "0.00 points lost" in section_of(record).told[0]


def test_where_too_much_is_lost_parts_stay_fp32_until_enough_is_back() -> None:
    settings = CompressSettings(calibration="average", most_float_share=0.5)
    judge = Judging(lambda rounded: 0.9 - 0.004 * rounded)
    model, record = compress(tiny_core(), SPEC, settings, INPUTS, judge=judge, tuner=None)
    assert record.fp32 == pytest.approx(0.9)
    assert record.tries[0].merit < 0.895
    assert len(record.tries) > 1
    assert record.taken != "average"
    assert record.tries[-1].float_share <= 0.5
    assert [each.alone_db for each in record.harmed] == sorted(
        each.alone_db for each in record.harmed
    )
    titles = [table.title for table in section_of(record).tables]
    assert titles == ["What was tried", "The most harmed parts"]
    onnx.checker.check_model(model)


def test_training_for_int8_comes_first_where_too_much_is_lost() -> None:
    core, asked = tiny_core(), []

    def tuner(core: onnx.ModelProto, ranges: Ranges) -> tuple[onnx.ModelProto, Ranges]:
        asked.append(ranges["f"])
        return core, {**ranges, "f": (-1.0, 1.0)}

    settings = CompressSettings(calibration="minmax", most_float_share=0)
    judge = Judging(lambda rounded: 0.8 if rounded else 0.9)
    _, record = compress(core, SPEC, settings, INPUTS, judge=judge, tuner=tuner)
    assert len(asked) == 1
    assert [each.name for each in record.tries] == ["minmax", "minmax, trained"]
    assert record.taken == "minmax"  # as good, and closer
    assert "MORE LOST" in section_of(record).told[1]
