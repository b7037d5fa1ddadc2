"""What the uplink tells of its station: the words between it and the agent. Data alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from beltmark.contract.records import PartHealth


@dataclass(frozen=True)
class Device:
    """What stays true of a device while its agent runs.

    Attributes:
        name: Its name.
        agent_version: Version of the agent.
        instruction_set: What its processor can do.
        machine: Processor family.
        camera: What it sees through, without secrets.
        printer: What it prints on.
    """

    name: str
    agent_version: str = ""
    instruction_set: str = ""
    machine: str = ""
    camera: str = ""
    printer: str = ""


@dataclass(frozen=True)
class StationState:
    """How a station is at a moment.

    Attributes:
        release: Name of the release that runs.
        package_sha256: Digest of its package.
        may_run: Whether the run permit is given.
        problems: Who objects, and why.
        parts: How camera, printer and journal are.
    """

    release: str
    package_sha256: str
    may_run: bool = True
    problems: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, PartHealth] = field(default_factory=dict)
