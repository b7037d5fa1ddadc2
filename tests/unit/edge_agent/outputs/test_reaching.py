"""Each output and input is asked whether it can be reached; nothing is moved by that."""

import socket
from contextlib import closing

import pytest
from gpio_chip import Chip

from beltmark.contract.errors import InputError
from edge_agent.outputs.reaching import signals_of
from edge_agent.outputs.section import ApplicatorSection, OutputsSection

PIN, BUTTON = "gpio:gpiochip0/17", "gpio:gpiochip0/5"


def told(outputs: OutputsSection, chip: Chip, *, in_use: bool = False) -> list[str]:
    found = []
    for look in signals_of(outputs, None, pins_are_in_use=in_use, gpio=lambda _: chip):
        try:
            found.append(look())
        except InputError as error:
            found.append(f"{error.field}: {error.problem}")
    return found


def test_a_station_without_outputs_has_none() -> None:
    assert told(OutputsSection(), Chip()) == ["none"]


def test_each_is_told_for_itself() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as relay:
        address = f"tcp://127.0.0.1:{relay.getsockname()[1]}"
        outputs = OutputsSection(run_permit=PIN, divert=address, confirm="answer", release=BUTTON)
        chip = Chip(taken=[5])
        assert told(outputs, chip) == [
            "as follows",
            f"run_permit {PIN}",
            f"divert {address}",
            "outputs.release: cannot be reached: Device or resource busy",
        ]
    assert chip.levels == {}, "no pin was driven"
    assert chip.released == [17]
    assert told(outputs, chip)[2].startswith("outputs.divert: cannot be reached")


def test_the_pins_of_a_running_agent_are_left_alone() -> None:
    chip = Chip(taken=[17])
    assert (
        "the running agent has the pins"
        in told(OutputsSection(run_permit=PIN), chip, in_use=True)[1]
    )
    assert chip.released == []


def test_what_does_not_fit_together_is_told_before_the_rest() -> None:
    looks = signals_of(
        OutputsSection(run_permit=PIN),
        ApplicatorSection(apply="none", applied="tcp://127.0.0.1:1"),
        pins_are_in_use=False,
        gpio=lambda _: Chip(),
    )
    with pytest.raises(InputError, match="NAME"):
        next(iter(looks))()
