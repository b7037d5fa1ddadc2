"""Which numbers are given to whom, how many there are, and when they run out. Pure.

Storing what was given is left to `storage.serials`. A pool's numbers are given in order and never
twice, whatever becomes of who got them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from beltmark.contract.serials import SSCC_DIGITS, NumberKind

SERIAL_WIDTH: Final = 10
"""With a prefix of three, as long as a serial of a station on its own."""
LOW_S: Final = 30 * 86_400.0
"""Numbers that run out in less than this are told."""


@dataclass(frozen=True)
class Pool:
    """Numbers with the same head.

    Attributes:
        kind: What they number.
        head: What stands before each.
        width: Digits of each.
        next: The first that was not given yet.
    """

    kind: NumberKind
    head: str
    width: int
    next: int = 0

    @property
    def capacity(self) -> int:
        """How many numbers it ever held."""
        return int(10**self.width)

    @property
    def left(self) -> int:
        """How many it still holds."""
        return self.capacity - self.next


@dataclass(frozen=True)
class Allotment:
    """Numbers that are to be given.

    Attributes:
        pool: Of which pool.
        first: The first.
        last: The last, included.
    """

    pool: Pool
    first: int
    last: int


def serial_pools(prefix: str) -> tuple[Pool, ...]:
    """The site's serials: of all its products together, so that each is its item's alone."""
    return (Pool("serial", prefix, SERIAL_WIDTH),)


def sscc_pools(company_prefix: str | None, extension_digits: str) -> tuple[Pool, ...]:
    """The site's SSCCs, one pool for each extension digit; none without a company prefix."""
    if company_prefix is None:
        return ()
    width = SSCC_DIGITS - 2 - len(company_prefix)
    return tuple(Pool("sscc", digit + company_prefix, width) for digit in extension_digits)


def allot(pools: Sequence[Pool], count: int) -> Allotment | None:
    """Returns up to `count` numbers of the first pool that has any; None where none has."""
    for pool in pools:
        if pool.left > 0:
            return Allotment(pool, pool.next, pool.next + min(count, pool.left) - 1)
    return None


def skip(pools: Sequence[Pool], count: int) -> Iterator[Allotment]:
    """Yields what is passed over: `count` numbers, or all that are left."""
    for pool in pools:
        if count > 0 and pool.left > 0:
            passed = min(count, pool.left)
            yield Allotment(pool, pool.next, pool.next + passed - 1)
            count -= passed


def seconds_left(left: int, given: int, over_s: float) -> float | None:
    """When numbers run out at the rate at which they were given.

    Args:
        left: How many are left.
        given: How many were given lately.
        over_s: In which time.

    Returns:
        Seconds from now; None where none was given, so that no rate is known.
    """
    return None if given <= 0 or over_s <= 0 else left * over_s / given
