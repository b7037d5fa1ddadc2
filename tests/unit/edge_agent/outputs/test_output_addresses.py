"""Outputs as the station file names them: one relay, two, or none."""

from edge_agent.outputs.opening import open_outputs


def never() -> bool:
    return False


def test_permit_and_divert_at_one_address_share_a_line() -> None:
    outputs = open_outputs("tcp://relay:7000", "tcp://relay:7000", never)
    assert [line.address for line in outputs.lines] == ["tcp://relay:7000"]


def test_two_addresses_are_two_lines_and_each_holds_the_belt() -> None:
    outputs = open_outputs("tcp://relay:7000", "tcp://gate:7000", never)
    assert [line.address for line in outputs.lines] == ["tcp://relay:7000", "tcp://gate:7000"]
    assert outputs.hold_reason == "not connected yet"


def test_a_station_without_outputs_diverts_nothing_and_holds_nothing() -> None:
    outputs = open_outputs("none", "none", never)
    outputs.divert("item", 1.0, 2.0, 3.0)
    assert (outputs.lines, outputs.hold_reason) == ((), None)
