"""The attacks of TUF's list on a site's real repository, over loopback, against a real updater.

Each is refused with its reason, the old release runs, and no slot holds anything of it. The table
in docs/updates.md names these tests.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from release_bundles import add_golden, make_release
from securesystemslib.signer import CryptoSigner
from signed_site import TOKEN, Request, SiteServer
from tuf.api.metadata import Metadata, MetaFile, Root, TargetFile

from beltmark.contract.bundle import Requirements, blob_target, bundle_target
from beltmark.contract.messages import Desired
from edge_agent.update.fetcher import FetchLimits
from edge_agent.update.opening import open_updater
from edge_agent.update.updater import Updater
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.section import FleetSection
from fleet_server.releases.bundling import bundle_release
from fleet_server.releases.expiry import Role
from fleet_server.releases.keys import load_signers
from fleet_server.releases.repository import ReleaseRepository

LIMITS = FetchLimits(
    connect_s=2.0, answer_s=0.5, gap_s=0.5, file_s=5.0, window_s=0.3, least_bytes_per_s=1_000.0
)
_DAY_S = 86_400.0


class Site:
    """A repository as the fleet server has it, and the keys of who attacks it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.keys, self.made = folder / "repository", folder / "keys", folder / "made"
        for each in (self.folder, self.keys, self.made):
            each.mkdir(parents=True)
        self.root = self.repository().create()
        make_release(self.made / "factory", "factory")
        add_golden(self.made / "factory")

    def repository(self, ahead_s: float = 0.0) -> ReleaseRepository:
        return ReleaseRepository(self.folder, self.keys, lambda: time.time() + ahead_s)

    def add(self, name: str, requires: Requirements | None = None, ahead_s: float = 0.0) -> Any:
        """Signs a release; returns its bundle."""
        release = make_release(self.made / name, name, self.made / "factory", threshold=0.5)
        bundled = bundle_release(release, requires or Requirements())
        repository = self.repository(ahead_s)
        repository.keep(bundled)
        assert repository.publish(name, bundled.sha256)
        return bundled.bundle

    def read(self, name: str) -> bytes:
        return (self.folder / "metadata" / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        (self.folder / "metadata" / name).write_bytes(content)

    def newest(self, role: str) -> str:
        """The file of a role's newest version."""
        names = [path.name for path in (self.folder / "metadata").glob(f"*.{role}.json")]
        return max(names, key=lambda name: int(name.partition(".")[0]))

    def signer(self, role: Role) -> CryptoSigner:
        """A key of the site, as who stole it has it."""
        root: Metadata[Root] = Metadata.from_bytes(self.root)
        return load_signers(self.keys, role, root.signed)[0]

    def resign(self, name: str, signer: CryptoSigner, change: Callable[[Any], None]) -> bytes:
        """Changes metadata and signs them with a key."""
        metadata: Metadata[Any] = Metadata.from_bytes(self.read(name))
        change(metadata.signed)
        metadata.sign(signer)
        return metadata.to_bytes()

    def add_root(
        self, change: Callable[[Root], None], *signers: CryptoSigner, version: int | None = None
    ) -> None:
        """Lays the next root down, signed by these."""
        metadata: Metadata[Root] = Metadata.from_bytes(self.read(self.newest("root")))
        metadata.signed.version += 1
        change(metadata.signed)
        metadata.signatures.clear()
        for signer in signers:
            metadata.sign(signer, append=True)
        number = metadata.signed.version if version is None else version
        self.put(f"{number}.root.json", metadata.to_bytes())

    def resign_all(self, *, version: int = 0) -> None:
        """Signs targets, snapshot and timestamp with the keys that the site has now."""
        root: Metadata[Root] = Metadata.from_bytes(self.read(self.newest("root")))
        metadata: dict[str, Metadata[Any]] = {
            "targets": Metadata.from_bytes(self.read(self.newest("targets"))),
            "snapshot": Metadata.from_bytes(self.read(self.newest("snapshot"))),
            "timestamp": Metadata.from_bytes(self.read("timestamp.json")),
        }
        roles: tuple[Role, ...] = ("targets", "snapshot", "timestamp")
        for role in roles:
            signed = metadata[role].signed
            signed.version = version or signed.version + 1
            if role == "snapshot":
                signed.meta["targets.json"] = MetaFile(metadata["targets"].signed.version)
            if role == "timestamp":
                signed.snapshot_meta = MetaFile(metadata["snapshot"].signed.version)
            metadata[role].sign(load_signers(self.keys, role, root.signed)[0])
            name = "timestamp.json" if role == "timestamp" else f"{signed.version}.{role}.json"
            self.put(name, metadata[role].to_bytes())


class World:
    """A site, its server, and a device."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, Site(folder / "site")
        self.server = SiteServer(self.site.folder)
        self.data = folder / "data"
        self.data.mkdir()
        (folder / "token").write_text(TOKEN)
        (folder / "root.json").write_bytes(self.site.root)
        self.told: list[UpdateReport] = []
        self.version = 0
        self.updater: Updater | None = None

    def boot(self) -> str:
        """Starts anew; returns the release that runs."""
        settings = FleetSection(
            server=self.server.address,
            broker="mqtt://127.0.0.1:1883",
            root=self.folder / "root.json",
            token_file=self.folder / "token",
        )
        factory = self.site.made / "factory"
        self.updater = open_updater(
            settings, self.data, factory, 1, self.told.append, limits=LIMITS
        )
        return self.updater.boot().name

    def want(self, name: str) -> UpdateReport:
        """Desires a release and lets the updater do all that it can; returns what it told last."""
        if self.updater is None:
            self.boot()
        assert self.updater is not None
        self.version += 1
        self.updater.desire(
            Desired(device="d", desired_version=self.version, release=name, issued_at=1.0)
        )
        # What is verified next was fetched whole, and is what was signed; trying it takes long.
        while self.updater.latest.state != "verifying" and self.updater.advance():
            pass
        return self.told[-1]

    def see(self) -> None:
        """Lets the device see what is signed now."""
        assert "have signed no release" in self.want("none-such").reason

    def files_in_slots(self) -> list[str]:
        slots = self.data / "slots"
        return [p.name for p in slots.rglob("*") if p.is_file() and p.name != "state.json"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    with world.server:
        yield world


def nothing(_: Any) -> None:
    """Changes nothing."""


def expire(signed: Any) -> None:
    signed.expires = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


# Arbitrary software: other content than was signed.


def blob_replaced(world: World) -> None:
    bundle = world.site.add("one")
    blob = world.site.folder / "targets" / blob_target(bundle.files["release.json"].sha256)
    blob.write_bytes(blob.read_bytes().replace(b"one", b"two"))


def list_replaced(world: World) -> None:
    world.site.add("one")
    path = world.site.folder / "targets" / bundle_target("one")
    path.write_bytes(path.read_bytes().replace(b'"one"', b'"two"'))


def targets_of_another_key(world: World) -> None:
    world.site.add("one")
    name = world.site.newest("targets")
    world.site.put(name, world.site.resign(name, CryptoSigner.generate_ed25519(), nothing))


def file_that_nobody_signed(world: World) -> None:
    bundle = world.site.add("one")

    def drop(targets: Any) -> None:
        del targets.targets[blob_target(bundle.files["release.json"].sha256)]

    name = world.site.newest("targets")
    world.site.put(name, world.site.resign(name, world.site.signer("targets"), drop))
    world.site.resign_all()


# Rollback: what was signed before.


def old_timestamp(world: World) -> None:
    old = world.site.read("timestamp.json")
    world.site.add("one")
    world.see()
    world.site.put("timestamp.json", old)


def old_snapshot_under_a_new_timestamp(world: World) -> None:
    """The key of the timestamp was stolen, that of the snapshot was not."""
    old = world.site.newest("snapshot")
    world.site.add("one")
    world.see()

    def point_back(timestamp: Any) -> None:
        timestamp.version += 1
        timestamp.snapshot_meta = MetaFile(int(old.partition(".")[0]))

    signer = world.site.signer("timestamp")
    world.site.put("timestamp.json", world.site.resign("timestamp.json", signer, point_back))


def old_targets_under_a_new_snapshot(world: World) -> None:
    """The keys that are on-line were stolen, that of the targets was not."""
    old = world.site.newest("targets")
    world.site.add("one")
    world.see()

    def point_back(snapshot: Any) -> None:
        snapshot.version += 1
        snapshot.meta["targets.json"] = MetaFile(int(old.partition(".")[0]))

    name = world.site.newest("snapshot")
    content = world.site.resign(name, world.site.signer("snapshot"), point_back)
    version = Metadata.from_bytes(content).signed.version
    world.site.put(f"{version}.snapshot.json", content)

    def follow(timestamp: Any) -> None:
        timestamp.version += 1
        timestamp.snapshot_meta = MetaFile(version)

    signer = world.site.signer("timestamp")
    world.site.put("timestamp.json", world.site.resign("timestamp.json", signer, follow))


# Fast-forward: versions so high that nothing true comes after them.


def versions_far_ahead(world: World) -> None:
    shutil.copytree(world.site.folder, world.folder / "before")
    world.site.resign_all(version=2**40)
    world.see()
    shutil.rmtree(world.site.folder)
    shutil.copytree(world.folder / "before", world.site.folder)
    world.site.add("one")


# Freeze: what was signed once, for ever.


def nothing_new_for_days(world: World) -> None:
    world.site.add("one", ahead_s=-10 * _DAY_S)


# Mix and match: metadata that never belonged together.


def targets_of_another_time(world: World) -> None:
    old = world.site.read(world.site.newest("targets"))
    world.site.add("one")
    world.site.put(world.site.newest("targets"), old)


def snapshot_of_another_time(world: World) -> None:
    old = world.site.read(world.site.newest("snapshot"))
    world.site.add("one")
    world.site.put(world.site.newest("snapshot"), old)


# Endless data.


def pour(request: Request) -> None:
    request.head(200)
    for _ in range(2_000):
        request.send(b"{" + b" " * 9_999)


def endless_timestamp(world: World) -> None:
    world.site.add("one")
    world.server.faults["timestamp.json"] = pour


def endless_root(world: World) -> None:
    world.site.add("one")
    world.server.faults["2.root.json"] = pour


def endless_file(world: World) -> None:
    bundle = world.site.add("one")
    world.server.faults[bundle.files["release.json"].sha256] = pour


def huge_list(world: World) -> None:
    world.site.add("one")

    def swell(targets: Any) -> None:
        target = bundle_target("one")
        targets.targets[target] = TargetFile(2_000_000_000, {"sha256": "0" * 64}, target)

    name = world.site.newest("targets")
    world.site.put(name, world.site.resign(name, world.site.signer("targets"), swell))
    world.site.resign_all()


# Wrong software: signed, and not for this device.


def release_for_another_processor(world: World) -> None:
    world.site.add("one", Requirements(machines=("s390x",)))


def list_of_another_release(world: World) -> None:
    world.site.add("two")
    content = (world.site.folder / "targets" / bundle_target("two")).read_bytes()
    path = world.site.folder / "targets" / bundle_target("one")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)

    def name_it_one(targets: Any) -> None:
        target = bundle_target("one")
        targets.targets[target] = TargetFile.from_data(target, content, ["sha256"])

    name = world.site.newest("targets")
    world.site.put(name, world.site.resign(name, world.site.signer("targets"), name_it_one))
    world.site.resign_all()


# Malicious mirror: a whole repository, well signed by somebody else.


def another_repository(world: World) -> None:
    other = Site(world.folder / "other")
    other.add("one")
    shutil.rmtree(world.site.folder)
    shutil.copytree(other.folder, world.site.folder)


# Keys: below the threshold, wrong, expired, or not trusted any more.


def three_roots(world: World) -> list[CryptoSigner]:
    """Makes the root one of three keys of which two must sign."""
    keys = [CryptoSigner.generate_ed25519() for _ in range(3)]

    def take(root: Root) -> None:
        for old in list(root.roles["root"].keyids):
            root.revoke_key(old, "root")
        for key in keys:
            root.add_key(key.public_key, "root")
        root.roles["root"].threshold = 2

    world.site.add_root(take, world.site.signer("root"), *keys[:2])
    return keys


def root_below_the_threshold(world: World) -> None:
    keys = three_roots(world)
    world.site.add("one")
    world.site.add_root(nothing, keys[0])


def root_signed_twice_by_one_key(world: World) -> None:
    keys = three_roots(world)
    world.site.add("one")
    world.site.add_root(nothing, keys[0])
    name = world.site.newest("root")
    document = json.loads(world.site.read(name))
    document["signatures"] *= 2
    world.site.put(name, json.dumps(document).encode())


def root_of_new_keys_alone(world: World) -> None:
    three_roots(world)
    world.site.add("one")
    thief = [CryptoSigner.generate_ed25519() for _ in range(3)]

    def take(root: Root) -> None:
        for old in list(root.roles["root"].keyids):
            root.revoke_key(old, "root")
        for key in thief:
            root.add_key(key.public_key, "root")

    world.site.add_root(take, *thief)


def root_that_has_expired(world: World) -> None:
    keys = three_roots(world)
    world.site.add("one")
    world.site.add_root(expire, *keys[:2])


def root_of_a_version_left_out(world: World) -> None:
    keys = three_roots(world)
    world.site.add("one")

    def raise_it(root: Root) -> None:
        root.version += 1

    world.site.add_root(raise_it, *keys[:2], version=3)


def targets_of_a_revoked_key(world: World) -> None:
    keys = three_roots(world)
    world.site.add("one")
    new = CryptoSigner.generate_ed25519()

    def revoke(root: Root) -> None:
        for old in list(root.roles["targets"].keyids):
            root.revoke_key(old, "targets")
        root.add_key(new.public_key, "targets")

    world.site.add_root(revoke, *keys[1:])


NOT_SIGNED = "not signed by the keys that this device trusts"
OLDER = "older than what this device has seen already"
NOT_AS_SIGNED = "not what was signed"
CANNOT_BE_USED = "cannot be used"

ATTACKS: dict[Callable[[World], None], str] = {
    blob_replaced: NOT_AS_SIGNED,
    list_replaced: NOT_AS_SIGNED,
    targets_of_another_key: NOT_AS_SIGNED,
    file_that_nobody_signed: "not signed as it is listed",
    old_timestamp: OLDER,
    old_snapshot_under_a_new_timestamp: OLDER,
    old_targets_under_a_new_snapshot: OLDER,
    versions_far_ahead: OLDER,
    nothing_new_for_days: "has expired",
    targets_of_another_time: NOT_AS_SIGNED,
    snapshot_of_another_time: NOT_AS_SIGNED,
    endless_timestamp: "more than the 16384 bytes",
    endless_root: "more than the 512000 bytes",
    endless_file: "more than the",
    huge_list: "its list of files has 2000000000 bytes",
    release_for_another_processor: "made for s390x",
    list_of_another_release: "its list of files is that of two",
    another_repository: NOT_SIGNED,
    root_below_the_threshold: NOT_SIGNED,
    root_signed_twice_by_one_key: CANNOT_BE_USED,
    root_of_new_keys_alone: NOT_SIGNED,
    root_that_has_expired: "has expired",
    root_of_a_version_left_out: "a version was left out",
    targets_of_a_revoked_key: NOT_SIGNED,
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_is_refused(attack: Callable[[World], None], world: World) -> None:
    attack(world)
    told = world.want("one")
    assert told.state == "refused"
    assert ATTACKS[attack] in told.reason
    assert world.files_in_slots() == []
    assert world.boot() == "factory"


# Slow retrieval is no reason to refuse a release: it is left, and tried again.


def drip(request: Request) -> None:
    request.head(200, Content_Length=str(len(request.content)))
    for byte in request.content:
        request.send(bytes([byte]))
        time.sleep(0.02)


@pytest.mark.parametrize("at", ["timestamp.json", "1.root.json", "bundle.json", "release.json"])
def test_a_server_that_is_slow_on_purpose_is_left(at: str, world: World) -> None:
    bundle = world.site.add("one")
    ending = bundle.files["release.json"].sha256 if at == "release.json" else at
    if at == "1.root.json":
        three_roots(world)
        ending = "2.root.json"
    world.server.faults[ending] = drip
    told = world.want("one")
    assert told.state == "downloading"
    assert "nothing comes from the server" in told.reason
    assert "receipt.json" not in world.files_in_slots()
    assert world.boot() == "factory"


# What must be possible.


def accepted(world: World) -> bool:
    """Whether it comes to lie in a slot, all signatures being good."""
    return world.want("one").state == "verifying"


def test_roots_of_several_versions_with_two_of_three_keys_are_followed(world: World) -> None:
    world.see()
    keys = three_roots(world)
    for old in range(3):  # one key after the other is replaced
        new = CryptoSigner.generate_ed25519()

        def replace(root: Root, old: int = old, new: CryptoSigner = new) -> None:
            root.revoke_key(keys[old].public_key.keyid, "root")
            root.add_key(new.public_key, "root")

        rest = [key for number, key in enumerate(keys) if number != old]
        world.site.add_root(replace, *rest)
        keys[old] = new
    assert world.site.newest("root") == "5.root.json"
    world.site.add("one")
    assert accepted(world)
    asked = [path for path, _ in world.server.asked if path.endswith("root.json")]
    assert [f"metadata/{number}.root.json" for number in range(2, 7)] == sorted(set(asked))[:5]


def test_after_a_fast_forward_new_keys_bring_it_back(world: World) -> None:
    versions_far_ahead(world)
    assert OLDER in world.want("one").reason
    stolen: tuple[Role, ...] = ("snapshot", "timestamp")

    def renew(root: Root) -> None:
        for role in stolen:
            for old in list(root.roles[role].keyids):
                root.revoke_key(old, role)
            new = CryptoSigner.generate_ed25519()
            root.add_key(new.public_key, role)
            (world.site.keys / f"{role}.pem").write_bytes(new.private_bytes)

    world.site.add_root(renew, world.site.signer("root"))
    world.site.resign_all()
    assert accepted(world)
