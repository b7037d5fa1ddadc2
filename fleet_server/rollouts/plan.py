"""What a rollout is to do: its waves, and what must hold before the next one. Pure documents."""

from datetime import time
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document
from beltmark.contract.errors import InputError
from beltmark.contract.terms import DeviceName, ReleaseName

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=30 * 24 * 3600)]

MAX_WAVES = 32


class Wave(Document):
    """Some devices that get the release at the same time.

    Attributes:
        devices: These, such as canaries; or
        count: so many that the rollout has reached in all, with the waves before; or
        percent: such a part of the fleet, likewise.
    """

    devices: tuple[DeviceName, ...] = Field(default=(), max_length=10_000)
    count: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    percent: Annotated[float, Field(gt=0, le=100)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.devices) + (self.count is not None) + (self.percent is not None) != 1:
            raise ValueError("give one of devices, count and percent")
        return self

    def __str__(self) -> str:
        if self.devices:
            return "+".join(self.devices)
        return f"{self.count}" if self.count is not None else f"{self.percent:g}%"


class FigureLimits(Document):
    """By how much the floor's figures may be worse with the release than without it.

    A rate is worse where the whole of its interval is above the limit; see `figures`.

    Attributes:
        reviews: Items that go to a person, of all items.
        labels: Labels that did not come out, or may not have, of all labels.
        slow: Frames slower than 99 of 100 were before, of all frames.
        pace: Share of the items a minute that must remain; None does not look at it.
        error: Chance that a release that changes nothing is ever stopped, for each figure.
    """

    reviews: Share = 0.02
    labels: Share = 0.02
    slow: Share = 0.02
    pace: Share | None = None
    error: Annotated[float, Field(ge=1e-9, le=0.2)] = 0.001


class Gates(Document):
    """What must hold before the next wave, and what stops the rollout.

    Attributes:
        installed: Share of a wave's devices that must run the release. Those that are off-line
            do not count; they come with a later wave.
        failed: Share above which devices that refuse it, roll it back or do not answer in time
            stop the rollout.
        soak_s: So long the last of them must have run it.
        min_items: So many items the wave must have decided with it: silence is no success.
        min_frames: So many frames before anything is said of their speed.
        figures: See `FigureLimits`.
    """

    installed: Share = 0.9
    failed: Share = 0.05
    soak_s: Seconds = 600.0
    min_items: Annotated[int, Field(ge=0, le=10_000_000)] = 50
    min_frames: Annotated[int, Field(ge=1, le=10_000_000)] = 500
    figures: FigureLimits = FigureLimits()


class Window(Document):
    """Times of the day, by the server's clock, at which devices may be asked to swap.

    Attributes:
        begins: Such as 22:00.
        ends: Such as 05:00: the next day's, where it is before `begins`.
    """

    begins: time
    ends: time

    def holds(self, at: time) -> bool:
        """Whether it is open at a time of the day."""
        if self.begins <= self.ends:
            return self.begins <= at < self.ends
        return at >= self.begins or at < self.ends


class Plan(Document):
    """A rollout.

    Attributes:
        release: What the devices get.
        waves: One after the other. What they leave out keeps what it runs.
        gates: What must hold between them.
        window: When devices may be asked; None for always.
        at_once: At most so many devices update at the same time, which spreads the downloads.
        answer_s: So long a device that is on-line may take to answer.
        update_s: So long it may take from its answer until it runs the release.
        baseline_s: Figures of so long before are what those after are compared with.
        settle_s: So long a minute's figures may be on their way; they are counted then.
        on_stop: Where the floor's figures stop it: `all` takes the release back from all
            devices, `in_flight` from those that are still updating. Elsewhere always the latter.
    """

    release: ReleaseName
    waves: tuple[Wave, ...] = Field(min_length=1, max_length=MAX_WAVES)
    gates: Gates = Gates()
    window: Window | None = None
    at_once: Annotated[int, Field(ge=1, le=100_000)] = 50
    answer_s: Seconds = 600.0
    update_s: Seconds = 3_600.0
    baseline_s: Seconds = 24 * 3600.0
    settle_s: Seconds = 120.0
    on_stop: Literal["all", "in_flight"] = "all"


def parse_waves(text: str) -> tuple[Wave, ...]:
    """Reads waves as people write them: `canary-1+canary-2,10%,50%,100%`, or `1,10,100%`.

    Raises:
        InputError: One is none.
    """
    waves = []
    for part in text.split(","):
        word = part.strip()
        try:
            if word.endswith("%"):
                waves.append(Wave(percent=float(word[:-1])))
            elif word.isascii() and word.isdigit():
                waves.append(Wave(count=int(word)))
            else:
                waves.append(Wave(devices=tuple(name.strip() for name in word.split("+"))))
        except ValueError:
            raise InputError(
                f"{word!r:.80} is no wave",
                "write such as station-1,10%,100%: names joined by +, a count, or a percentage",
                field="waves",
            ) from None
    return tuple(waves)
