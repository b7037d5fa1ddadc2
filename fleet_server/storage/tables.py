"""The fleet's tables, alike on SQLite and PostgreSQL. Times are seconds since the epoch.

Documents from devices are kept as JSON text, as they came; what is asked for often has columns.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION: Final = 1

metadata = MetaData()

facts = Table(
    "facts", metadata, Column("name", String(64), primary_key=True), Column("value", Text)
)
"""Single values: schema version, hashes of tokens, the server's epoch."""

devices = Table(
    "devices",
    metadata,
    Column("device", String(64), primary_key=True),
    # A session is known by its birth, its heartbeats or its death, whichever comes first.
    Column("session", BigInteger, nullable=False, default=0),
    Column("first_seen_at", Double, nullable=False),
    Column("born_at", Double),
    Column("heard_at", Double),  # by the server's clock: the last sign of life of the session
    Column("ended_at", Double),  # of the session that `session` names; NULL while it goes on
    Column("end_reason", String(16)),  # stopped, lost
    Column("birth", Text),
    Column("heartbeat", Text),
    Column("reported", Text),
    Column("clock_offset_s", Double),  # device's clock less the server's, at the last heartbeat
    Column("malformed", BigInteger, nullable=False, default=0),
    Column("malformed_told", Text),  # the last one's reason
    Column("malformed_at", Double),
)

streams = Table(
    "streams",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("committed", BigInteger, nullable=False, default=0),  # all up to it is stored or gone
    Column("newest", BigInteger, nullable=False, default=0),  # the last one that is stored or gone
    Column("heard_at", Double, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("first", BigInteger, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("outcome", String(8), nullable=False),  # open, filled, gone
)

records = Table(
    "records",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("stream", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("historical", Boolean, nullable=False),  # it was sent long after it happened
    Column("body", Text, nullable=False),
    Index("records_by_time", "device", "kind", "at"),
)

items = Table(
    "items",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("item_id", String(64), primary_key=True),
    Column("step", BigInteger, nullable=False),  # of the journal; an older one changes nothing
    Column("decided_at", Double, nullable=False),
    Column("outcome", String(8), nullable=False),
    Column("print_state", String(16)),
    Column("sku", String(200)),
    Column("release", String(200), nullable=False),
    Column("item", Text, nullable=False),  # the ItemMessage
    Index("items_by_time", "device", "decided_at"),
    # With the state, so that a day is counted by the index alone.
    Index("items_by_outcome", "device", "outcome", "decided_at", "print_state"),
)

minutes = Table(
    "minutes",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("start_at", Double, primary_key=True),
    Column("frames", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("printed", BigInteger, nullable=False),
    Column("reviewed", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("counters", Text, nullable=False),  # the Counters, with the latency histogram
)

samples = Table(
    "samples",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("sample_id", String(64), primary_key=True),
    Column("item_id", String(64), nullable=False),
    Column("received_at", Double, nullable=False),
    Column("captured_at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sample", Text, nullable=False),  # the Sample
    Column("sha256", String(64), nullable=False),  # of its JPEG, in the folder of samples
    Index("samples_by_time", "received_at"),
)

releases = Table(
    "releases",
    metadata,
    Column("release", String(64), primary_key=True),
    Column("added_at", Double, nullable=False),
    Column("added_by", String(200), nullable=False),
    Column("package_sha256", String(64), nullable=False),
    Column("bundle_sha256", String(64), nullable=False),
    Column("bundle", Text, nullable=False),  # the Bundle
)

desired = Table(
    "desired",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("release", String(64), nullable=False),
    Column("previous", String(64)),  # what `back` goes back to
    Column("issued_at", Double, nullable=False),
    Column("issued_by", String(200), nullable=False),
    Column("published_version", BigInteger, nullable=False, default=0),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("rollout", Integer, primary_key=True, autoincrement=True),
    Column("release", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("started_at", Double, nullable=False),
    Column("started_by", String(200), nullable=False),
    Column("plan", Text, nullable=False),  # the Plan
    Column("state", Text, nullable=False),  # the State
    Column("books", Text, nullable=False),  # the Books
)

pools = Table(
    "pools",
    metadata,
    Column("kind", String(8), primary_key=True),  # serial, sscc
    Column("head", String(32), primary_key=True),
    Column("next", BigInteger, nullable=False),  # all before it are given; it only grows
)
"""Numbers that stations lease."""

leases = Table(
    "leases",
    metadata,
    Column("device", String(64), primary_key=True),
    Column("request", String(128), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("head", String(32), nullable=False),
    Column("width", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("leased_at", Double, nullable=False),
    Index("leases_by_time", "kind", "leased_at"),
)
"""Which numbers were given to whom; rows are only ever added."""

log = Table(
    "log",
    metadata,
    Column("entry", Integer, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", Text, nullable=False),
)
"""What people did, in order; rows are only ever added."""

enrolments = Table(
    "enrolments",
    metadata,
    Column("token_key", String(64), primary_key=True),  # public half: it lets nobody in
    Column("device", String(64), nullable=False),
    Column("made_at", Double, nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    Column("key_sha256", String(64)),  # of the key that it brought a certificate
    Index("enrolments_by_device", "device"),
)
"""One-time tokens."""

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),  # hexadecimal
    Column("device", String(64), nullable=False),
    Column("key_sha256", String(64), nullable=False),
    Column("issued_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("certificate", Text, nullable=False),  # PEM
    Column("revoked_at", Double),
    Column("revoked_by", String(200)),
    Index("certificates_by_device", "device", "issued_at"),
    Index("certificates_by_key", "device", "key_sha256"),
)
"""What devices prove themselves with; a row is never removed."""

release_states = Table(
    "release_states",
    metadata,
    Column("release", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("since", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # the Evidence
)
"""How each release stands. One without a row is of before: adding it was approving it."""

release_changes = Table(
    "release_changes",
    metadata,
    Column("change", Integer, primary_key=True, autoincrement=True),
    Column("release", String(64), nullable=False),
    Column("at", Double, nullable=False),
    Column("by", String(200), nullable=False),
    Column("act", String(16), nullable=False),
    Column("state", String(16), nullable=False),  # that it led to
    Column("why", Text, nullable=False),
    Index("changes_by_release", "release", "change"),
)
"""Who did what to a release, and why; rows are only ever added."""
