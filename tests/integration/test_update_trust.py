"""Signed releases over loopback: what is taken, what is refused, and what is tried again."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from release_bundles import make_release
from signed_site import TOKEN, Request, SignedSite, SiteServer
from tuf.api.metadata import TargetFile

from beltmark.contract.bundle import Bundle, BundleFile, blob_target, bundle_target
from beltmark.contract.documents import sha256_of
from edge_agent.update.errors import Dropped, ReleaseRefused, Unreachable
from edge_agent.update.fetcher import FetchLimits
from edge_agent.update.trust import SignedRelease, TufTrust

LIMITS = FetchLimits(
    connect_s=2.0, answer_s=1.0, gap_s=1.0, file_s=20.0, window_s=0.5, least_bytes_per_s=1_000.0
)
BIG = 300_000


class World:
    """A site, its server, and a device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = SignedSite(folder / "site")
        self.release = make_release(folder / "release", "one")
        (self.release / "package/model.onnx").write_bytes(bytes(range(256)) * (BIG // 256))
        self.server = SiteServer(self.site.folder)
        self.token = TOKEN

    def trust(
        self,
        root: bytes | None = None,
        limits: FetchLimits = LIMITS,
        mirrors: Sequence[str] = (),
    ) -> TufTrust:
        return TufTrust(
            self.server.address,
            root or self.site.root,
            lambda: self.token,
            metadata=self.folder / "device/tuf",
            downloads=self.folder / "device/downloads",
            limits=limits,
            mirrors=mirrors,
        )

    def find(self, name: str = "one", **more: object) -> SignedRelease:
        return self.trust(**more).find(name, lambda: True)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    with world.server:
        yield world


def model_of(bundle: Bundle) -> BundleFile:
    return bundle.files["package/model.onnx"]


def test_a_signed_release_and_each_of_its_files_is_found(world: World) -> None:
    bundle = world.site.add(world.release)
    signed = world.find()
    assert signed.bundle == bundle
    for name, file in bundle.files.items():
        assert signed.fetch(file).read_bytes() == (world.release / name).read_bytes()
    # What lies there already is not fetched again.
    count = len(world.server.asked)
    signed.fetch(model_of(bundle))
    assert len(world.server.asked) == count


def test_what_is_not_signed_is_refused(world: World) -> None:
    with pytest.raises(ReleaseRefused, match="have signed no release one"):
        world.find()


def test_a_file_other_than_the_signed_one_is_refused_and_not_kept(world: World) -> None:
    bundle = world.site.add(world.release)
    blob = blob_target(model_of(bundle).sha256)
    content = bytearray((world.site.folder / "targets" / blob).read_bytes())
    content[1_000] ^= 1
    world.site.put(f"targets/{blob}", bytes(content))
    signed = world.find()
    with pytest.raises(ReleaseRefused, match="not what was signed"):
        signed.fetch(model_of(bundle))
    assert list((world.folder / "device/downloads").iterdir()) == []


def test_a_file_longer_than_the_signed_one_is_refused(world: World) -> None:
    bundle = world.site.add(world.release)
    blob = blob_target(model_of(bundle).sha256)
    whole = (world.site.folder / "targets" / blob).read_bytes()
    world.site.put(f"targets/{blob}", whole + b"!" * 100_000)
    with pytest.raises(ReleaseRefused, match="more than the 299776 bytes"):
        world.find().fetch(model_of(bundle))


def test_a_list_of_files_that_was_changed_is_refused(world: World) -> None:
    world.site.add(world.release)
    path = world.site.folder / "targets" / bundle_target("one")
    path.write_bytes(path.read_bytes().replace(b'"one"', b'"two"'))
    with pytest.raises(ReleaseRefused, match="not what was signed"):
        world.find()


def test_a_signed_list_that_is_another_releases_or_none_is_refused(world: World) -> None:
    world.site.add(world.release)
    one = (world.site.folder / "targets" / bundle_target("one")).read_bytes()
    world.site.sign_target(bundle_target("two"), one)
    world.site.sign_target(bundle_target("three"), b'{"files": {"../x": 1}}')
    world.site.publish()
    with pytest.raises(ReleaseRefused, match="that of one"):
        world.find("two")
    with pytest.raises(ReleaseRefused, match="cannot be used"):
        world.find("three")


def test_a_file_that_the_list_names_and_nobody_signed_is_refused(world: World) -> None:
    bundle = world.site.add(world.release)
    del world.site.targets[blob_target(model_of(bundle).sha256)]
    world.site.publish()
    with pytest.raises(ReleaseRefused, match="not signed as it is listed"):
        world.find().fetch(model_of(bundle))


def test_older_metadata_is_refused_even_after_a_restart(world: World) -> None:
    timestamp = (world.site.folder / "metadata/timestamp.json").read_bytes()
    world.site.add(world.release)
    world.find()
    world.site.put("metadata/timestamp.json", timestamp)
    with pytest.raises(ReleaseRefused, match="older than what this device has seen"):
        world.find()


def test_what_has_expired_blocks_installing_and_names_the_clock(world: World) -> None:
    world.site.add(world.release)
    world.find()
    world.site.publish(expires=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(ReleaseRefused, match=r"expired.*clock is wrong \(20\d\d-"):
        world.find()
    world.site.publish()
    assert world.find().bundle.release == "one"


def test_another_sites_keys_are_not_trusted(world: World, tmp_path: Path) -> None:
    world.site.add(world.release)
    other = SignedSite(tmp_path / "other")
    with pytest.raises(ReleaseRefused, match="not signed by the keys that this device trusts"):
        world.find(root=other.root)


def test_after_the_right_root_is_given_what_another_left_is_in_nobodys_way(
    world: World, tmp_path: Path
) -> None:
    world.site.add(world.release)
    with pytest.raises(ReleaseRefused):
        world.find(root=SignedSite(tmp_path / "other").root)
    assert world.find().bundle.release == "one"


def test_a_connection_that_is_cut_is_resumed_even_after_a_restart(world: World) -> None:
    bundle = world.site.add(world.release)
    digest = model_of(bundle).sha256

    def cut(request: Request) -> None:
        request.head(200, Content_Length=str(BIG))
        request.send(request.content[:100_000])
        request.cut()

    world.server.faults[digest] = cut
    with pytest.raises(Unreachable):
        world.find().fetch(model_of(bundle))
    world.server.faults.clear()
    path = world.find().fetch(model_of(bundle))
    assert sha256_of(path.read_bytes()) == digest
    assert world.server.asked_for(digest) == [0, 100_000]
    assert [p.name for p in path.parent.iterdir()] == [digest]


def test_a_part_that_turns_out_bad_is_thrown_away_and_the_whole_is_fetched(world: World) -> None:
    bundle = world.site.add(world.release)
    digest = model_of(bundle).sha256
    downloads = world.folder / "device/downloads"
    downloads.mkdir(parents=True)
    (downloads / f"{digest}.part").write_bytes(b"\0" * 5_000)
    path = world.find().fetch(model_of(bundle))
    assert sha256_of(path.read_bytes()) == digest
    assert world.server.asked_for(digest) == [5_000, 0]


def test_a_server_that_cannot_resume_sends_it_whole(world: World) -> None:
    bundle = world.site.add(world.release)
    digest = model_of(bundle).sha256
    downloads = world.folder / "device/downloads"
    downloads.mkdir(parents=True)
    (downloads / f"{digest}.part").write_bytes(b"\0" * 5_000)

    def whole(request: Request) -> None:
        request.begin = 0
        request.answer()

    world.server.faults[digest] = whole
    path = world.find().fetch(model_of(bundle))
    assert sha256_of(path.read_bytes()) == digest
    assert world.server.asked_for(digest) == [5_000]


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_that_a_server_does_not_go_on_from_is_thrown_away(status: int, world: World) -> None:
    bundle = world.site.add(world.release)
    digest = model_of(bundle).sha256
    downloads = world.folder / "device/downloads"
    downloads.mkdir(parents=True)
    (downloads / f"{digest}.part").write_bytes(b"\0" * 5_000)
    world.server.faults[digest] = lambda request: request.head(
        status, Content_Length="0", Content_Range="bytes 7-9/10"
    )
    with pytest.raises(Unreachable):
        world.find().fetch(model_of(bundle))
    world.server.faults.clear()
    world.find().fetch(model_of(bundle))
    assert world.server.asked_for(digest) == [5_000, 0]


def test_what_earlier_releases_left_half_fetched_is_removed(world: World) -> None:
    world.site.add(world.release)
    downloads = world.folder / "device/downloads"
    downloads.mkdir(parents=True)
    (downloads / f"{'d' * 64}.part").write_bytes(b"\0" * 5_000)
    world.find()
    assert list(downloads.iterdir()) == []


def drip(request: Request) -> None:
    """A byte now and then, for ever: never silent for as long as to be given up for that."""
    request.head(200, Content_Length=str(len(request.content)))
    for byte in request.content:
        request.send(bytes([byte]))
        time.sleep(0.02)


def drip_head(request: Request) -> None:
    for byte in b"HTTP/1.0 200 OK\r\nX-Patience: " + b"x" * 60_000:
        request.send(bytes([byte]))
        time.sleep(0.02)


def say_nothing(request: Request) -> None:
    request.handler.connection.recv(1)  # until the other side has had enough


def stop_midway(request: Request) -> None:
    request.head(200, Content_Length=str(len(request.content)))
    request.send(request.content[: len(request.content) // 2])
    request.handler.connection.recv(1)


@pytest.mark.parametrize("fault", [drip, drip_head, say_nothing, stop_midway])
@pytest.mark.parametrize("at", ["timestamp.json", "bundle.json", "blob"])
def test_a_server_that_wastes_time_is_left_and_tried_again(
    fault: object, at: str, world: World
) -> None:
    bundle = world.site.add(world.release)
    ending = model_of(bundle).sha256 if at == "blob" else at
    world.server.faults[ending] = fault  # type: ignore[assignment]
    with pytest.raises(Unreachable, match="nothing comes from the server"):
        world.find().fetch(model_of(bundle))


def test_a_file_may_not_take_for_ever_at_whatever_pace(world: World) -> None:
    bundle = world.site.add(world.release)

    def steady(request: Request) -> None:
        request.head(200, Content_Length=str(len(request.content)))
        for begin in range(0, len(request.content), 500):
            request.send(request.content[begin : begin + 500])
            time.sleep(0.01)

    world.server.faults[model_of(bundle).sha256] = steady
    limits = FetchLimits(file_s=0.7, window_s=0.5, least_bytes_per_s=100)
    with pytest.raises(Unreachable):
        world.find(limits=limits).fetch(model_of(bundle))
    # Each time it gets further.
    (part,) = (world.folder / "device/downloads").iterdir()
    assert part.stat().st_size > 0


@pytest.mark.parametrize(
    ("status", "told"),
    [(302, "points elsewhere"), (401, "token"), (403, "token"), (404, "404"), (500, "500")],
)
def test_an_answer_without_the_content_is_told_and_tried_again(
    status: int, told: str, world: World
) -> None:
    world.site.add(world.release)
    world.server.faults["timestamp.json"] = lambda request: request.head(
        status, Content_Length="0", Location=f"{world.server.address}/tuf/metadata/1.root.json"
    )
    with pytest.raises(Unreachable, match=told):
        world.find()
    assert world.server.asked[-1][0].endswith("timestamp.json")


def test_without_the_right_token_nothing_is_given(world: World) -> None:
    world.site.add(world.release)
    world.token = "another"
    with pytest.raises(Unreachable, match="does not take this device's token"):
        world.find()


def test_without_a_server_it_is_tried_again(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    trust = TufTrust(
        address,
        world.site.root,
        lambda: TOKEN,
        metadata=world.folder / "device/tuf",
        downloads=world.folder / "device/downloads",
        limits=LIMITS,
    )
    with pytest.raises(Unreachable, match="refused"):
        trust.find("one", lambda: True)


@pytest.mark.parametrize("address", ["ftp://127.0.0.1", "http://", "nonsense"])
def test_an_address_of_no_server_is_told(address: str, world: World) -> None:
    trust = TufTrust(
        address,
        world.site.root,
        lambda: TOKEN,
        metadata=world.folder / "device/tuf",
        downloads=world.folder / "device/downloads",
    )
    with pytest.raises(Unreachable, match="no address"):
        trust.find("one", lambda: True)


class Mirror:
    """A plain file server with a copy of `targets`; it keeps what it was asked and told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.told: list[str | None] = []

    def __enter__(self) -> "Mirror":
        mirror = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.asked.append(self.path)
                mirror.told.append(self.headers["Authorization"])
                super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        handler = partial(Handler, directory=str(self.folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/cache"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    with Mirror(tmp_path / "mirror") as mirror:
        yield mirror


def test_files_come_from_a_mirror_that_is_not_told_the_token(world: World, mirror: Mirror) -> None:
    bundle = world.site.add(world.release)
    shutil.copytree(world.site.folder / "targets", mirror.folder / "cache")
    signed = world.trust(mirrors=[mirror.address]).find("one", lambda: True)
    asked = len(world.server.asked)
    for name, file in bundle.files.items():
        assert signed.fetch(file).read_bytes() == (world.release / name).read_bytes()
    assert len(world.server.asked) == asked  # the server had nothing to do with it
    assert len(mirror.asked) == len({file.sha256 for file in bundle.files.values()})
    assert set(mirror.told) == {None}


def test_a_mirror_that_lies_or_lacks_files_is_passed_over(world: World, mirror: Mirror) -> None:
    bundle = world.site.add(world.release)
    blob = mirror.folder / "cache" / blob_target(model_of(bundle).sha256)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"\1" * model_of(bundle).length)
    signed = world.trust(mirrors=["http://127.0.0.1:1", mirror.address]).find("one", lambda: True)
    path = signed.fetch(model_of(bundle))
    assert path.read_bytes() == (world.release / "package/model.onnx").read_bytes()
    signed.fetch(bundle.files["release.json"])
    assert len(mirror.asked) == 1  # after that, it is not asked any more


def test_what_a_mirror_broke_off_the_server_goes_on_with(world: World, mirror: Mirror) -> None:
    bundle = world.site.add(world.release)
    digest = model_of(bundle).sha256
    blob = mirror.folder / "cache" / blob_target(digest)
    blob.parent.mkdir(parents=True)
    blob.write_bytes((world.release / "package/model.onnx").read_bytes()[:100_000])
    signed = world.trust(mirrors=[mirror.address]).find("one", lambda: True)
    assert sha256_of(signed.fetch(model_of(bundle)).read_bytes()) == digest
    assert world.server.asked_for(digest) == [100_000]


def test_a_release_that_is_signed_no_more_is_known_without_a_network(world: World) -> None:
    world.site.add(world.release)
    trust = world.trust()
    assert not trust.is_recalled("one")  # nothing was ever heard
    trust.refresh()
    assert not trust.is_recalled("one")
    world.site.targets.clear()
    world.site.publish()
    trust.refresh()
    assert world.trust().is_recalled("one")
    with pytest.raises(ReleaseRefused, match="have signed no release one"):
        trust.find("one", lambda: True)


def test_what_is_not_wanted_any_more_is_broken_off_at_once(world: World) -> None:
    bundle = world.site.add(world.release)
    is_wanted, is_asked = threading.Event(), threading.Event()
    is_wanted.set()

    def wait(request: Request) -> None:
        is_asked.set()
        request.handler.connection.recv(1)

    world.server.faults[model_of(bundle).sha256] = wait
    patient = FetchLimits(answer_s=300, gap_s=300, file_s=300)
    trust = world.trust(limits=patient)
    signed = trust.find("one", is_wanted.is_set)
    ended: list[type[BaseException]] = []

    def fetch() -> None:
        try:
            signed.fetch(model_of(bundle))
        except Dropped as error:
            ended.append(type(error))

    thread = threading.Thread(target=fetch)
    thread.start()
    assert is_asked.wait(10)
    is_wanted.clear()
    trust.interrupt()
    thread.join(10)
    assert ended == [Dropped]


def test_garbage_instead_of_metadata_is_refused(world: World) -> None:
    world.site.put("metadata/timestamp.json", b"<html>Please log in</html>")
    with pytest.raises(ReleaseRefused, match="cannot be used"):
        world.find()


def test_endless_metadata_is_refused(world: World) -> None:
    world.site.put("metadata/timestamp.json", b" " * 1_000_000)
    with pytest.raises(ReleaseRefused, match="more than the 16384 bytes"):
        world.find()


def test_where_nothing_can_be_written_it_says_so(world: World) -> None:
    world.site.add(world.release)
    (world.folder / "device").mkdir()
    (world.folder / "device/tuf").write_text("a file where a folder should be")
    with pytest.raises(ReleaseRefused, match="cannot be written"):
        world.find()


def test_an_absurd_list_is_not_even_fetched(world: World) -> None:
    world.site.targets[bundle_target("huge")] = TargetFile(
        2_000_000_000, {"sha256": "0" * 64}, bundle_target("huge")
    )
    world.site.publish()
    with pytest.raises(ReleaseRefused, match="2000000000 bytes"):
        world.find("huge")
    assert not world.server.asked_for("bundle.json")
