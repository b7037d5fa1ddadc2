"""When the belt stands: told to, or for want of a permit."""

from edge_agent.outputs.outputs import Outputs
from edge_agent.signals.ports import SignalHealth


class Permit:
    """A permit's line that connects, breaks and holds as the test says."""

    address, hold_reason = "tcp://relay:7000", None

    def __init__(self) -> None:
        self.health = SignalHealth(None, 0.0)
        self.held_since: float | None = None

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


def test_a_belt_that_is_told_to_stands() -> None:
    permit, now = Permit(), [100.0]
    outputs = Outputs(permit, None, steady=lambda: now[0])
    outputs.watch()
    assert not outputs.stands
    permit.held_since = 100.5  # it runs out until then
    outputs.watch()
    assert not outputs.stands
    now[0] = 101.0
    outputs.watch()
    assert outputs.stands


def test_a_belt_that_nobody_can_tell_anything_stands_after_its_last_permit() -> None:
    permit, now = Permit(), [100.0]
    outputs = Outputs(permit, None, steady=lambda: now[0])
    permit.health = SignalHealth("connection refused", 100.0)
    told = []
    for now[0] in (100.0, 100.9, 101.1, 200.0):
        outputs.watch()
        told.append(outputs.stands)
    assert told == [False, False, True, True]
    permit.health = SignalHealth(None, 200.0)
    outputs.watch()
    assert not outputs.stands
