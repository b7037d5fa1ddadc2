"""GPIO lines as inputs, on a chip of the test's own; the library refuses what is not there."""

import queue
import sys
import time

import pytest
from gpio_chip import Chip
from waiting import PATIENCE_S, until

from beltmark.contract.errors import InputError
from edge_agent.signals.addresses import GpioAddress
from edge_agent.signals.gpio import GpioSource, open_gpio
from edge_agent.signals.input_thread import InputThread
from edge_agent.signals.opening import open_input
from edge_agent.signals.ports import Edge


def heard_by(chip: Chip) -> tuple[InputThread, "queue.Queue[Edge]"]:
    edges: queue.Queue[Edge] = queue.Queue()
    eye = open_input("gpio:gpiochip0/17", "eye", "trigger.eye", gpio=lambda _: chip)
    eye.start(edges.put)
    return eye, edges


def test_an_edge_has_the_kernels_time_and_tells_of_lost_ones() -> None:
    chip = Chip()
    eye, edges = heard_by(chip)
    chip.change(17, True, 1, at=time.monotonic() - 5.0)
    first = edges.get(timeout=PATIENCE_S)
    assert (first.name, first.is_rising, first.lost) == ("eye", True, 0)
    assert 4.0 < time.time() - first.at < 5.0 + PATIENCE_S
    chip.change(17, False, 4)
    second = edges.get(timeout=PATIENCE_S)
    assert (second.is_rising, second.lost) == (False, 2)
    assert second.at > first.at
    eye.stop()
    assert chip.released == [17]


def test_a_line_that_another_has_is_a_problem_until_it_is_free() -> None:
    chip = Chip(taken=[17])
    eye, edges = heard_by(chip)
    until(lambda: eye.health.problem == "device or resource busy", "it says so")
    chip.taken.clear()
    until(lambda: eye.health.problem is None, "it has the line")
    chip.change(17, True, 1)
    assert edges.get(timeout=PATIENCE_S).is_rising
    chip.taken.add(17)
    until(lambda: eye.health.problem == "no such device", "a line that breaks is told")
    eye.stop()


def test_without_the_library_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(InputError, match=r"beltmark\[gpio\]") as told:
        open_input("gpio:gpiochip0/17", "eye", "trigger.eye")
    assert told.value.field == "trigger.eye"


@pytest.mark.parametrize("chip", ["/dev/no-such-chip", "/dev/null"])
def test_the_library_itself_refuses_what_is_no_chip(chip: str) -> None:
    pytest.importorskip("gpiod")
    gpio = open_gpio("trigger.eye")
    with pytest.raises(OSError, match=r"\w"):
        GpioSource(gpio, GpioAddress(chip, 17)).open()
    with pytest.raises(OSError, match=r"\w"):
        gpio.request_output(GpioAddress(chip, 17))
