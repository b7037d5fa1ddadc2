"""Draws which part of a split each group goes to, so that every part is like the whole. Pure.

The groups that weigh most in any class are placed first, each where its classes are missing most:
iterative stratification (Sechidis et al., ECML PKDD 2011, section 3.2) for groups instead of single
examples. Moves and swaps of groups then mend what placing one after the other could not foresee.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MISSING = 1.0
"""What a class costs that is absent from a part though it has groups enough for all parts: as much
as a part that has all of a class and should have none."""

EMPTY = 1e6
"""What a part costs that has no group at all: more than everything else together."""

STARTS = 12
FEW_GROUPS = 250
"""Up to so many groups are swapped in pairs, and drawn from several starts."""

MAX_ROUNDS = 100
MAX_LOOKS = 300_000
"""How often a single group is looked at again, all rounds together, but for the first two."""


def stratify(
    counts: NDArray[np.float64],
    shares: Sequence[float],
    keys: Sequence[str],
    seed: int,
    fixed: Sequence[int | None] | None = None,
) -> NDArray[np.int64]:
    """Returns the part of each group: int64 [G].

    Args:
        counts: float64 [G, C], what each group has of each class, and in the last column its
            images, which count as much as all classes together.
        shares: Of each part, > 0, together 1.
        keys: The groups' names; with the seed they break ties, so the order of groups does not
            matter.
        seed: Of the draw.
        fixed: Parts that are given already; such groups stay.
    """
    given = np.array([-1 if part is None else part for part in fixed or [None] * len(counts)])
    counts = counts[:, counts.sum(axis=0) > 0]
    scale = np.ones(counts.shape[1])
    scale[-1] = np.sqrt(max(counts.shape[1] - 1, 1))
    weights = scale * counts / counts.sum(axis=0)
    asked = np.array(shares)[:, None] * scale
    starts = STARTS if len(counts) <= FEW_GROUPS else 1
    best: tuple[float, NDArray[np.int64]] | None = None
    for start in range(starts):
        ties = [hashlib.sha256(f"{seed}/{start}/{key}".encode()).digest() for key in keys]
        state = _State(weights, asked, given)
        order = [index for index in _order(weights, ties, noise=start) if given[index] < 0]
        state.place(order)
        state.mend(order, swaps=len(counts) <= FEW_GROUPS)
        cost = state.cost()
        if best is None or cost < best[0] - 1e-12:
            best = (cost, state.part.copy())
    assert best is not None, "there is one start at least"
    return best[1]


def newest_last(
    times: Sequence[float | None],
    sizes: Sequence[int],
    shares: Sequence[float],
    fixed: Sequence[int | None] | None = None,
) -> NDArray[np.int64]:
    """Returns the part of each group, int64 [G]: the oldest in the first, the newest in the last.

    Args:
        times: When the newest image of each group was taken, in any unit; None counts as oldest.
        sizes: Images of each group.
        shares: Of each part, > 0, together 1.
        fixed: Parts that are given already; such groups stay.
    """
    parts = np.array([-1 if part is None else part for part in fixed or [None] * len(sizes)])
    told = [-np.inf if time is None else time for time in times]
    open_groups = sorted(np.flatnonzero(parts < 0).tolist(), key=lambda index: told[index])
    wanted = np.array(shares) * sum(sizes)
    for part in range(len(shares) - 1, 0, -1):
        have = float(sum(size for size, of in zip(sizes, parts, strict=True) if of == part))
        # A group is taken while that brings the part nearer to its share; every part gets one.
        while open_groups and (
            not have
            or (
                len(open_groups) > part
                and abs(have + sizes[open_groups[-1]] - wanted[part]) < abs(have - wanted[part])
            )
        ):
            index = open_groups.pop()
            parts[index] = part
            have += sizes[index]
    parts[open_groups] = 0
    return parts


def _order(weights: NDArray[np.float64], ties: Sequence[bytes], noise: int) -> list[int]:
    """Returns groups by what they weigh, heaviest first; later starts shake the order a little."""
    heavy = (weights**2).sum(axis=1)
    if noise:
        shake = np.array([int.from_bytes(tie[:4], "big") for tie in ties]) / 2**32
        heavy = heavy * (0.4 + 1.2 * shake)
    return sorted(range(len(ties)), key=lambda index: (-heavy[index], ties[index]))


class _State:
    """Which group is where, and what that leaves each part with.

    `weights` is float64 [G, C], what each group has of each class; `asked` [P, C] what each part
    should have, `have` [P, C] what it has, and `holders` int64 [P, C] in how many of its groups.
    """

    def __init__(
        self, weights: NDArray[np.float64], asked: NDArray[np.float64], given: NDArray[np.int64]
    ) -> None:
        self.weights = weights
        self.asked = asked
        self.part = given.astype(np.int64)
        self.holds = (weights > 0).astype(np.int64)
        parts = range(len(asked))
        self.have = np.stack([weights[given == part].sum(axis=0) for part in parts])
        self.holders = np.stack([self.holds[given == part].sum(axis=0) for part in parts])
        self.absent = MISSING * (self.holds.sum(axis=0) >= len(asked))
        self.absent[-1] *= EMPTY  # the images: every group has some

    def cost(self) -> float:
        off = ((self.have - self.asked) ** 2).sum()
        return float(off + ((self.holders == 0) @ self.absent).sum())

    def place(self, order: Sequence[int]) -> None:
        for index in order:
            self._add(index, self._best_part(index), 1)

    def mend(self, order: Sequence[int], *, swaps: bool) -> None:
        """Moves or swaps groups as long as that makes the parts more alike."""
        for _ in range(max(min(MAX_ROUNDS, MAX_LOOKS // max(len(order), 1)), 2)):
            if not (self._move_each(order) or (swaps and self._swap_best(np.array(order)))):
                return

    def _add(self, index: int, part: int, sign: int) -> None:
        self.have[part] += sign * self.weights[index]
        self.holders[part] += sign * self.holds[index]
        self.part[index] = part if sign > 0 else -1

    def _move_each(self, order: Sequence[int]) -> bool:
        """Moves each group to where it costs least; returns whether any moved."""
        moved = False
        for index in order:
            source = int(self.part[index])
            self._add(index, source, -1)
            best = self._best_part(index, source)
            self._add(index, best, 1)
            moved |= best != source
        return moved

    def _best_part(self, index: int, source: int | None = None) -> int:
        """Returns where a group that is nowhere is missed most; `source` where none is better."""
        weight, holds = self.weights[index], self.holds[index]
        new = (self.holders == 0) @ (self.absent * holds)
        gain = 2 * (self.asked - self.have) @ weight + new
        best = int(gain.argmax())
        return best if source is None or gain[best] > gain[source] + 1e-9 else source

    def _swap_best(self, movable: NDArray[np.int64]) -> bool:
        before = self.cost()
        best: tuple[float, int, int] | None = None
        for row, one in enumerate(movable[:-1]):
            others = movable[row + 1 :]
            others = others[self.part[others] != self.part[one]]
            if not len(others):
                continue
            costs = self._swapped(int(one), others)
            at = int(costs.argmin())
            if best is None or costs[at] < best[0]:
                best = (float(costs[at]), int(one), int(others[at]))
        if best is None or best[0] > before - 1e-9:
            return False
        _, one, other = best
        there, here = int(self.part[other]), int(self.part[one])
        for index, part, sign in ((one, here, -1), (other, there, -1), (one, there, 1)):
            self._add(index, part, sign)
        self._add(other, here, 1)
        return True

    def _swapped(self, one: int, others: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns the cost after one group changed places with each of others: float64 [N]."""
        here, there = int(self.part[one]), self.part[others]
        rows = np.arange(len(others))
        have = np.repeat(self.have[None], len(others), axis=0)
        moved = self.weights[others] - self.weights[one]
        have[:, here] += moved
        have[rows, there] -= moved
        holders = np.repeat(self.holders[None], len(others), axis=0)
        held = self.holds[others] - self.holds[one]
        holders[:, here] += held
        holders[rows, there] -= held
        off = ((have - self.asked) ** 2).sum(axis=(1, 2))
        return np.asarray(off + ((holders == 0) @ self.absent).sum(axis=1), np.float64)
