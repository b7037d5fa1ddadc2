"""What goes wrong when: kills and troubles of a round, from a seed. Pure; doing it is `round`'s.

The plan is the same for a seed, the moments are not: processes and threads run as they like.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

_COMMIT = ("before", "in commit", "committed")

USUAL_POINTS = (
    *(f"decision: {when}" for when in _COMMIT),
    "submit: before",
    "submit: after",
    *(f"label {state}: {when}" for state in ("queued", "sending", "sent") for when in _COMMIT),
    *(f"label bytes: {when}" for when in ("before", "between", "after")),
    *(f"label printed: {when}" for when in _COMMIT),
)
"""What an item's label comes to, in this order."""

RECOVERY_POINTS = tuple(
    f"label {state}: {when}" for state in ("unknown", "printed", "failed") for when in _COMMIT
)
"""What a label comes to that an earlier life left in the printer."""

SELDOM_POINTS = (
    "divert: before",
    "divert: after",
    *(f"review: {when}" for when in _COMMIT),
    *(f"label late: {when}" for when in _COMMIT),
)
"""What comes with items for a person, and with troubles."""

HAND_POINTS = tuple(f"{what}: {when}" for what in ("hand order", "hand word") for when in _COMMIT)
"""What comes with labels into a person's hand."""

FATE_POINTS = tuple(f"fate: {when}" for when in _COMMIT)
"""What an applicator has committed."""

FREQUENT_POINTS = (
    "positions: before",
    "positions: in commit",
    *(f"words: {when}" for when in ("before", "between", "after")),
    *(f"answer: {when}" for when in ("before", "after")),
)
"""Reached several times a second."""

ONCE_POINTS = (
    *(f"start: {what}" for what in ("journal open", "labels recovered", "all runs", "first frame")),
    "start: settled",
    "connection: before",
    "connection: after",
    *(f"checkpoint: {when}" for when in ("before", "during", "after")),
)
"""Reached about once a life."""

POINTS = tuple(
    dict.fromkeys(
        (
            *USUAL_POINTS,
            *RECOVERY_POINTS,
            *SELDOM_POINTS,
            *HAND_POINTS,
            *FATE_POINTS,
            *FREQUENT_POINTS,
            *ONCE_POINTS,
        )
    )
)

KillKind = Literal["point", "random", "start-up", "ending"]
"""At a point named; at any time; while it starts; while it ends in order."""

TroubleKind = Literal[
    "slow", "half-open", "silent", "dies", "loses power", "media out", "network cut", "disk full"
]

_LEAVES_LABEL = (
    "label sending: committed",
    "label bytes: before",
    "label bytes: between",
    "label bytes: after",
    *(f"label sent: {when}" for when in _COMMIT),
    *(f"label unknown: {when}" for when in _COMMIT),
)
_RECOVERY_SHARE = 0.4
_LONG_SHARE = 0.25

LONGEST_LIFE_S = 8.0
"""Who has not come to its point by then is killed nevertheless."""

_TROUBLES: tuple[TroubleKind, ...] = (
    "slow",
    "slow",
    "half-open",
    "silent",
    "dies",
    "loses power",
    "media out",
    "network cut",
    "network cut",
    "disk full",
)


@dataclass(frozen=True)
class Kill:
    """How one life ends.

    Attributes:
        kind: How its moment is chosen.
        point: The point at which it is killed; empty for the other kinds.
        nth: At which time that it comes there.
        after_s: For the other kinds: how long it lives, or how long it has for its end.
        fraction: 0..1: which byte of those written, or which moment of a commit.
    """

    kind: KillKind
    point: str = ""
    nth: int = 1
    after_s: float = 0.0
    fraction: float = 0.0

    @property
    def told(self) -> str:
        """For the report."""
        return (
            self.point
            or {
                "random": "a random time",
                "start-up": "a random time of the start",
                "ending": "a random time of the orderly end",
            }[self.kind]
        )


@dataclass(frozen=True)
class Trouble:
    """Something is wrong for a while.

    Attributes:
        kind: What.
        pause_s: Time since the trouble before.
        lasts_s: How long.
        amount: Seconds a label, bytes, labels or free bytes, as the kind has it.
    """

    kind: TroubleKind
    pause_s: float
    lasts_s: float
    amount: float


@dataclass(frozen=True)
class Fitting:
    """What the station of a round is fitted with.

    Attributes:
        has_spare: A spare printer, which is well.
        has_hands: A person who voids labels and has them printed into their hand.
        has_applicator: An applicator between printer and belt, which says what it did.
        copies: How many labels its second product gets.
        is_leased: Whether its numbers are leased, a few at a time.
    """

    has_spare: bool = False
    has_hands: bool = False
    has_applicator: bool = False
    copies: int = 1
    is_leased: bool = False

    @classmethod
    def of(cls, number: int) -> Self:
        """Returns that of a round: in thirty rounds each meets each other."""
        return cls(
            has_spare=number % 2 == 1,
            has_hands=number % 3 == 1,
            has_applicator=number % 5 in (2, 3),
            copies=2 if number % 4 in (1, 2) else 1,
            is_leased=number % 3 > 0,
        )


@dataclass(frozen=True)
class RoundPlan:
    """One belt with its kills.

    Attributes:
        number: Of the round.
        seed: Of the goods on its belt.
        kills: How its lives end, one after the other.
        troubles: What goes wrong meanwhile; from the first again after the last.
    """

    number: int
    seed: int
    kills: tuple[Kill, ...]
    troubles: tuple[Trouble, ...]
    fitting: Fitting = field(default_factory=Fitting)


def plan_rounds(
    seed: int, kills: int, kills_per_round: int, point: str | None = None
) -> list[RoundPlan]:
    """Divides the kills into rounds; the same for the same numbers.

    Args:
        seed: Start of all chance.
        kills: How many.
        kills_per_round: How many at most on one belt.
        point: Where to kill each time; None: anywhere.
    """
    rounds = []
    for number, done in enumerate(range(0, kills, kills_per_round)):
        chance, fitting = random.Random(f"{seed}/{number}"), Fitting.of(number)
        count = min(kills_per_round, kills - done)
        rounds.append(
            RoundPlan(
                number,
                chance.randrange(2**31),
                _kills(chance, count, fitting)
                if point is None
                else (Kill("point", point),) * count,
                tuple(_trouble(chance) for _ in range(40)),
                fitting,
            )
        )
    return rounds


def _kills(chance: random.Random, count: int, fitting: Fitting) -> tuple[Kill, ...]:
    kills: list[Kill] = []
    seldom = (
        *SELDOM_POINTS,
        *(HAND_POINTS if fitting.has_hands else ()),
        *(FATE_POINTS if fitting.has_applicator else ()),
    )
    while len(kills) < count:
        kills.append(_kill(chance, seldom))
        # Who left a label in the printer is often followed by one that dies while it looks for it.
        while kills[-1].point in _LEAVES_LABEL and chance.random() < _RECOVERY_SHARE:
            point = chance.choice(RECOVERY_POINTS)
            kills.append(Kill("point", point, fraction=chance.random()))
    return tuple(kills[:count])


def _kill(chance: random.Random, seldom: Sequence[str]) -> Kill:
    kind: KillKind = chance.choices(
        ("point", "random", "start-up", "ending"), weights=(64, 22, 8, 6)
    )[0]
    fraction = chance.random()
    match kind:
        case "point":
            points, most = chance.choices(
                (
                    (USUAL_POINTS, chance.choice((1, 1, 1, 2))),
                    (seldom, 1),
                    (FREQUENT_POINTS, 40),
                    (ONCE_POINTS, 1),
                ),
                weights=(60, 12, 14, 14),
            )[0]
            return Kill(kind, chance.choice(points), chance.randint(1, most), fraction=fraction)
        case "random":
            return Kill(kind, after_s=chance.uniform(0.0, 6.0))
        case "start-up":
            return Kill(kind, after_s=chance.uniform(0.0, 0.15))
        case "ending":
            return Kill(kind, after_s=chance.uniform(0.0, 0.1))


def _trouble(chance: random.Random) -> Trouble:
    kind = chance.choice(_TROUBLES)
    # Some outlast the time in which a label must be confirmed: its item is then taken off, and the
    # label may come out afterwards.
    is_long = chance.random() < _LONG_SHARE
    ranges = {
        "slow": (3.0, 6.0) if is_long else (0.2, 1.5),
        "dies": (0, 300),
        "loses power": (0, 300),
        "media out": (0, 2),
        "disk full": (0, 12_000),
    }
    return Trouble(
        kind,
        pause_s=chance.uniform(1.0, 7.0),
        lasts_s=chance.uniform(*((3.5, 6.0) if is_long else (0.3, 2.5))),
        amount=chance.uniform(*ranges.get(kind, (0, 0))),
    )
