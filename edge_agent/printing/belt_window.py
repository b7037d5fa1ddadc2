"""Each label's print window at the speed that the belt has now. The sums are in `window`.

Where the belt's speed is not known yet, the times of the station file hold.
"""

import math
from collections.abc import Callable

import numpy as np

from beltmark.contract.errors import InputError
from edge_agent.printing.records import LabelOrder
from edge_agent.printing.section import PrinterSection
from edge_agent.printing.spooler_ports import SpoolerSettings
from edge_agent.printing.window import LabelPath, Window
from edge_agent.station.geometry import StationGeometry


class BeltWindow:
    """The print windows of one station.

    Args:
        path: What lies between a decision and its label.
        settings: The times to take while the speed is not known; whether the belt can be held.
        mm_per_px: Scale of the picture along the belt at the decision line.
        speed_px_s: The belt's speed in the picture; None while it is not known.

    Attributes:
        path: That path.
        mm_per_px: That scale.
    """

    def __init__(
        self,
        path: LabelPath,
        settings: SpoolerSettings,
        mm_per_px: float,
        speed_px_s: Callable[[], float | None],
    ) -> None:
        self.path, self._settings = path, settings
        self.mm_per_px, self._speed_px_s = mm_per_px, speed_px_s

    def __call__(self, order: LabelOrder) -> Window:
        """Returns the window of one label."""
        speed_px_s = self._speed_px_s()
        if order.layout is None or speed_px_s is None or speed_px_s <= 0:
            return self._settings.window
        return self.at_speed(
            order.layout.height_mm * order.product.copies, speed_px_s * self.mm_per_px
        )

    def at_speed(self, label_mm: float, belt_mm_s: float) -> Window:
        """Returns the window of a label, or of its copies, of this length at this speed."""
        times = self._settings
        hold_after_s = times.hold_after_s
        patience_s = max(0.0, times.label_deadline_s - (hold_after_s or 0.0))
        return self.path.window(
            label_mm, belt_mm_s, can_hold=hold_after_s is not None, patience_s=patience_s
        )


def open_window(
    section: PrinterSection,
    geometry: StationGeometry,
    settings: SpoolerSettings,
    speed_px_s: Callable[[], float | None],
) -> BeltWindow | None:
    """Returns a station's print windows; None where its file has no `[printer.window]`.

    Raises:
        InputError: What they follow from is not known.
    """
    if section.window is None:
        return None
    field = "printer.window"
    path, scale = section.path, mm_per_px(geometry)
    if path is None:
        raise InputError(
            "needs the print speed", "write print_speed_mm_s in [printer.profile]", field=field
        )
    if scale is None:
        raise InputError(
            "needs a belt and its scale",
            "beltmark-edge calibrate, or write mm_per_px in [zone]",
            field=field,
        )
    return BeltWindow(path, settings, scale, speed_px_s)


def mm_per_px(geometry: StationGeometry) -> float | None:
    """Returns the scale along the travel at the decision line; None where nothing says it."""
    if geometry.plane is None or not geometry.is_belt:
        return None
    left, top, right, bottom = geometry.zone_xyxy_px
    dx, dy = geometry.direction
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    travel = np.array([dx, dy])
    line = middle + (geometry.decide_at - 0.5) * geometry.length_px * travel
    ends = geometry.plane.to_mm(np.array([line - travel / 2, line + travel / 2], np.float32))
    return math.dist(ends[0], ends[1])
