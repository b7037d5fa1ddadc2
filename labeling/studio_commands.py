"""`beltmark-label studio up` and `connect`: arguments and printing; the work is in `studio/`."""

import argparse
import getpass
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from beltmark.command import whole
from beltmark.contract.errors import InputError

if TYPE_CHECKING:
    from labeling.studio.client import StudioClient

TOKEN_VARIABLE: Final = "BELTMARK_STUDIO_TOKEN"


def add_studio_parsers(commands: Any) -> None:
    """Adds the commands to a parser's subparsers."""
    studio = commands.add_parser("studio", help="a Label Studio of one's own, on this machine")
    verbs = studio.add_subparsers(required=True, metavar="VERB")
    up = verbs.add_parser("up", help="install it if need be, start it, connect to it")
    up.add_argument(
        "--data", type=Path, metavar="FOLDER", help="keeps all of it (default: one in your home)"
    )
    up.add_argument("--port", type=whole(1, 65_535), default=8080, metavar="N", help="on loopback")
    up.add_argument("--environment", type=Path, metavar="FOLDER", help="where it is installed")
    add_connection(up)
    up.set_defaults(command=_up)

    connect = commands.add_parser("connect", help="say where Label Studio is, and sign in")
    connect.add_argument("address", metavar="URL")
    connect.add_argument(
        "--token-file", type=Path, metavar="F",
        help=f"holds the token; else {TOKEN_VARIABLE} does, else you are asked",
    )  # fmt: skip
    add_connection(connect)
    connect.set_defaults(command=_connect)


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that says where the connection is kept."""
    parser.add_argument(
        "--connection",
        type=Path,
        metavar="FILE",
        help="keeps address and token (default: ~/.config)",
    )


def open_studio(arguments: argparse.Namespace) -> "StudioClient":
    """Returns the Label Studio that one is connected to."""
    from labeling.studio.client import StudioClient  # noqa: PLC0415
    from labeling.studio.connection import default_path, read_connection  # noqa: PLC0415

    connection = read_connection(arguments.connection or default_path())
    return StudioClient(connection.address, connection.token)


def _connect(arguments: argparse.Namespace) -> int:
    from labeling.studio.connection import check_address  # noqa: PLC0415
    from labeling.studio.tokens import check_token, read_token_file  # noqa: PLC0415

    address = check_address(arguments.address)
    if arguments.token_file:
        token = read_token_file(arguments.token_file)
    elif os.environ.get(TOKEN_VARIABLE):
        token = check_token(os.environ[TOKEN_VARIABLE])
    elif sys.stdin.isatty():
        token = check_token(getpass.getpass("Personal Access Token: "))
    else:
        raise InputError(
            "no token is given", f"give --token-file or {TOKEN_VARIABLE}, or run it in a terminal"
        )
    _keep(arguments, address, token)
    return 0


def _keep(arguments: argparse.Namespace, address: str, token: str) -> None:
    """Tries the connection, and keeps it if it is good."""
    from labeling.studio.client import StudioClient  # noqa: PLC0415
    from labeling.studio.connection import (  # noqa: PLC0415
        Connection,
        default_path,
        write_connection,
    )

    client = StudioClient(address, token)
    try:
        version, user = client.version(), client.user()
    finally:
        client.close()
    path = arguments.connection or default_path()
    write_connection(path, Connection(address=address, token=token))
    print(f"connected to Label Studio {version} at {address} as {user} ({path})")


def _up(arguments: argparse.Namespace) -> int:
    from labeling.studio.environment import ensure_environment  # noqa: PLC0415
    from labeling.studio.local import EMAIL, is_new, password_of, running  # noqa: PLC0415
    from labeling.studio.signing_in import make_token  # noqa: PLC0415

    folder = arguments.data or _home()
    environment = arguments.environment or folder / "environment"
    executable = ensure_environment(environment, lambda text: print(text, flush=True))
    made = " (the first time it makes its database: a few minutes)" if is_new(folder) else ""
    print(f"starting Label Studio, which keeps its data in {folder}{made}", flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background a shell ignores the first
        signal.signal(number, signal.default_int_handler)
    try:
        with running(executable, folder, arguments.port) as local:
            token = _known_token(arguments, local.address)
            if token is None:
                token = make_token(local.address, EMAIL, password_of(folder))
            _keep(arguments, local.address, token)
            print(f"sign in at {local.address} as {EMAIL}, password in {folder / 'password'}")
            print("Ctrl-C ends it; what was done there is kept", flush=True)
            code = local.process.wait()
    except KeyboardInterrupt:
        print("ended")
        return 0
    raise InputError(f"Label Studio ended with code {code}", "see its log", file=folder / "log")


def _known_token(arguments: argparse.Namespace, address: str) -> str | None:
    """Returns the token that is kept for this very server, if it still opens it."""
    from labeling.studio.client import StudioClient  # noqa: PLC0415
    from labeling.studio.connection import default_path, read_connection  # noqa: PLC0415

    try:
        kept = read_connection(arguments.connection or default_path())
        if kept.address == address:
            StudioClient(address, kept.token).user()
            return kept.token
    except InputError:
        pass
    return None


def _home() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "beltmark" / "label-studio"
