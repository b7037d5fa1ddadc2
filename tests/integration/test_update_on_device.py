"""A device's updates as a whole: signed site, server, slots, trial in a process, and the swap."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from release_bundles import add_golden, make_release
from signed_site import TOKEN, Request, SignedSite, SiteServer

from beltmark.contract.bundle import Requirements, blob_target
from beltmark.contract.errors import InputError
from beltmark.contract.messages import Desired
from edge_agent.station_loop_ports import ReadyRelease
from edge_agent.update.fetcher import FetchLimits
from edge_agent.update.opening import open_updater
from edge_agent.update.updater import Updater
from edge_agent.update_report import UpdateReport
from edge_agent.uplink.section import FleetSection

LIMITS = FetchLimits(
    connect_s=2.0, answer_s=1.0, gap_s=1.0, file_s=20.0, window_s=0.5, least_bytes_per_s=1_000.0
)


class Device:
    """A device whose data folder outlives its agents."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = SignedSite(folder / "site")
        self.server = SiteServer(self.site.folder)
        self.factory = make_release(folder / "factory", "factory-1")
        add_golden(self.factory)
        self.data = folder / "data"
        self.data.mkdir()
        (folder / "token").write_text(TOKEN + "\n")
        (folder / "root.json").write_bytes(self.site.root)
        self.told: list[UpdateReport] = []
        self.updater: Updater | None = None
        self.runs = ""

    def settings(self) -> FleetSection:
        return FleetSection(
            server=self.server.address,
            broker="mqtt://127.0.0.1:1883",
            root=self.folder / "root.json",
            token_file=self.folder / "token",
        )

    def boot(self) -> Updater:
        self.stop()
        self.updater = open_updater(
            self.settings(), self.data, self.factory, 1, self.told.append, limits=LIMITS
        )
        self.runs = self.updater.boot().name
        self.updater.start()
        return self.updater

    def stop(self) -> None:
        if self.updater is not None:
            self.updater.stop()
            self.updater = None

    def make(self, name: str, **differs: object) -> Path:
        release = make_release(self.folder / name, name, self.factory, threshold=0.5)
        if differs:
            add_golden(release, **differs)
        return release

    def want(self, version: int, name: str) -> None:
        assert self.updater is not None
        self.updater.desire(
            Desired(device="d", desired_version=version, release=name, issued_at=1.0)
        )

    def until(self, state: str, reason: str = "") -> UpdateReport:
        """Waits until that is told."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for report in self.told:
                if report.state == state and reason in report.reason:
                    return report
            time.sleep(0.01)
        raise AssertionError(f"never {state} {reason}: {self.told}")

    def adopt(self) -> ReadyRelease:
        """What the station does between two items."""
        self.until("waiting")
        assert self.updater is not None
        end = time.monotonic() + 60
        while (ready := self.updater.take_ready()) is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        self.updater.adopted(ready)
        self.until("running")
        return ready


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    device = Device(tmp_path)
    with device.server:
        device.boot()
        yield device
        device.stop()


def refused_and_the_old_one_runs(device: Device, told: str) -> None:
    assert told in device.until("refused").reason
    assert device.updater is not None
    assert device.updater.take_ready() is None
    device.boot()
    assert device.runs == "factory-1"


def test_a_good_release_comes_to_run_and_runs_after_a_restart(device: Device) -> None:
    device.site.add(device.make("one"), Requirements(max_latency_ms=10_000))
    device.want(1, "one")
    ready = device.adopt()
    assert ready.release.name == "one"
    assert ready.release.policy.threshold == 0.5
    assert [r.state for r in device.told if r.desired_version] == [
        "downloading",
        "verifying",
        "accepting",
        "waiting",
        "running",
    ]
    device.boot()
    assert device.runs == "one"


def test_back_again_needs_no_file_to_be_fetched(device: Device) -> None:
    device.site.add(device.make("one"))
    device.site.add(device.make("two"))
    for version, name in ((1, "one"), (2, "two")):
        device.told.clear()
        device.want(version, name)
        device.adopt()
    device.server.asked.clear()
    device.told.clear()
    device.want(3, "one")
    device.adopt()
    assert not any("blobs/" in path for path, _ in device.server.asked)
    device.boot()
    assert device.runs == "one"


def test_a_tampered_file_is_refused(device: Device) -> None:
    bundle = device.site.add(device.make("one"))
    blob = f"targets/{blob_target(bundle.files['release.json'].sha256)}"
    device.site.put(blob, b"{" + (device.site.folder / blob).read_bytes()[1:-1] + b"!")
    device.want(1, "one")
    refused_and_the_old_one_runs(device, "not what was signed")


def test_older_metadata_is_refused(device: Device) -> None:
    old = (device.site.folder / "metadata/timestamp.json").read_bytes()
    device.site.add(device.make("one"))
    device.want(1, "one")
    device.adopt()
    device.site.put("metadata/timestamp.json", old)
    device.site.add(device.make("two"))
    device.site.put("metadata/timestamp.json", old)
    device.want(2, "two")
    assert "older than what this device has seen" in device.until("refused").reason
    device.boot()
    assert device.runs == "one"


def test_what_has_expired_is_not_installed_and_what_runs_still_starts(device: Device) -> None:
    device.site.add(device.make("one"))
    device.want(1, "one")
    device.adopt()
    device.site.add(device.make("two"))
    device.site.publish(expires=datetime.now(UTC) - timedelta(days=1))
    device.want(2, "two")
    assert "expired" in device.until("refused").reason
    device.boot()
    assert device.runs == "one"


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        (Requirements(machines=("s390x",)), "made for s390x"),
        (Requirements(max_latency_ms=0.0001), "too slow here"),
    ],
)
def test_a_release_that_this_device_is_not_made_for_is_refused(
    requires: Requirements, told: str, device: Device
) -> None:
    device.site.add(device.make("one"), requires)
    device.want(1, "one")
    refused_and_the_old_one_runs(device, told)


def test_a_release_whose_golden_images_fail_is_refused(device: Device) -> None:
    device.site.add(device.make("one", class_names=["tube"]))
    device.want(1, "one")
    refused_and_the_old_one_runs(device, "does not find the tube")


def test_a_release_signed_by_others_is_refused(device: Device) -> None:
    other = SignedSite(device.folder / "other")
    (device.folder / "root.json").write_bytes(other.root)
    device.boot()
    device.site.add(device.make("one"))
    device.want(1, "one")
    refused_and_the_old_one_runs(device, "not signed by the keys")


def test_a_drip_of_bytes_is_left_and_the_release_comes_when_the_server_is_well(
    device: Device,
) -> None:
    bundle = device.site.add(device.make("one"))

    def drip(request: Request) -> None:
        request.head(200, Content_Length=str(len(request.content)))
        for byte in request.content:
            request.send(bytes([byte]))
            time.sleep(0.02)

    digest = bundle.files["release.json"].sha256
    device.server.faults[digest] = drip
    device.want(1, "one")
    device.until("downloading", "nothing comes from the server")
    device.server.faults.clear()
    device.want(1, "one")  # as the broker says it again
    assert device.adopt().release.name == "one"


def test_a_download_that_a_restart_broke_off_is_resumed(device: Device) -> None:
    bundle = device.site.add(device.make("one"))
    digest = bundle.files["release.json"].sha256

    def cut(request: Request) -> None:
        request.head(200, Content_Length=str(len(request.content)))
        request.send(request.content[:40])
        request.cut()

    device.server.faults[digest] = cut
    device.want(1, "one")
    device.until("downloading", "nothing comes from the server")
    device.stop()
    device.server.faults.clear()
    device.server.asked.clear()
    device.boot()
    assert device.adopt().release.name == "one"
    assert device.server.asked_for(digest) == [40]


def test_a_damaged_slot_is_stood_in_for_and_mended(device: Device) -> None:
    device.site.add(device.make("one"))
    device.want(1, "one")
    device.adopt()
    device.stop()
    (device.data / "slots/a/release/catalogue.csv").write_text("sku\n")
    device.told.clear()
    device.boot()
    assert device.runs == "factory-1"
    device.until("downloading", "catalogue.csv is damaged")
    assert device.adopt().release.name == "one"
    device.boot()
    assert device.runs == "one"


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("root.json", b"{}", "no trusted root"),
        ("root.json", b"not json", "no trusted root"),
        ("root.json", None, "no such file"),
        ("token", b"two words\n", "no token"),
        ("token", b"\n", "no token"),
        ("token", None, "no such file"),
    ],
)
def test_a_root_or_token_that_cannot_be_used_is_told_at_once(
    file: str, content: bytes | None, told: str, device: Device
) -> None:
    (device.folder / file).unlink()
    if content is not None:
        (device.folder / file).write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        open_updater(device.settings(), device.data, device.factory, 1, device.told.append)
    assert str(caught.value.file).endswith(file)
