"""Why a release does not come to run, split by what is done about it."""


class Unreachable(Exception):  # noqa: N818 - the state's own name
    """Nobody answers, or not as fast as it must be: it is tried again. The text says why."""


class ReleaseRefused(Exception):  # noqa: N818 - the state's own name
    """This release is not to run here; it is not tried again. The text says why, for a person."""


class SlotDamaged(Exception):  # noqa: N818 - the state's own name
    """What lies in a slot is not what its receipt says. The text says what is wrong."""


class Dropped(Exception):  # noqa: N818 - the state's own name
    """The work is not wanted any more: another release is desired, or the station ends."""
