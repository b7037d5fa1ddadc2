"""Makes the outputs that the station file names: run permit and divert, on one relay or two."""

from collections.abc import Callable

from edge_agent.outputs.line import RelayLine, parse_relay

NONE = "none"
"""The address of an output that a station does not have."""


class Outputs:
    """The station's outputs.

    Args:
        permit: Line that lets the belt run, if there is one.
        divert: Line that takes items off the belt, if there is one; it may be the same.
    """

    def __init__(self, permit: RelayLine | None, divert: RelayLine | None) -> None:
        self._permit, self._divert = permit, divert
        lines = [line for line in (permit, divert) if line is not None]
        self.lines = tuple(dict.fromkeys(lines))

    @property
    def hold_reason(self) -> str | None:
        """Why the belt must stand still; None when the outputs do not ask for it."""
        return next((line.hold_reason for line in self.lines if line.hold_reason), None)

    @property
    def held_since(self) -> float | None:
        """Since when the belt was told to stand, on the steady clock; None where it may run."""
        return None if self._permit is None else self._permit.held_since

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        """Has the item taken off that was at this place of the image then; returns at once.

        Where there is no divert, the item goes on, and the journal tells people of it.
        """
        if self._divert is not None:
            self._divert.divert(item_id, x_px, y_px, captured_at)

    def start(self) -> None:
        """Begins to beat and to deliver."""
        for line in self.lines:
            line.start()

    def stop(self) -> None:
        """Lets the permit fall and delivers what is left."""
        for line in self.lines:
            line.stop()


def open_outputs(run_permit: str, divert: str, may_run: Callable[[], bool]) -> Outputs:
    """Returns the outputs at `tcp://host:port` or `none`, not yet connected.

    Args:
        run_permit: Address of the run permit.
        divert: Address of the divert.
        may_run: Asked before each beat of the permit.

    Raises:
        InputError: An address is neither.
    """
    permit_line = divert_line = None
    if run_permit != NONE:
        permit_line = RelayLine(*parse_relay(run_permit, "outputs.run_permit"), may_run)
    if divert == run_permit:
        divert_line = permit_line
    elif divert != NONE:
        divert_line = RelayLine(*parse_relay(divert, "outputs.divert"), None)
    return Outputs(permit_line, divert_line)
