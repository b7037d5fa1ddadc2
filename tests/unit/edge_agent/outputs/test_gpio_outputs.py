"""The run permit and pulses on pins of the test's own chip."""

import itertools
import threading
import time

from gpio_chip import Chip
from waiting import until

from edge_agent.outputs.gpio_line import GpioPermit
from edge_agent.outputs.gpio_pulse import GpioPulse
from edge_agent.signals.addresses import GpioAddress

WAVE, ENABLE = GpioAddress("/dev/gpiochip0", 17), GpioAddress("/dev/gpiochip0", 18)


def changes(levels: list[bool]) -> int:
    return sum(one != other for one, other in itertools.pairwise(levels))


def test_the_permit_is_a_wave_and_ends_low() -> None:
    chip, objects = Chip(), threading.Event()
    permit = GpioPermit(chip, WAVE, ENABLE, lambda: not objects.is_set())
    permit.start()
    until(lambda: changes(chip.levels.get(17, [])) >= 4, "a wave")
    assert chip.levels[17][:5] == [False, True, False, True, False]
    assert chip.levels[18][:2] == [False, True]
    assert permit.hold_reason is permit.held_since is None
    objects.set()
    until(lambda: permit.held_since is not None, "it stands")
    assert permit.held_since is not None
    assert permit.held_since <= time.monotonic(), "the pin in series stops it at once"
    assert (chip.levels[17][-1], chip.levels[18][-1]) == (False, False)
    count = len(chip.levels[17])
    objects.clear()
    until(lambda: len(chip.levels[17]) > count, "it runs again")
    permit.stop()
    assert (chip.levels[17][-1], chip.levels[18][-1]) == (False, False)
    assert sorted(chip.released) == [17, 18]


def test_without_a_pin_in_series_the_belt_stands_when_the_watchdog_has_run_out() -> None:
    permit = GpioPermit(Chip(), WAVE, None, lambda: False)
    permit.start()
    until(lambda: permit.held_since is not None, "it knows when the belt stands")
    assert permit.held_since is not None
    assert permit.held_since > time.monotonic() - 1.0
    permit.stop()


def test_pins_that_another_has_hold_the_belt_until_they_are_ours() -> None:
    chip = Chip(taken=[18])
    permit = GpioPermit(chip, WAVE, ENABLE, lambda: True)
    permit.start()
    until(lambda: permit.hold_reason == "device or resource busy", "it says so")
    assert chip.released == [17], "nothing is kept of half a permit"
    chip.taken.clear()
    until(lambda: permit.hold_reason is None, "the pins are ours")
    permit.stop()


def test_a_pulse_ends() -> None:
    chip = Chip()
    pulse = GpioPulse(chip, WAVE)
    pulse.pulse()
    pulse.start()
    until(lambda: pulse.hold_reason is None, "the pin is ours")
    pulse.pulse()
    until(lambda: chip.levels[17] == [False, True, False], "one pulse, none from before")
    pulse.stop()
    assert chip.released == [17]
