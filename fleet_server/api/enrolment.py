"""Lets devices enrol and renew. Anybody may ask: a request proves by its signature who asks.

How often, from one address, is bounded here; what is given is `handlers.enrolment`'s.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter, HTTPException, Request

from beltmark.contract.enrolment import EnrolRequest, Issued, RenewRequest
from beltmark.contract.terms import DeviceName
from fleet_server.api.context import ApiContext
from fleet_server.api.problems import problems
from fleet_server.devices.certificates import Refused
from fleet_server.handlers.enrolment import enrol, renew
from fleet_server.storage.certificates import NotGiven, TooManyIssued

MOST_A_MINUTE: Final = 30
_MOST_ADDRESSES: Final = 1_000


class Turnstile:
    """Lets so many pass from an address in a minute. For any thread.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._passed: dict[str, deque[float]] = {}

    def passes(self, address: str) -> bool:
        """Whether one more may pass."""
        now = self._clock()
        with self._lock:
            passed = self._passed.pop(address, deque(maxlen=MOST_A_MINUTE))
            self._passed[address] = passed  # the latest stands last
            while len(self._passed) > _MOST_ADDRESSES:
                del self._passed[next(iter(self._passed))]
            if len(passed) == MOST_A_MINUTE and 0 <= now - passed[0] < 60:
                return False
            passed.append(now)
            return True


def enrolment_routes(context: ApiContext) -> APIRouter:
    """The routes of enrolment."""
    router = APIRouter(prefix="/api/v1/devices", tags=["enrolment"])
    turnstile = Turnstile(context.clock)

    def given(request: Request, give: Callable[[], Issued]) -> Issued:
        if not turnstile.passes(request.client.host if request.client else ""):
            raise HTTPException(429, f"more than {MOST_A_MINUTE} requests in a minute")
        try:
            return give()
        except Refused as error:
            raise HTTPException(422, str(error)) from None
        except NotGiven as error:
            raise HTTPException(403, str(error)) from None
        except TooManyIssued as error:
            raise HTTPException(429, str(error)) from None

    @router.post(
        "/{device}/enrol",
        summary="A device with a one-time token asks for its first certificate",
        description="A request for the same key is answered with the same certificate.",
        responses=problems(400, 403, 404, 408, 413, 422, 429, 503, 507),
    )
    def enrol_device(device: DeviceName, asked: EnrolRequest, request: Request) -> Issued:
        return given(request, lambda: enrol(context.authority, context.certificates, device, asked))

    @router.post(
        "/{device}/renew",
        summary="A device with a certificate asks for the next one",
        description="A request for the same key is answered with the same certificate.",
        responses=problems(400, 403, 404, 408, 413, 422, 429, 503, 507),
    )
    def renew_device(device: DeviceName, asked: RenewRequest, request: Request) -> Issued:
        return given(request, lambda: renew(context.authority, context.certificates, device, asked))

    return router
