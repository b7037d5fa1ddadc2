"""One station of the demo: a simulated belt, camera and printer, and the real agent before them."""

import contextlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from beltmark.demo.processes import LineListener, end, run, start

BUNDLED = Path(__file__).parents[1] / "bundled"

_FPS = 10
"""Three belts are drawn and three models look, all on one machine, which may be small."""

_LINGER_S = 300
"""An empty belt stays until the demo ends it: its station may still be swapping in a release."""

_STATION = """\
[station]
name = "{name}"
release = "{release}"
data = "{data}"

[camera]
source = "{camera}"

[zone]
rect_xyxy_px = [0, 0, 480, 320]
travel = "right"
decide_at = 0.6

[printer]
address = "{printer}"
label_deadline_s = 1.0
hold_after_s = 0.5

[outputs]
run_permit = "{control}"
divert = "{control}"
"""


def station_text(
    *,
    release: Path,
    data: Path,
    camera: str | Path,
    printer: str,
    control: str,
    name: str = "demo",
) -> str:
    """Returns a station file for a simulated belt; `control` is its relay, or none."""
    return _STATION.format(
        name=name, release=release, data=data, camera=camera, printer=printer, control=control
    )


@dataclass(frozen=True)
class Counts:
    """What became of the items of one station.

    Attributes:
        passed: Items that passed, by the belt's truth; likewise the last three.
        items: Items that the agent decided, by its own word; likewise the next two.
        labels: Labels that the agent knows to be printed.
        reviews: Items that the agent sent to a person.
        missed: Products without their label.
        wrong: Labels on something that they do not name.
        duplicates: Labels beyond one for an item.
    """

    passed: int = 0
    items: int = 0
    labels: int = 0
    reviews: int = 0
    missed: int = 0
    wrong: int = 0
    duplicates: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(a + b for a, b in zip(self._values, other._values, strict=True)))

    def __str__(self) -> str:
        return " ".join(f"{name}={value}" for name, value in vars(self).items())

    @property
    def _values(self) -> tuple[int, ...]:
        return tuple(vars(self).values())

    @property
    def are_good(self) -> bool:
        """Whether nothing was missed, wrong or doubled."""
        return not (self.missed or self.wrong or self.duplicates)


class DemoStation:
    """A belt and its agent, each a process.

    Args:
        name: Of the station.
        folder: For its files.
        seed: Which items pass.
        seconds: When the belt ends; 0 never ends by itself.
    """

    def __init__(self, name: str, folder: Path, seed: int, seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self._folder = name, folder
        self._truth, self.station_file = folder / "truth.json", folder / "station.toml"
        self._agent: subprocess.Popen[str] | None = None
        self._belt = start(
            "beltmark.simulation.cli", "station", "--seed", str(seed),
            "--seconds", str(seconds), "--fps", str(_FPS),
            "--linger", str(_LINGER_S), "--truth", str(self._truth),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self._belt_says: LineListener | None = None
        self._agent_says: LineListener | None = None
        self.addresses: dict[str, str] = {}

    def await_belt(self) -> bool:
        """Waits until the belt's ports are open; False if it did not start."""
        assert self._belt.stdout is not None
        line = self._belt.stdout.readline()
        if not line:
            return False
        self.addresses = json.loads(line)
        self._belt_says = LineListener(self._belt)
        return True

    def start_agent(self, fleet: str = "") -> None:
        """Starts the agent; `fleet` is added to its station file."""
        text = station_text(
            name=self.name,
            release=BUNDLED / "release",
            data=self._folder / "data",
            **self.addresses,
        )
        self.station_file.write_text(f"{text}\n{fleet}")
        self._agent = start(
            "edge_agent.cli", "run", str(self.station_file),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._agent_says = LineListener(self._agent, self._tell)

    @property
    def has_ended(self) -> bool:
        """Whether the belt has run empty, or one of its processes has died."""
        is_empty = self._belt_says is not None and self._belt_says.is_spoken.is_set()
        return is_empty or (self._agent is not None and self._agent.poll() is not None)

    def end_agent(self) -> None:
        """Ends the agent: it stops the belt, and settles what is on it."""
        end(self._agent)
        if self._agent_says is not None:
            self._agent_says.finish()

    def end_belt(self) -> None:
        """Ends the belt, which then writes its truth."""
        end(self._belt)

    @property
    def exit_code(self) -> int | None:
        """The agent's; None where it was never started."""
        return None if self._agent is None else self._agent.returncode

    def counts(self) -> Counts | None:
        """What became of its items; None where nothing can be said, for it ended too early."""
        if self._agent is None or not self._truth.exists():
            return None
        verdict: Mapping[str, int] = json.loads(self._truth.read_text())["verdict"]
        listing = run("edge_agent.cli", "journal", str(self.station_file), "--json",
                      "--last", "1000000")  # fmt: skip
        items = [json.loads(line) for line in listing.splitlines()]
        return Counts(
            passed=verdict["passed"],
            items=len(items),
            labels=sum(item.get("print_state") == "printed" for item in items),
            reviews=sum(item["outcome"] != "PRINT" for item in items),
            missed=verdict["missed"],
            wrong=verdict["wrong"],
            duplicates=verdict["duplicates"],
        )

    def _tell(self, line: str) -> None:
        # A terminal that went away must not end the demo in disorder.
        with contextlib.suppress(OSError):
            print(f"{self.name}  {line}", flush=True)
