"""The pieces of work of an update, each with the result that `machine` goes by."""

import logging
from collections.abc import Callable

from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.station_loop_ports import DetectorPort, ReadyRelease
from edge_agent.update.acceptance import unmet
from edge_agent.update.errors import Dropped, ReleaseRefused, SlotDamaged, Unreachable
from edge_agent.update.machine import Progress, Result, ResultKind
from edge_agent.update.ports import ReleaseTrial, ReleaseTrust, SlotStore

logger = logging.getLogger(__name__)


class UpdateWork:
    """What is done for a release that is desired. For use from one thread.

    Each of its methods takes the state that asks for the work, and whether it is still wanted, and
    returns None where it is not.

    Args:
        trust: Knows what is signed.
        slots: Where releases lie.
        trial: Tries them.
        open_detector: Loads a release's model.
        machine: The device's processor family.
    """

    def __init__(
        self,
        trust: ReleaseTrust,
        slots: SlotStore,
        trial: ReleaseTrial,
        open_detector: Callable[[Release], DetectorPort],
        machine: str,
    ) -> None:
        self._trust, self._slots, self._trial = trust, slots, trial
        self._open_detector, self._machine = open_detector, machine

    def fetch(self, now: Progress, is_wanted: Callable[[], bool]) -> Result | None:
        """Brings what is signed into the free slot."""

        def work() -> ResultKind:
            signed = self._trust.find(now.release, is_wanted)
            if (problem := unmet(signed.bundle.requires, self._machine)) is not None:
                raise ReleaseRefused(problem)
            self._slots.stage(signed.bundle, signed.bundle_sha256, signed.fetch)
            return "staged"

        return _result(now, work)

    def verify(self, now: Progress, is_wanted: Callable[[], bool]) -> Result | None:
        """Reads back what lies in the free slot, and loads it."""

        def work() -> ResultKind:
            self._slots.load(self._slots.staged(now.release))
            return "verified"

        return _result(now, work)

    def accept(self, now: Progress, is_wanted: Callable[[], bool]) -> Result | None:
        """Tries it on this device."""

        def work() -> ResultKind:
            staged = self._slots.staged(now.release)
            found = self._trial.accept(staged.folder, staged.bundle.requires, is_wanted)
            logger.info("update to %s: accepted, %s", now.release, found)
            return "accepted"

        return _result(now, work)

    def prepare(self, now: Progress, offer: Callable[[ReadyRelease], None]) -> Result | None:
        """Loads its model here, and offers it; a result means that it came to nothing."""

        def work() -> None:
            release = self._slots.load(self._slots.staged(now.release))
            offer(ReadyRelease(now.desired_version, release, self._open_detector(release)))

        return _result(now, work)


def _result(now: Progress, work: Callable[[], ResultKind | None]) -> Result | None:
    """Does a piece of work and says how it ended."""
    version = now.desired_version
    try:
        done = work()
    except Dropped:
        logger.info("update to %s: dropped", now.release)
        return None
    except Unreachable as error:
        return Result("unreachable", version, str(error))
    except SlotDamaged as error:
        return Result("damaged", version, f"the slot {error}")
    except (ReleaseRefused, InputError) as error:
        return Result("refused", version, str(error))
    except Exception as error:
        # Nothing that a release brings with it may end the thread: say it, and leave it alone.
        logger.exception("update to %s: unexpected problem", now.release)
        return Result("refused", version, f"unexpected problem, see the log: {error}")
    return None if done is None else Result(done, version)
