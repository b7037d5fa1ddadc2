from typing import get_args

from edge_agent.capture.health import CameraState
from edge_agent.describing import CAMERA_STATES, PRINTER_STATES
from edge_agent.printing.printer_watch import PrinterState


def test_there_is_a_word_for_each_state() -> None:
    assert set(CAMERA_STATES) == set(get_args(CameraState))
    assert set(PRINTER_STATES) == set(get_args(PrinterState))


def test_what_nobody_has_asked_is_not_called_well() -> None:
    assert PRINTER_STATES["unasked"] == CAMERA_STATES["starting"] == "unknown"
