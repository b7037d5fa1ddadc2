"""Holds a candidate against criteria and champion; says in words how each comes out. Pure.

All criteria must hold. That is an intersection-union test: each is tested at its own confidence,
and the chance that a model passes which misses any of them is at most what that confidence leaves,
so nothing is corrected for their number (Berger, "Multiparameter Hypothesis Testing and Acceptance
Sampling", Technometrics 1982). The price is power: with many criteria, good models need more data.
What could not be measured does not hold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beltmark.contract.gate import CriterionResult
from beltmark.datasets.dataset import LabelledImage
from training.charter.document import ChampionCriterion, Charter, Criterion
from training.evaluate.bootstrap import Statistic, difference
from training.gate.bounds import DRAWS, Bounds, bounds
from training.gate.measures import (
    MEASURED_HERE,
    Measured,
    group_names,
    restricted,
    rows_of_slice,
    statistic_of,
    within,
)

Numbers = Mapping[str, float | None]
SEED = 0


@dataclass(frozen=True, eq=False)
class Contender:
    """A model before the gate.

    Attributes:
        measured: What it did on the images.
        numbers: Figures without an interval, by metric: from the evaluation file, and of its files.
    """

    measured: Measured
    numbers: Numbers


@dataclass(frozen=True, eq=False)
class _Court:
    """What all criteria are judged by."""

    charter: Charter
    images: Sequence[LabelledImage]
    draws: int


@dataclass(frozen=True)
class _Grounds:
    """On what one criterion is judged: a statistic with its groups, or why there is none."""

    statistic: Statistic | None
    groups: Sequence[str]
    missing: str = ""


def judge(
    charter: Charter,
    images: Sequence[LabelledImage],
    candidate: Contender,
    champion: Contender | None,
    *,
    draws: int = DRAWS,
    on_criterion: Callable[[], None] = lambda: None,
) -> tuple[CriterionResult, ...]:
    """Judges every criterion of the charter.

    Args:
        charter: What is asked.
        images: On which both were measured.
        candidate: The model that wants to pass.
        champion: The model in use.
        draws: Of each bootstrap.
        on_criterion: Called after each.
    """

    court = _Court(charter, images, draws)

    def results() -> Iterator[CriterionResult]:
        for floor in charter.criteria:
            yield _judge_floor(floor, court, candidate)
            on_criterion()
        for compared in charter.against_champion:
            yield _judge_champion(compared, court, candidate, champion)
            on_criterion()

    return tuple(results())


def _judge_floor(asked: Criterion, court: _Court, candidate: Contender) -> CriterionResult:
    is_floor = asked.at_least is not None
    bound = asked.at_least if asked.at_least is not None else asked.at_most
    assert bound is not None, "one of the two is given"
    base = CriterionResult(
        name=asked.name,
        kind="floor" if is_floor else "ceiling",
        bound=bound,
        confidence=asked.confidence,
        passed=False,
        reason="",
    )
    if asked.metric not in MEASURED_HERE:
        return _judge_number(base, asked, candidate)
    grounds = _grounds(asked, court, candidate.measured)
    if grounds.statistic is None:
        return _with(base, reason=f"not measured: {grounds.missing}")
    found = bounds(
        grounds.statistic,
        grounds.groups,
        asked.confidence,
        SEED,
        origin=1.0 if is_floor else 0.0,
        draws=court.draws,
    )
    if found is None:
        return _with(base, reason=_TOO_LITTLE)
    passed = found.low >= bound if is_floor else found.high <= bound
    return _with(
        base,
        value=found.value,
        low=found.low,
        high=found.high,
        groups=found.groups,
        passed=passed,
        reason=_told_floor(found, asked, bound, is_floor, passed),
    )


def _judge_number(base: CriterionResult, asked: Criterion, one: Contender) -> CriterionResult:
    """Judges a figure as it stands: it comes without an interval."""
    if asked.class_name is not None or asked.slice is not None:
        return _with(base, reason="not measured: only the gate's own metrics go by class or slice")
    value = one.numbers.get(asked.metric)
    if value is None:
        return _with(base, reason=_not_in_evaluation(asked.metric, one.numbers))
    passed = value >= base.bound if base.kind == "floor" else value <= base.bound
    sign = "at least" if base.kind == "floor" else "at most"
    asked_for = f"{sign} {_figure(base.bound)} is asked"
    reason = f"{_figure(value)}, {'as' if passed else 'but'} {asked_for}"
    return _with(base, value=value, passed=passed, reason=f"{reason} (a figure without interval)")


def _judge_champion(
    asked: ChampionCriterion, court: _Court, candidate: Contender, champion: Contender | None
) -> CriterionResult:
    base = CriterionResult(
        name=f"{asked.name}, against the champion",
        kind="champion",
        bound=asked.margin,
        confidence=asked.confidence,
        passed=False,
        reason="",
    )
    if champion is None:
        return _with(base, reason="not measured: no champion was given (--champion)")
    if asked.metric not in MEASURED_HERE:
        return _compare_numbers(base, asked, candidate, champion)
    # What only one of them knows is no ground for comparing.
    both = set(candidate.measured.classes) & set(champion.measured.classes)
    ours = _grounds(asked, court, restricted(candidate.measured, tuple(both)))
    theirs = _grounds(asked, court, restricted(champion.measured, tuple(both)))
    if ours.statistic is None or theirs.statistic is None:
        whose = "" if ours.statistic is None else "of the champion: "
        return _with(base, reason=f"not measured: {whose}{ours.missing or theirs.missing}")
    sign = 1.0 if asked.better == "higher" else -1.0
    better_by = difference(ours.statistic, theirs.statistic)
    found = bounds(
        lambda rows: sign * better_by(rows),
        ours.groups,
        asked.confidence,
        SEED,
        origin=0.0,
        draws=court.draws,
    )
    if found is None:
        return _with(base, reason=_TOO_LITTLE)
    passed = found.low > -asked.margin
    rows = np.arange(len(ours.groups))
    value, other = ours.statistic(rows), theirs.statistic(rows)
    return _with(
        base,
        value=value,
        champion=other,
        low=min(sign * found.low, sign * found.high),
        high=max(sign * found.low, sign * found.high),
        groups=found.groups,
        passed=passed,
        reason=_told_champion(found, asked, (value, other), passed),
    )


def _compare_numbers(
    base: CriterionResult, asked: ChampionCriterion, candidate: Contender, champion: Contender
) -> CriterionResult:
    ours, theirs = candidate.numbers.get(asked.metric), champion.numbers.get(asked.metric)
    if ours is None or asked.class_name is not None or asked.slice is not None:
        return _with(base, reason=_not_in_evaluation(asked.metric, candidate.numbers))
    if theirs is None:
        return _with(
            base, value=ours, reason="not measured: the champion's figure (--champion-evaluation)"
        )
    better_by = ours - theirs if asked.better == "higher" else theirs - ours
    passed = better_by >= -asked.margin if asked.margin else better_by > 0
    told = f"{_figure(ours)} against {_figure(theirs)}, margin {_figure(asked.margin)}"
    told += " (figures without interval)"
    return _with(base, value=ours, champion=theirs, passed=passed, reason=told)


def _grounds(
    asked: Criterion | ChampionCriterion,
    court: _Court,
    given: Measured,
) -> _Grounds:
    charter, images = court.charter, court.images
    rows = rows_of_slice(images, asked.slice)
    if not len(rows):
        return _Grounds(None, (), f"no image is in {asked.slice}")
    groups = group_names([images[row] for row in rows], charter.group_by)
    if groups is None:
        return _Grounds(None, (), f"not every image says its {charter.group_by} (group_by)")
    count = len(set(groups))
    if count < charter.least_groups:
        told = f"{count} group{'s' if count != 1 else ''} by {charter.group_by}"
        return _Grounds(
            None, (), f"{told}, {charter.least_groups} are needed to tell how it varies"
        )
    statistic = statistic_of(asked.metric, asked.class_name, given)
    if statistic is None:
        if asked.class_name is not None:
            told = f"no class {asked.class_name!r}, or this metric is not told by class"
        else:
            told = "the curve in the manifest reaches the target precision nowhere"
        return _Grounds(None, (), told)
    return _Grounds(within(statistic, rows), groups)


def _told_floor(found: Bounds, asked: Criterion, bound: float, is_floor: bool, passed: bool) -> str:
    side = f"at least {found.low:.4g}" if is_floor else f"at most {found.high:.4g}"
    told = f"{found.value:.4g}; with {asked.confidence:.4g} confidence {side}"
    met = found.value >= bound if is_floor else found.value <= bound
    name = "floor" if is_floor else "ceiling"
    if passed:
        told += f", within the {name} of {bound:g}"
    elif met:
        told += f": the {name} of {bound:g} is met here, but that is not sure enough yet"
    else:
        told += f": misses the {name} of {bound:g}"
    few = found.few_faults if is_floor else found.few_merits
    return told + f", {found.groups} groups" + (_FEW if few else "")


def _told_champion(
    found: Bounds, asked: ChampionCriterion, values: tuple[float, float], passed: bool
) -> str:
    told = (
        f"{values[0]:.4g} against {values[1]:.4g}; with {asked.confidence:.4g} confidence "
        f"better by more than {found.low:+.4g}"
    )
    if passed:
        told += f", within the margin of {asked.margin:g}"
    elif found.value > -asked.margin:
        told += f": within the margin of {asked.margin:g} here, but that is not sure enough yet"
    else:
        told += f": worse by more than the margin of {asked.margin:g}"
    return told + f", {found.groups} groups" + (_FEW if found.few_faults else "")


_TOO_LITTLE = (
    "not measured: these images hold too little of it, such as hardly an answer as sure as the "
    "threshold asks"
)
_FEW = " (so few of them show a fault that the bound allows for one not seen yet)"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.5g}"


def _not_in_evaluation(metric: str, numbers: Numbers) -> str:
    if metric in numbers:
        return f"not measured: the evaluation has no value for {metric}"
    section = metric.partition(".")[0]
    known = [name for name, value in numbers.items() if value is not None]
    near = sorted(name for name in known if name.startswith(f"{section}."))[:6]
    has = f" (it has {', '.join(near)})" if near else ""
    return f"not measured: no figure {metric} in the evaluation file (--evaluation){has}"


def _with(base: CriterionResult, **changed: object) -> CriterionResult:
    return base.model_copy(update=changed)
