"""Outputs as the station file names them: over TCP, MQTT, on pins, or none."""

import pytest
from gpio_chip import Chip

from beltmark.contract.errors import InputError
from edge_agent.outputs.opening import open_outputs
from edge_agent.outputs.outputs import Outputs
from edge_agent.outputs.section import ApplicatorSection, OutputsSection

RELAY, GATE, PLC = "tcp://relay:7000", "tcp://gate:7000", "mqtt://broker/line-1"
PIN = "gpio:gpiochip0/17"


def opened(applicator: ApplicatorSection | None = None, **outputs: str) -> Outputs:
    chip = Chip()
    section = OutputsSection.model_validate(outputs)
    return open_outputs(section, lambda: False, applicator, gpio=lambda _: chip)


@pytest.mark.parametrize(
    ("outputs", "addresses"),
    [
        ({"run_permit": RELAY, "divert": RELAY}, [RELAY]),
        ({"run_permit": RELAY, "divert": GATE}, [RELAY, GATE]),
        ({"run_permit": PLC, "divert": PLC}, ["mqtt://broker:1883/line-1"]),
        ({"run_permit": PIN, "divert": RELAY}, [PIN, RELAY]),
        ({"run_permit": PIN, "enable": "gpio:gpiochip0/18"}, [f"{PIN} and gpio:gpiochip0/18"]),
        ({}, []),
    ],
)
def test_signals_at_one_address_share_a_line(outputs: dict[str, str], addresses: list[str]) -> None:
    assert [line.address for line in opened(**outputs).lines] == addresses


def test_each_line_holds_the_belt_until_it_is_there() -> None:
    assert opened(run_permit=RELAY, divert=GATE).hold_reason == f"{RELAY}: not connected yet"
    assert opened(run_permit=PIN).hold_reason == f"{PIN}: not requested yet"


def test_a_station_without_outputs_diverts_nothing_and_holds_nothing() -> None:
    outputs = opened()
    outputs.divert("item", 1.0, 2.0, 3.0)
    outputs.watch()
    assert (outputs.lines, outputs.hold_reason) == ((), None)


@pytest.mark.parametrize(
    ("outputs", "field"),
    [
        ({"run_permit": "gpio17"}, "outputs.run_permit"),
        ({"run_permit": f"{RELAY}/name"}, "outputs.run_permit"),
        ({"divert": PIN}, "outputs.divert"),
        ({"run_permit": PIN, "enable": RELAY}, "outputs.enable"),
        ({"divert": RELAY, "confirm": RELAY}, "outputs.confirm"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(outputs: dict[str, str], field: str) -> None:
    with pytest.raises(InputError) as told:
        opened(**outputs)
    assert told.value.field == field


@pytest.mark.parametrize(
    "section",
    [
        {"applied": "answer"},
        {"apply": PIN, "applied": "answer"},
        {"apply": RELAY, "applied": "none"},
    ],
)
def test_an_applicator_must_be_able_to_say_that_it_applied(section: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="applied must be an input"):
        ApplicatorSection.model_validate(section)


def test_an_applicator_shares_the_relay_and_its_inputs_are_told() -> None:
    applicator = ApplicatorSection(apply=RELAY, fault="gpio:gpiochip0/3")
    outputs = opened(applicator, run_permit=RELAY)
    assert [line.address for line in outputs.lines] == [RELAY]
    assert [source.name for source in outputs.inputs] == ["fault"]


@pytest.mark.parametrize("field", ["fault", "clear"])
def test_no_input_of_the_applicator_is_an_answer(field: str) -> None:
    with pytest.raises(ValueError, match="fault and clear must be inputs"):
        ApplicatorSection.model_validate({"apply": RELAY, field: "answer"})


def test_a_button_is_no_answer() -> None:
    with pytest.raises(ValueError, match="release must be an input"):
        OutputsSection.model_validate({"divert": RELAY, "release": "answer"})
