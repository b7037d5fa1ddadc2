"""The site's settings: `fleet.toml`, read once, and the environment, which stands above it.

`BELTMARK_FLEET__SECTION__FIELD` replaces one value. What lies beside the file is `site`'s.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from beltmark.contract.documents import Document, parse, read_document
from beltmark.contract.errors import InputError
from beltmark.contract.terms import Identity

ENVIRONMENT_PREFIX: Final = "BELTMARK_FLEET__"
DEFAULT_DATABASE: Final = "sqlite:///fleet.sqlite"
EMBEDDED: Final = "embedded"

Address = Annotated[str, Field(min_length=1, max_length=2_000)]
Port = Annotated[int, Field(ge=0, le=65_535)]
CompanyPrefix = Annotated[str, Field(pattern=r"^[0-9]{4,12}$")]


class SiteSection(Document):
    """`[site]`.

    Attributes:
        id: Identity of the site; its database has the same.
    """

    id: Identity


class ServerSection(Document):
    """`[server]`.

    Attributes:
        host: Address of this machine on which the server listens.
        port: Its port; 0 for any free one.
        address: Under which stations reach the server, such as http://fleet.example:8000; without
            it, host and port.
        shared_token: Whether stations may come in with the site's one device token, too.
    """

    host: Address = "127.0.0.1"
    port: Port = 8000
    address: Annotated[str, Field(pattern=r"^https?://[^\s/]+/?$", max_length=2_000)] | None = None
    shared_token: bool = True


class DatabaseSection(Document):
    """`[database]`.

    Attributes:
        url: sqlite:///FILE, relative to the site's folder, or postgresql://user:password@host/name.
    """

    url: Address = DEFAULT_DATABASE


class BrokerSection(Document):
    """`[broker]`.

    Attributes:
        address: mqtts://host[:port], where stations are enrolled; mqtt://[user:password@]host[:port];
            or "embedded" for one that the server brings.
        port: Port of the embedded broker.
        folder: Where `broker-config` wrote, if this machine reaches it: a revocation goes there.
        pid_file: Where Mosquitto notes its process, if it is one of this machine: it is told then.
    """

    address: Address = EMBEDDED
    port: Port = 1883
    folder: Path | None = None
    pid_file: Path | None = None


class LimitsSection(Document):
    """`[limits]`: what a device may keep here; beyond it, the oldest makes room.

    Attributes:
        samples_per_device: Samples.
        pictured_items_per_device: Items of which there are pictures.
    """

    samples_per_device: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    pictured_items_per_device: Annotated[int, Field(ge=1, le=100_000)] = 500


class SerialsSection(Document):
    """`[serials]`: numbers that stations lease, so that no two stations give the same.

    Attributes:
        leased: Whether `beltmark-fleet station` has stations lease their serials.
        prefix: Stands before each serial; a site whose products other sites label as well has one
            of its own. Without it, one is made of the site's identity.
        company_prefix: The GS1 company prefix under which SSCCs are made; without it, none are.
        extension_digits: The extension digits that are this site's.
    """

    leased: bool = False
    prefix: Annotated[str, Field(pattern=r"^[0-9A-Z]{1,3}$")] | None = None
    company_prefix: CompanyPrefix | None = None
    extension_digits: Annotated[str, Field(pattern=r"^[0-9]{1,10}$")] = "0123456789"

    @field_validator("extension_digits")
    @classmethod
    def _once(cls, value: str) -> str:
        if len(set(value)) < len(value):
            raise ValueError("names a digit twice")
        return value


class ReleasesSection(Document):
    """`[releases]`.

    Attributes:
        second_person: Whether a release is approved by somebody other than who added it.
        spread_s: Stations begin to fetch a release within so long a time, each at a moment of its
            own, so that they do not all ask at once; 0 for at once.
    """

    second_person: bool = False
    spread_s: Annotated[float, Field(ge=0, le=24 * 3600)] = 0.0


class FleetFile(Document):
    """`fleet.toml`."""

    format_version: Literal[1] = 1
    site: SiteSection
    server: ServerSection = ServerSection()
    database: DatabaseSection = DatabaseSection()
    broker: BrokerSection = BrokerSection()
    limits: LimitsSection = LimitsSection()
    serials: SerialsSection = SerialsSection()
    releases: ReleasesSection = ReleasesSection()


class _AnyFile(Document, extra="allow"):
    """The file before its fields are judged: the environment may still complete it."""

    format_version: Literal[1] = 1


def read_settings(path: Path, environment: Mapping[str, str] = os.environ) -> FleetFile:
    """Reads the settings of a site.

    Args:
        path: `fleet.toml`.
        environment: Variables of which `BELTMARK_FLEET__SECTION__FIELD` stand above the file.

    Raises:
        InputError: Names the file or variable, the field and the mend.
        UnknownVersionError: The file has a version that is not known here.
    """
    data = read_document(path, _AnyFile).model_dump()
    overridden: dict[str, str] = {}
    for variable, text in sorted(environment.items()):
        if variable.startswith(ENVIRONMENT_PREFIX):
            section, name = _field(variable)
            overridden[f"{section}.{name}"] = variable
            values: Any = data.setdefault(section, {})
            if isinstance(values, dict):  # otherwise the file itself is wrong, and will be told so
                values[name] = text
    try:
        return parse(data, FleetFile, path)
    except InputError as error:
        if error.field in overridden:
            error.file = f"environment variable {overridden[error.field]}"
        raise


def database_url(url: str, folder: Path) -> str:
    """Returns the database's address, with a relative SQLite file in the site's folder."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return url  # whoever opens it tells what is wrong, without the password in it
    if address.get_backend_name() != "sqlite" or address.database in (None, "", ":memory:"):
        return url
    place = str(folder.resolve() / str(address.database))
    return address.set(database=place).render_as_string(hide_password=False)


def render_settings(site_id: str, database: str, company_prefix: str | None = None) -> str:
    """The file that a new site begins with; each value that can be changed is there to be seen."""
    company = "# " if company_prefix is None else ""
    digits = company_prefix or "4012345678"
    return f"""\
# A Beltmark fleet server's settings. Holds secrets if an address has a password in it.
format_version = 1

[site]
id = {toml_text(site_id)}

[server]
host = "127.0.0.1"        # 0.0.0.0 lets other machines in: put TLS before it then
port = 8000
# address = "http://fleet.example:8000"   # under which stations reach it
# shared_token = false    # stations come in by their certificates alone

[database]
url = {toml_text(database)}

[broker]
address = "embedded"      # or mqtt://user:password@host:1883, or mqtts://host:8883
port = 1883               # of the embedded one
# folder = "/etc/mosquitto/beltmark"              # of beltmark-fleet broker-config
# pid_file = "/run/mosquitto/mosquitto.pid"

[limits]
samples_per_device = 2000
pictured_items_per_device = 500

[serials]
leased = false            # true: stations number labels in ranges that they lease from this site
# prefix = "A01"          # before each serial: another for each site that labels the same products
{company}company_prefix = {toml_text(digits)}   # GS1 company prefix, for SSCCs of logistic units
# extension_digits = "0123456789"   # those of them that are this site's

[releases]
second_person = false     # true: who approves a release is not who added it
spread_s = 0              # stations begin to fetch a release within so long, each at its moment
"""


def toml_text(text: str) -> str:
    """A text as TOML writes it."""
    escaped = "".join(
        f"\\u{ord(character):04x}" if ord(character) < 32 or ord(character) == 127 else character
        for character in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{escaped}"'


def _field(variable: str) -> tuple[str, str]:
    section, _, name = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
    if not section or not name or "__" in name:
        raise InputError(
            "names no field", f"write {ENVIRONMENT_PREFIX}SECTION__FIELD", file=variable
        )
    return section, name
