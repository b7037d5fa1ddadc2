"""Who may come in: people by the admin token or the cookie that it got them, devices by theirs.

Dependencies of the routes. The secrets are the site's, how they are compared is `tokens`'.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from beltmark.contract.enrolment import PROOF_PREFIX
from beltmark.contract.errors import InputError
from fleet_server.devices.authority import Authority
from fleet_server.devices.certificates import Refused
from fleet_server.devices.proof import proven
from fleet_server.site import Site
from fleet_server.storage.certificates import CertificateStore
from fleet_server.tokens import is_cookie, is_token, write_cookie

logger = logging.getLogger(__name__)

COOKIE: Final = "beltmark_fleet"
ADMIN: Final = "admin"
_SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")

_ADMIN_TOKEN = HTTPBearer(scheme_name="admin token", auto_error=False)
_ADMIN_COOKIE = APIKeyCookie(name=COOKIE, scheme_name="admin cookie", auto_error=False)
_DEVICE_TOKEN = HTTPBearer(scheme_name="device token", auto_error=False)

SecretT = TypeVar("SecretT", str, bytes)
Bearer = HTTPAuthorizationCredentials | None


@dataclass(frozen=True)
class Access:
    """What is needed to tell who somebody is; the app's state holds one.

    Attributes:
        site: Whose secrets count.
        clock: Seconds since the epoch.
        authority: Who has signed the devices' certificates.
        certificates: Which of them hold.
    """

    site: Site
    clock: Callable[[], float]
    authority: Authority
    certificates: CertificateStore

    def is_admin_token(self, token: str) -> bool:
        """Whether it is the admin token."""
        return is_token(token, _read(self.site.admin_sha256))

    def is_admin_cookie(self, cookie: str) -> bool:
        """Whether it is a cookie of somebody who signed in."""
        secret, admin = _read(self.site.cookie_secret), _read(self.site.admin_sha256)
        return is_cookie(cookie, secret, admin, self.clock())

    def is_device_token(self, token: str) -> bool:
        """Whether it is the token for devices."""
        return self.site.settings.server.shared_token and is_token(
            token, _read(self.site.device_token_sha256)
        )

    def proven_device(self, proof: str) -> str:
        """The device whose certificate is in a proof.

        Raises:
            Refused: It proves nothing, or what it proves was revoked.
        """
        found = proven(self.authority.issuer, proof, self.clock())
        if not self.certificates.holds(found.serial):
            raise Refused("the certificate was revoked, or is not known here")
        return found.device

    def new_cookie(self) -> str:
        """A cookie for somebody who has just signed in."""
        secret, admin = _read(self.site.cookie_secret), _read(self.site.admin_sha256)
        return write_cookie(secret, admin, self.clock())


def person(
    request: Request,
    bearer: Annotated[Bearer, Security(_ADMIN_TOKEN)] = None,
    cookie: Annotated[str | None, Security(_ADMIN_COOKIE)] = None,
) -> str:
    """Lets people in; returns who it is.

    Raises:
        HTTPException: 401, or 403 for a change that another site's page asks for.
    """
    access: Access = request.app.state.access
    if bearer is not None and access.is_admin_token(bearer.credentials):
        return ADMIN
    if bearer is None and cookie is not None and access.is_admin_cookie(cookie):
        if request.method not in _SAFE_METHODS and not _is_same_origin(request):
            raise HTTPException(403, "a page of another site asks for this: use the fleet's own")
        return ADMIN
    raise HTTPException(
        401,
        "sign in, or send the admin token as Authorization: Bearer TOKEN",
        {"WWW-Authenticate": 'Bearer realm="beltmark-fleet"'},
    )


def device(request: Request, bearer: Annotated[Bearer, Security(_DEVICE_TOKEN)] = None) -> None:
    """Lets devices in: each for itself by its certificate, or any by the site's token.

    Raises:
        HTTPException: 401.
    """
    access: Access = request.app.state.access
    told = "send the site's device token as Authorization: Bearer TOKEN, or enrol the station"
    if bearer is not None:
        if access.is_device_token(bearer.credentials):
            return
        if bearer.credentials.startswith(PROOF_PREFIX):
            try:
                name = access.proven_device(bearer.credentials)
            except Refused as error:
                told = str(error)
            else:
                if request.path_params.get("device", name) == name:
                    return
                told = f"the certificate is {name}'s"
    raise HTTPException(401, told, {"WWW-Authenticate": 'Bearer realm="beltmark-devices"'})


def _read(secret: Callable[[], SecretT]) -> SecretT:
    """A secret of the site; if it is damaged, that is no mistake of whoever wants to come in."""
    try:
        return secret()
    except InputError as error:
        logger.error("%s", error)
        raise HTTPException(503, "the site's secrets cannot be read; the log tells more") from None


def _is_same_origin(request: Request) -> bool:
    """Whether a page of this server sent it; browsers say so, and no page can make them lie."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")
