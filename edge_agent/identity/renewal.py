"""Asks for the next certificate well before the present one runs out, beside the station's work.

Whatever comes of it is told and tried again; the station goes on. The session that is open goes on,
too: the next one proves itself with what is kept then.
"""

import logging
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

from beltmark.contract.enrolment import Issued
from beltmark.contract.errors import InputError
from beltmark.contract.records import PartHealth
from edge_agent.identity.certificate import Identity, NotOurs, renew_request, renewed
from edge_agent.identity.keeping import IdentityFolder
from edge_agent.uplink import wording
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.errand import Errand
from edge_agent.uplink.fleet_http import Answer

logger = logging.getLogger(__name__)

MEDIA: Final = "application/json"
_PERIOD_S: Final = 60.0
_FIRST_PAUSE_S: Final = 30.0
_MAX_PAUSE_S: Final = 3_600.0


class FleetDoor(Protocol):
    """The way to the server."""

    def send(self, method: Literal["POST", "PUT"], path: str, body: bytes, media: str) -> Answer:
        """See `FleetHttp.send`."""
        ...


class Renewer:
    """Keeps a station's certificate from running out. `health` is for any thread.

    Args:
        folder: Where the identity lies.
        door: The way to the server; it is used on the renewer's thread alone.
        clock: Seconds since the epoch.
        backoff: How long to wait after a failure; None: from half a minute to an hour.
    """

    def __init__(
        self,
        folder: IdentityFolder,
        door: FleetDoor,
        *,
        clock: Callable[[], float] = time.time,
        backoff: Backoff | None = None,
    ) -> None:
        self._folder, self._door, self._clock = folder, door, clock
        self._problem: str | None = None
        self._told, self._since = "not looked at yet", clock()
        self._errand = Errand(
            "certificate",
            self.look,
            report=self._report,
            has_problem=lambda: self._problem is not None,
            period_s=_PERIOD_S,
            backoff=backoff or Backoff(_FIRST_PAUSE_S, _MAX_PAUSE_S),
        )

    @property
    def health(self) -> PartHealth:
        """How the certificate stands."""
        state: Literal["ok", "degraded"] = "ok" if self._problem is None else "degraded"
        told = wording.told(self._problem or self._told)
        return PartHealth(state=state, told=told, since=self._since)

    def start(self) -> None:
        """Begins; returns at once."""
        self._errand.start()

    def stop(self) -> None:
        """Ends soon; what was asked for is asked for again by the next run."""
        self._errand.stop()

    def look(self) -> bool:
        """Looks at the certificate, and renews it if it is time; there is never more at once."""
        try:
            identity = self._folder.read()
        except InputError as error:
            self._report(str(error))
            return False
        now = self._clock()
        self._told = f"holds until {_day(identity.expires_at)}"
        if now < identity.renew_at:
            self._report(None)
        elif now >= identity.expires_at:
            self._report(
                f"the certificate ran out on {_day(identity.expires_at)}: enrol the station anew "
                "(beltmark-edge enrol)"
            )
        else:
            self._report(self._renew(identity))
        return False

    def _renew(self, identity: Identity) -> str | None:
        """Asks for the next certificate; returns what is wrong."""
        key = self._folder.next_key()
        asked = renew_request(identity, key).model_dump_json().encode()
        path = f"/api/v1/devices/{identity.device}/renew"
        answer = self._door.send("POST", path, asked, MEDIA)
        problem = answer.told
        if answer.fate == "taken":
            try:
                following = renewed(identity, key, read_issued(answer.content))
            except NotOurs as error:
                problem = f"what answers is not this station's fleet: {error}"
            else:
                if (
                    self._folder.read().certificate == identity.certificate
                ):  # nobody has enrolled it anew meanwhile
                    self._folder.write(following)
                self._told = f"holds until {_day(following.expires_at)}"
                logger.info("certificate: renewed, %s", self._told)
                return None
        return f"the certificate runs out on {_day(identity.expires_at)}: {problem}"

    def _report(self, problem: str | None) -> None:
        if problem == self._problem:
            return
        if problem is None:
            logger.info("certificate: %s", self._told)
        else:
            logger.warning("certificate: %s", problem)
        self._problem, self._since = problem, self._clock()


def read_issued(content: bytes) -> Issued:
    """Reads what the server answered.

    Raises:
        NotOurs: It is no such answer.
    """
    try:
        return Issued.model_validate_json(content)
    except ValueError:
        raise NotOurs("it answers with something else") from None


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(at))
