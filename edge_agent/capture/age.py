"""How old a picture was when it arrived, from the camera's own clock, whatever that shows. Pure."""

from collections import deque

_WINDOW = 256


class PictureAge:
    """Compares the camera's clock with ours.

    Their difference is the offset of the clocks and the time on the way. The least difference of
    late stands for a picture that came at once; what others have above it is their age. So a clock
    that counts from the camera's start serves as well as one that is set.
    """

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=_WINDOW)

    def age_s(self, stamped_at: float | None, arrived_at: float) -> float:
        """Takes in one more picture; returns its age on arrival, 0 where the camera is silent.

        A camera that starts anew sets its clock back, and its pictures seem old until the window
        has passed: those of the first seconds are not used.
        """
        if stamped_at is None:
            return 0.0
        difference = arrived_at - stamped_at
        self._differences.append(difference)
        return difference - min(self._differences)
