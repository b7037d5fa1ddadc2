"""A release's policy, and what a station asks beyond it: never less. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from beltmark.contract.errors import InputError
from beltmark.contract.package import CurvePoint
from beltmark.contract.policy import Policy
from edge_agent.station.section import PolicySection

_LEAST = ("target_precision", "threshold", "min_votes", "min_agreement", "min_margin")
_MOST = ("max_tolerance_mm",)


@dataclass(frozen=True)
class Looser:
    """A value of a station that is looser than its release's, and therefore is not gone by.

    Attributes:
        field: Its name.
        own: The station's value.
        release: The release's.
    """

    field: str
    own: float
    release: float

    def __str__(self) -> str:
        """Says it for a person."""
        return f"policy.{self.field} is {self.own:g}, looser than the release's {self.release:g}"


def tightened(policy: Policy, own: PolicySection, curve: Sequence[CurvePoint] = ()) -> Policy:
    """Returns the policy with the station's values where they are stricter.

    Args:
        policy: The release's.
        own: The station's.
        curve: The package's; a target precision that it never reaches lets nothing be printed.
    """
    stricter = {
        field: value
        for field, value in _given(own)
        if not _is_looser(field, value, getattr(policy, field))
    }
    if "target_precision" in stricter:
        needed = threshold_for(stricter["target_precision"], curve)
        before = stricter.get("threshold", policy.threshold)
        stricter["threshold"] = max(before, 1.0 if needed is None else needed)
    return policy.model_copy(update=stricter)


def threshold_for(precision: float, curve: Sequence[CurvePoint]) -> float | None:
    """Returns the lowest threshold from which on a curve has a precision; None if it never has."""
    found: float | None = None
    for point in sorted(curve, key=lambda point: point.threshold, reverse=True):
        if point.precision < precision:
            break
        found = point.threshold
    return found


def looser(policy: Policy, own: PolicySection) -> tuple[Looser, ...]:
    """Returns the station's values that are looser than the release's."""
    return tuple(
        Looser(field, value, getattr(policy, field))
        for field, value in _given(own)
        if _is_looser(field, value, getattr(policy, field))
    )


def check_strict(policy: Policy, own: PolicySection, curve: Sequence[CurvePoint] = ()) -> None:
    """Makes sure that a station asks for no less than its release, and for nothing impossible.

    Raises:
        InputError: It does; names the first such field.
    """
    target = own.target_precision or 0.0
    if target > policy.target_precision and threshold_for(target, curve) is None:
        raise InputError(
            f"no threshold of the package's curve reaches {target:g}",
            "write less, or train a better package",
            field="policy.target_precision",
        )
    for found in looser(policy, own):
        bound = "most" if found.field in _MOST else "least"
        raise InputError(
            f"{found.own:g} is looser than the release's {found.release:g}",
            f"write {found.release:g} at {bound}, or leave it to the release",
            field=f"policy.{found.field}",
        )


def _given(own: PolicySection) -> Iterator[tuple[str, float]]:
    for field in (*_LEAST, *_MOST):
        value = getattr(own, field)
        if value is not None:
            yield field, value


def _is_looser(field: str, own: float, release: float | None) -> bool:
    if release is None:
        return False
    return own > release if field in _MOST else own < release


def share_reaching(threshold: float, curve: Sequence[CurvePoint]) -> float | None:
    """The share of the package's test objects with at least this probability; None if unknown.

    Of single looks: an item that is seen in many frames reaches it sooner.
    """
    points = [point for point in curve if point.threshold <= threshold]
    return max(points, key=lambda point: point.threshold).coverage if points else None
