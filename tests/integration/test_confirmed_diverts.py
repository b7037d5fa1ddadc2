"""Diverts that the relay confirms, and one that it does not: a whole agent, and a person's word."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from agent_process import agent_of
from blob_belt import running_belt
from blob_station import BLUE, write_release, write_station
from waiting import until

from beltmark.simulation.control import ControlServer, Divert, Signal
from edge_agent.cli import main
from edge_agent.printing.reading import read_item


class Relay:
    """Hears diverts, and answers them when it is told to."""

    def __init__(self) -> None:
        self.answers = False
        self.diverts: list[str] = []
        self.server = ControlServer(self._hear)

    def close(self) -> None:
        self.server.stop()

    def _hear(self, signal: Signal) -> None:
        if isinstance(signal, Divert):
            self.diverts.append(signal.named)
            if self.answers:
                self.server.say(f"DIVERTED {signal.named}")


@contextmanager
def listening() -> Iterator[Relay]:
    with closing(Relay()) as relay:
        relay.server.start()
        yield relay


def test_a_divert_that_nobody_confirms_stops_the_belt_until_a_person_releases_it(
    tmp_path: Path,
) -> None:
    with running_belt() as belt, listening() as relay:
        write_release(tmp_path / "release")
        address = relay.server.address
        station = write_station(
            tmp_path,
            belt.address,
            outputs=f'run_permit = "{address}"\ndivert = "{address}"\n'
            'confirm = "answer"\nconfirm_timeout_s = 0.5',
        )
        with agent_of(station) as agent:
            agent.start()
            belt.feed(BLUE)
            until(lambda: "divert" in agent.status()["problems"], "the belt is held")
            item = relay.diverts[0]
            assert item in agent.status()["problems"]["divert"]
            assert main(["release", str(station), "divert"]) == 0
            until(lambda: agent.status()["may_run"], "the belt may run")
            relay.answers = True
            belt.run_empty()
            belt.feed(BLUE)
            until(lambda: relay.diverts[-1] != item, "another item is diverted")
            belt.run_empty()
            journal = tmp_path / "data" / "journal.sqlite"

            def history(name: str) -> list[tuple[str, str]]:
                return [(step.what, step.detail) for step in read_item(journal, name).history]

            second = relay.diverts[-1]
            until(lambda: ("diverted", "the divert says so") in history(second), "it is noted")
            assert agent.status()["may_run"]
            assert ("divert not confirmed", "the belt is held") in history(item)
            assert ("diverted", "a person says that it was seen to") in history(item)
            agent.stop()


def test_nobody_can_release_a_station_that_does_not_run(tmp_path: Path) -> None:
    write_release(tmp_path / "release")
    assert main(["release", str(write_station(tmp_path, "frames")), "divert"]) == 2
