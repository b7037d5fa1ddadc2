"""Keeps who may enrol, and which certificates were issued and revoked.

What a certificate is, and whether a request is rightly signed, is left to `handlers.enrolment`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from fleet_server.storage.engine import reading, writing
from fleet_server.storage.tables import certificates, enrolments, log

MAX_ISSUED_AN_HOUR: Final = 10
"""To a device: one that asks for more has lost its mind, or its disk."""


class NotGiven(Exception):  # noqa: N818 - the state's own name
    """There is no certificate for who asks; the text says why."""


class TooManyIssued(Exception):  # noqa: N818 - likewise
    """A device asks too often."""


@dataclass(frozen=True)
class NewCertificate:
    """A certificate that was made just now.

    Attributes:
        serial: Its serial number, in hexadecimal.
        expires_at: Until when it holds, in seconds since the epoch.
        certificate: Itself (PEM).
    """

    serial: str
    expires_at: float
    certificate: str


@dataclass(frozen=True)
class Membership:
    """How a device stands with the fleet.

    Attributes:
        device: The device.
        expires_at: Until when its latest certificate holds; None without one.
        revoked_at: When that was revoked; None if it was not.
        invited_until: Until when its unused token holds; None without one.
    """

    device: str
    expires_at: float | None
    revoked_at: float | None
    invited_until: float | None


class CertificateStore:
    """Tokens and certificates. For use from any thread; every call may raise `StorageUnavailable`.

    Args:
        engine: The database, as `open_database` gives it.
        clock: Seconds since the epoch.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def invite(self, token_key: str, device: str, who: str, lasts_s: float) -> None:
        """Notes a new token; an unused one of the device ends."""
        now = self._clock()
        with writing(self._engine) as connection:
            _end_tokens(connection, device)
            connection.execute(
                enrolments.insert().values(
                    token_key=token_key,
                    device=device,
                    made_at=now,
                    made_by=who,
                    expires_at=now + lasts_s,
                )
            )
            _log(connection, now, who, f"invited {device} to enrol")

    def redeem(
        self, token_key: str, device: str, key_sha256: str, issue: Callable[[], NewCertificate]
    ) -> str:
        """Gives the certificate for a token, once; to the same key again, while the token lasts.

        Args:
            token_key: The token's public half.
            device: Who asks.
            key_sha256: Of the key for which it asks.
            issue: Makes the certificate.

        Returns:
            The certificate (PEM).

        Raises:
            NotGiven: There is no such token for this device, or it has run out or was used.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            found = sa.select(enrolments).where(enrolments.c.token_key == token_key)
            token = connection.execute(found.with_for_update()).one_or_none()
            if token is None or token.device != device:
                raise NotGiven("there is no such token for this station")
            if now >= token.expires_at:
                raise NotGiven("the token has run out: make a new one")
            if token.used_at is not None:
                if token.key_sha256 != key_sha256:
                    raise NotGiven("the token was used: make a new one")
                if (known := _known(connection, device, key_sha256, now)) is not None:
                    return known
                raise NotGiven("the certificate was revoked: make a new token")
            made = _add(connection, device, key_sha256, issue(), now)
            connection.execute(
                enrolments.update()
                .where(enrolments.c.token_key == token_key)
                .values(used_at=now, key_sha256=key_sha256)
            )
            _log(connection, now, f"station {device}", f"enrolled: certificate {made.serial}")
        return made.certificate

    def renew(
        self, serial: str, device: str, key_sha256: str, issue: Callable[[], NewCertificate]
    ) -> str:
        """Gives the next certificate; the same one for the same key.

        Args:
            serial: Of the certificate that the device has.
            device: Who asks.
            key_sha256: Of the key for which it asks.
            issue: Makes the certificate.

        Returns:
            The certificate (PEM).

        Raises:
            NotGiven: The one that it has was revoked, or is not known.
            TooManyIssued: It asks too often.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            found = sa.select(certificates).where(certificates.c.serial == serial)
            held = connection.execute(found.with_for_update()).one_or_none()
            if held is None or held.device != device:
                raise NotGiven("the certificate is not known here: enrol the station anew")
            if held.revoked_at is not None:
                raise NotGiven("the certificate was revoked")
            if (known := _known(connection, device, key_sha256, now)) is not None:
                return known
            if _issued_since(connection, device, now - 3_600) >= MAX_ISSUED_AN_HOUR:
                raise TooManyIssued(f"more than {MAX_ISSUED_AN_HOUR} certificates in an hour")
            made = _add(connection, device, key_sha256, issue(), now)
            _log(connection, now, f"station {device}", f"renewed: certificate {made.serial}")
        return made.certificate

    def revoke(self, device: str, who: str) -> int:
        """Ends all that a device could come in with; returns how many certificates that were."""
        now = self._clock()
        with writing(self._engine) as connection:
            _end_tokens(connection, device)
            # A renewal that is under way is waited for, and what it issues is revoked as well.
            held = sa.select(certificates.c.serial).where(certificates.c.device == device)
            connection.execute(held.with_for_update()).all()
            ended = connection.execute(
                certificates.update()
                .where(certificates.c.device == device, certificates.c.revoked_at.is_(None))
                .where(certificates.c.expires_at > now)
                .values(revoked_at=now, revoked_by=who)
            ).rowcount
            _log(connection, now, who, f"revoked {device}: {ended} certificates")
        return ended

    def holds(self, serial: str) -> bool:
        """Whether a certificate was issued here, and not revoked."""
        found = sa.select(certificates.c.serial).where(
            certificates.c.serial == serial, certificates.c.revoked_at.is_(None)
        )
        with reading(self._engine) as connection:
            return connection.execute(found).first() is not None

    def revoked(self) -> list[tuple[int, float]]:
        """Serial number and time of all that was revoked and has not run out."""
        columns = (certificates.c.serial, certificates.c.revoked_at)
        found = (
            sa.select(*columns)
            .where(certificates.c.revoked_at.is_not(None))
            .where(certificates.c.expires_at > self._clock())
            .order_by(certificates.c.serial)
        )
        with reading(self._engine) as connection:
            return [(int(serial, 16), at) for serial, at in connection.execute(found)]

    def listed(self) -> list[Membership]:
        """All devices that were ever invited, by name."""
        now = self._clock()
        latest: dict[str, sa.Row[Any]] = {}
        invited: dict[str, float | None] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(
                sa.select(certificates).order_by(certificates.c.issued_at)
            ):
                latest[row.device] = row
            for token in connection.execute(sa.select(enrolments)):
                invited.setdefault(token.device, None)
                if token.used_at is None and token.expires_at > now:
                    invited[token.device] = token.expires_at
        return [
            Membership(
                device,
                latest[device].expires_at if device in latest else None,
                latest[device].revoked_at if device in latest else None,
                invited.get(device),
            )
            for device in sorted(latest.keys() | invited.keys())
        ]


def _end_tokens(connection: sa.Connection, device: str) -> None:
    connection.execute(
        enrolments.update()
        .where(enrolments.c.device == device)
        .values(expires_at=0.0)  # before any clock: one who waits for this row looked at theirs
    )


def _known(connection: sa.Connection, device: str, key_sha256: str, now: float) -> str | None:
    """The certificate that a key of the device has already and can still use."""
    found = sa.select(certificates.c.certificate).where(
        certificates.c.device == device,
        certificates.c.key_sha256 == key_sha256,
        certificates.c.revoked_at.is_(None),
        certificates.c.expires_at > now,
    )
    return connection.execute(found.limit(1)).scalar_one_or_none()


def _issued_since(connection: sa.Connection, device: str, since: float) -> int:
    found = sa.select(sa.func.count()).where(
        certificates.c.device == device, certificates.c.issued_at > since
    )
    return int(connection.execute(found).scalar_one())


def _add(
    connection: sa.Connection, device: str, key_sha256: str, made: NewCertificate, now: float
) -> NewCertificate:
    connection.execute(
        certificates.insert().values(
            serial=made.serial,
            device=device,
            key_sha256=key_sha256,
            issued_at=now,
            expires_at=made.expires_at,
            certificate=made.certificate,
        )
    )
    return made


def _log(connection: sa.Connection, now: float, who: str, what: str) -> None:
    connection.execute(log.insert().values(at=now, who=who, what=what))
