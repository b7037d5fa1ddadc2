"""What `check` says of the trigger and its photo-eye."""

import socket
from contextlib import closing
from pathlib import Path

import pytest
from blob_station import write_station
from gpio_chip import Chip

from beltmark.contract.errors import InputError
from edge_agent.settings import StationFile, read_settings
from edge_agent.trigger_check import look_at_trigger


def settings(folder: Path, trigger: str, **sections: str) -> StationFile:
    return read_settings(write_station(folder, "pictures", trigger=trigger, **sections))


def test_a_belt_has_its_line_and_a_bench_its_dwell(tmp_path: Path) -> None:
    assert look_at_trigger(settings(tmp_path, ""), is_running=False) == "line"
    bench = settings(tmp_path, "", zone='rect_xyxy_px = [0, 0, 9, 9]\ntravel = "none"')
    assert look_at_trigger(bench, is_running=False) == "dwell"


def test_a_relay_that_is_away_and_one_that_is_there(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as relay:
        address = f"tcp://127.0.0.1:{relay.getsockname()[1]}/eye"
        trigger = f'kind = "photo-eye"\nphoto_eye = "{address}"'
        told = look_at_trigger(settings(tmp_path, trigger), is_running=False)
        assert told == f"photo-eye; photo_eye {address}, 50% along the zone, decides"
    with pytest.raises(InputError, match="cannot be reached") as refused:
        look_at_trigger(settings(tmp_path, trigger), is_running=False)
    assert refused.value.field == "trigger.photo_eye"


def test_a_port_to_be_posted_to_must_be_free_unless_the_agent_has_it(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        counts = settings(tmp_path, f'photo_eye = "{address}"')
        assert look_at_trigger(counts, is_running=True).endswith("only counts")
        with pytest.raises(InputError, match="cannot listen there"):
            look_at_trigger(counts, is_running=False)
    assert address in look_at_trigger(counts, is_running=False)


def test_a_pin_is_asked_for_and_given_back(tmp_path: Path) -> None:
    chip = Chip()
    pin = settings(tmp_path, 'photo_eye = "gpio:chip/17?bias=pull-up"')
    assert "gpio:chip/17," in look_at_trigger(pin, is_running=False, gpio=lambda _: chip)
    assert "running agent has the pins" in look_at_trigger(
        pin, is_running=True, gpio=lambda _: chip
    )


def test_a_kind_that_does_not_fit_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="decides nothing on a belt"):
        look_at_trigger(settings(tmp_path, 'kind = "dwell"'), is_running=False)
