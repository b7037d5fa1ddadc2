"""Looks at what a station has of its fleet and whether the fleet is there, for `check`.

Nothing is told to the fleet, and nothing of what the station keeps is changed.
"""

import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from beltmark.contract.broker import BrokerAddress, parse_broker
from beltmark.contract.errors import InputError
from beltmark.contract.release import Release
from edge_agent.identity.enrolling import identity_folder
from edge_agent.identity.proof import check_token, proof_of
from edge_agent.section import of_field
from edge_agent.settings import StationFile
from edge_agent.update.errors import ReleaseRefused, SlotDamaged, Unreachable
from edge_agent.update.fetcher import FetchLimits
from edge_agent.update.opening import read_root
from edge_agent.update.slots import Slots
from edge_agent.update.trust import TufTrust
from edge_agent.uplink.fleet_http import parse_server
from edge_agent.uplink.section import FleetSection

_PATIENCE_S = 5.0
_LIMITS = FetchLimits(connect_s=_PATIENCE_S, answer_s=_PATIENCE_S, gap_s=_PATIENCE_S, file_s=15.0)


def fleet_parts(fleet: FleetSection, data: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yields each part's name with what looks at it; that raises InputError where it is not well.

    The broker is not among them: see `look_at_broker`.
    """
    yield "root", lambda: _root(fleet)
    yield "token", lambda: _token(fleet, data)
    yield "server", lambda: _server(fleet, data)


def running_release(settings: StationFile) -> tuple[str, Release] | None:
    """The slot that runs, by its name, and its release; None while the factory's runs.

    Raises:
        InputError: It is damaged; a start would bring back another release.
    """
    folder = settings.station.data / "slots"
    try:
        return Slots(folder, settings.station.release).look()
    except SlotDamaged as error:
        raise InputError(
            f"what the slot that runs should hold: {error}",
            "start the agent: it runs the release before, and fetches this one anew",
            file=folder,
        ) from None


def look_at_broker(fleet: FleetSection, station: str, data: Path) -> str:
    """Connects to the broker as the station would, and says nothing; for while none runs.

    Where the broker asks for no certificate, it is under another name.

    Args:
        fleet: The station's `[fleet]`.
        station: Its name.
        data: Its data folder.

    Raises:
        InputError: It cannot be reached, or does not let the station in.
    """
    with of_field("fleet.broker"):
        address = parse_broker(fleet.broker, may_be_tls=True)
        context = identity_folder(data).context() if address.is_tls else None
    problem = _refusal(address, f"beltmark-check-{station}", context)
    if problem is not None:
        mend = "start the broker, check its address, user and password"
        raise InputError(problem, mend, field="fleet.broker")
    return f"{address} lets the station in"


def _root(fleet: FleetSection) -> str:
    with of_field("fleet.root"):
        read_root(fleet.root)
    return f"{fleet.root} is trusted"


def _token(fleet: FleetSection, data: Path) -> str:
    if fleet.token_file is None:
        until = time.localtime(identity_folder(data).read().expires_at)
        return f"enrolled; the certificate holds until {time.strftime('%Y-%m-%d', until)}"
    check_token(fleet)
    return f"{fleet.token_file} holds one"


def _server(fleet: FleetSection, data: Path) -> str:
    server, root = parse_server(fleet.server), read_root(fleet.root)
    prove = proof_of(fleet, data)
    prove()
    with tempfile.TemporaryDirectory() as folder:
        trust = TufTrust(
            server,
            root,
            prove,
            metadata=Path(folder, "metadata"),
            downloads=Path(folder, "downloads"),
            limits=_LIMITS,
        )
        try:
            trust.refresh()
        except Unreachable as error:
            mend = "start the server, check its address, and the token or certificate"
            raise InputError(str(error), mend, file=server, field="fleet.server") from None
        except ReleaseRefused as error:
            mend = "copy root.json of this fleet's site, and check the clock"
            raise InputError(str(error), mend, file=server, field="fleet.root") from None
    return f"{server} has releases that this station trusts"


def _refusal(address: BrokerAddress, client_id: str, context: ssl.SSLContext | None) -> str | None:
    """Says why the broker does not let somebody in; None if it does."""
    answers: list[str | None] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, reconnect_on_failure=False)
    client.connect_timeout = _PATIENCE_S
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if context is not None:
        client.tls_set_context(context)
    client.on_connect = lambda _, __, ___, reason, ____: answers.append(
        f"it refuses this station: {reason}" if reason.is_failure else None
    )
    try:
        client.connect(address.host, address.port)
    except (OSError, ValueError) as error:  # ValueError: a name that no resolver takes
        why = getattr(error, "strerror", None) or str(error)
        return f"{address} cannot be reached: {why.lower()}"
    end = time.monotonic() + _PATIENCE_S
    try:
        while not answers and time.monotonic() < end:
            if client.loop(0.2) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                break
    except Exception as error:  # paho trusts the other side's bytes; whoever it is, we do not
        answers.append(f"what answers is no broker: {type(error).__name__}")
    finally:
        client.disconnect()
        if (connection := client.socket()) is not None:
            connection.close()
    return answers[0] if answers else f"{address} takes connections, but does not answer"
