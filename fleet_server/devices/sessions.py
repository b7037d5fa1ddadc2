"""Ends the live session of a device that was revoked: a broker looks at certificates only as they
connect.

Any broker ends a session when the same client connects once more. So the fleet connects as the
device, by a certificate of its own for a day; the device cannot come back with the one that it has.
"""

import os
import signal
import threading
from pathlib import Path
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from beltmark.contract.broker import BrokerAddress
from beltmark.contract.errors import InputError
from fleet_server.devices.authority import Authority

_CONNECT_TIMEOUT_S: Final = 5.0
HOLD_S: Final = 3.0
"""A station that lost its session is back sooner, if it can."""
_MAX_PID_BYTES: Final = 20


def reload_broker(pid_file: Path) -> None:
    """Has Mosquitto read its lists anew; those who are connected stay.

    Raises:
        InputError: It does not run, or does not hear this user.
    """
    mend = "reload it yourself, such as by systemctl reload mosquitto"
    try:
        process = int(pid_file.read_bytes()[:_MAX_PID_BYTES])
        if process <= 0:  # to a signal, these are many processes
            raise ValueError("it names no process")
        # Who was killed leaves its number to anybody.
        name = Path("/proc", str(process), "comm")
        if Path("/proc/self").exists() and name.read_text().strip() != "mosquitto":
            raise InputError("names a process that is not Mosquitto's", mend, file=pid_file)
        os.kill(process, signal.SIGHUP)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"the broker cannot be reloaded: {why}", mend, file=pid_file) from None


def end_session(
    authority: Authority, address: BrokerAddress, device: str, hold_s: float = HOLD_S
) -> bool:
    """Ends a device's session, if it has one.

    Args:
        authority: Signs what is connected with.
        address: The broker.
        device: Whose session ends.
        hold_s: For so long its name is held.

    Returns:
        Whether it stayed away: the broker knows what was revoked.

    Raises:
        InputError: The broker cannot be reached, or does not let the fleet in.
    """
    connected, ended = threading.Event(), threading.Event()
    refusals: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2, client_id=device, reconnect_on_failure=False)
    client.connect_timeout = _CONNECT_TIMEOUT_S
    client.tls_set_context(authority.context(device))

    def answered(_client: Client, _data: object, _flags: object, reason: object, _: object) -> None:
        if getattr(reason, "is_failure", False):
            refusals.append(str(reason))
        connected.set()

    client.on_connect = answered
    client.on_disconnect = lambda *_: ended.set()
    mend = "is it started, and configured by beltmark-fleet broker-config?"
    try:
        client.connect(address.host, address.port)
    except (OSError, ValueError) as error:
        raise InputError(f"the broker {address} cannot be reached: {error}", mend) from None
    client.loop_start()
    try:
        if not connected.wait(_CONNECT_TIMEOUT_S) or refusals:
            raise InputError(f"the broker {address} does not let the fleet in", mend)
        return not ended.wait(hold_s)
    finally:
        client.disconnect()
        client.loop_stop()
