"""A release's way from its folder to the stations and back, with real signatures."""

import json

import pytest
import sqlalchemy as sa
from fleet_messages import Clock, birth
from fleet_release import Device, FolderFetcher, files_in, write_release

from beltmark.contract.bundle import Requirements, blob_target
from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.contract.gate import Decision
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.handlers.rollout import back, push
from fleet_server.releases.repository import ReleaseRepository
from fleet_server.rollouts.plan import Plan, parse_waves
from fleet_server.settings import ReleasesSection
from fleet_server.storage.engine import StorageUnavailable, open_database
from fleet_server.storage.fleet import FleetStore
from fleet_server.storage.rollouts import RolloutStore
from fleet_server.storage.telemetry import TelemetryStore

BECAUSE = "the old one is worse"


class Bench:
    """A site's releases, and a station that looks at what is signed."""

    def __init__(self, folder) -> None:
        self.folder, self.clock = folder, Clock()
        for name in ("keys", "repository"):
            (folder / name).mkdir()
        self.repository = ReleaseRepository(folder / "repository", folder / "keys")
        self.root = self.repository.create()
        self.engine = open_database(f"sqlite:///{folder / 'fleet.sqlite'}")
        self.fleet = FleetStore(self.engine, self.clock)
        self.rollouts = RolloutStore(self.engine, 0.0, self.clock)
        self.desk = self.open()
        for device in ("belt-1", "belt-2"):
            TelemetryStore(self.engine, self.clock).take_birth(birth(device=device))

    def open(self, **rules: object) -> ReleaseDesk:
        return ReleaseDesk(self.engine, self.repository, ReleasesSection(**rules), self.clock)

    def approved(self, *names: str) -> None:
        for name in names:
            self.desk.add(write_release(self.folder / name, name, name.encode()), "mara")
            self.desk.approve(name, "ben", BECAUSE)

    def fetched(self, name: str) -> dict[str, bytes] | None:
        fetcher = FolderFetcher(self.folder / "repository")
        return Device(fetcher, self.root, self.folder / "device").fetch(name)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.engine.dispose()


def test_a_draft_is_signed_when_it_is_approved_and_not_before(bench, tmp_path):
    folder = write_release(tmp_path / "r")
    requires = Requirements(machines=("x86_64",))
    bundle, is_new = bench.desk.add(folder, "mara", requires)
    assert is_new
    assert bench.desk.add(folder, "mara", requires) == (bundle, False)
    assert bench.fetched("release-1") is None
    with pytest.raises(InputError, match="release-1 is draft"):
        push(bench.fleet, ["belt-1"], "release-1", "ben")
    with pytest.raises(InputError, match="release-1 is draft"):
        bench.rollouts.start(Plan(release="release-1", waves=parse_waves("1")), "ben")
    assert bench.desk.approve("release-1", "ben", BECAUSE)
    assert bench.fetched("release-1") == files_in(folder)
    assert bench.desk.book.one("release-1").why == (
        "override: the old one is worse (no gate has judged it)"
    )
    assert [entry.what for entry in bench.fleet.log(9)] == [
        "release release-1 approved: override: the old one is worse (no gate has judged it)",
        "added release release-1: no gate has judged it",
    ]


def test_without_a_gate_and_an_override_nothing_is_signed(bench, tmp_path):
    bench.desk.add(write_release(tmp_path / "r"), "mara")
    with pytest.raises(InputError, match="no gate has judged it"):
        bench.desk.approve("release-1", "ben")
    assert bench.repository.releases() == {}


def test_the_gate_must_have_judged_this_very_package(bench, tmp_path):
    folder = write_release(tmp_path / "r")
    manifest = (folder / "package/manifest.json").read_bytes()
    for digest, is_taken in (("b" * 64, False), (sha256_of(manifest), True)):
        write_gate(folder, digest)
        if not is_taken:
            with pytest.raises(InputError, match="take this very package through the gate"):
                bench.desk.add(folder, "mara")
    (folder / "origin.json").write_text('{"run": "abc", "experiment": "belts"}')
    bench.desk.add(folder, "mara")
    evidence = bench.desk.book.one("release-1").evidence
    assert (evidence.verdict, evidence.origin.run) == ("passed", "abc")
    assert bench.desk.approve("release-1", "ben")


def test_a_verdict_that_was_changed_is_refused(bench, tmp_path):
    folder = write_release(tmp_path / "r")
    write_gate(folder, sha256_of((folder / "package/manifest.json").read_bytes()), passed=False)
    told = (folder / "gate.json").read_text()
    (folder / "gate.json").write_text(told.replace('"passed": false', '"passed": true'))
    with pytest.raises(InputError, match="run the gate anew"):
        bench.desk.add(folder, "mara")


def write_gate(folder, package_sha256: str, *, passed: bool = True) -> None:
    decision = Decision(
        number=0,
        previous="0" * 64,
        kind="gate",
        decided_at="2026-11-30T10:00:00",
        decided_by="nina",
        candidate="blob",
        candidate_sha256=package_sha256,
        charter="belts",
        charter_sha256="c" * 64,
        dataset="d",
        dataset_sha256="d" * 64,
        passed=passed,
    )
    document = {
        "decision": decision.model_dump(mode="json"),
        "decision_sha256": sha256_of(decision.model_dump_json().encode()),
    }
    (folder / "gate.json").write_text(json.dumps(document))


def test_a_second_person_approves_where_that_is_set(bench, tmp_path):
    desk = bench.open(second_person=True)
    desk.add(write_release(tmp_path / "r"), "mara at the command line")
    with pytest.raises(InputError, match="a second person approves"):
        desk.approve("release-1", "mara at the command line", BECAUSE)
    assert desk.approve("release-1", "ben at the command line", BECAUSE)


def test_an_approval_that_broke_off_before_signing_is_completed(bench, tmp_path):
    bench.desk.add(write_release(tmp_path / "r"), "mara")
    key = tmp_path / "keys/targets.pem"
    content = key.read_bytes()
    key.write_text("rot")
    with pytest.raises(InputError, match="is no key"):
        bench.desk.approve("release-1", "ben", BECAUSE)
    key.write_bytes(content)
    assert bench.desk.approve("release-1", "mara")
    assert bench.fetched("release-1") is not None
    assert bench.desk.book.one("release-1").by == "ben"


def test_an_addition_that_broke_off_is_completed(bench, tmp_path):
    folder = write_release(tmp_path / "r")
    with bench.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE releases RENAME TO away"))
    with pytest.raises(StorageUnavailable):
        bench.desk.add(folder, "mara")
    with bench.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO releases"))
    assert bench.desk.add(folder, "mara")[1]
    assert bench.desk.approve("release-1", "ben", BECAUSE)


def test_the_same_name_with_other_requirements_is_refused(bench, tmp_path):
    folder = write_release(tmp_path / "r")
    bench.desk.add(folder, "mara")
    with pytest.raises(InputError, match="release-1 is known with other content"):
        bench.desk.add(folder, "mara", Requirements(machines=("aarch64",)))


def test_what_is_kept_is_signed_only_as_it_was_added(bench, tmp_path):
    bundle, _ = bench.desk.add(write_release(tmp_path / "r"), "mara")
    model = blob_target(bundle.files["package/model.onnx"].sha256)
    (tmp_path / "repository/targets" / model).write_bytes(b"evil")
    with pytest.raises(InputError, match="not kept as they were added"):
        bench.desk.approve("release-1", "ben", BECAUSE)
    assert bench.fetched("release-1") is None


def test_a_recalled_release_is_signed_no_more_and_stations_are_turned_away(bench):
    bench.approved("one", "two", "three")
    bench.desk.act("one", "promote", "ben")
    push(bench.fleet, ["belt-1", "belt-2"], "two", "ben")
    push(bench.fleet, ["belt-2"], "three", "ben")
    recalled = bench.desk.recall("two", "ben", "wrong labels")
    assert [(each.device, each.release) for each in recalled.turned] == [("belt-1", "one")]
    assert recalled.is_signed
    assert bench.fetched("two") is None
    assert bench.fetched("one") is not None  # what it shares with the others is still there
    assert bench.fetched("three") is not None
    assert bench.fleet.desired("belt-1").release == "one"
    for device in ("belt-1", "belt-2"):  # both were asked to run it before
        with pytest.raises(InputError, match="release two is recalled"):
            back(bench.fleet, [device], "ben")
    with pytest.raises(InputError, match="release two is recalled"):
        bench.desk.approve("two", "ben", BECAUSE)
    with pytest.raises(InputError, match="release two is recalled"):
        push(bench.fleet, ["belt-1"], "two", "ben")
    assert bench.desk.recall("two", "ben", "again").turned == []
    with pytest.raises(InputError, match="a recall has a reason"):
        bench.desk.recall("three", "ben", " ")


def test_a_recall_ends_its_rollout_and_it_cannot_be_tried_again(bench):
    bench.approved("one", "two")
    number = bench.rollouts.start(Plan(release="two", waves=parse_waves("1,100%")), "ben")
    with pytest.raises(InputError, match=f"rollout {number} brings two to stations"):
        bench.desk.act("two", "retire", "ben")
    assert bench.desk.recall("two", "ben", "wrong labels").aborted == [number]
    assert bench.rollouts.one(number).state.status == "aborted"
    with pytest.raises(InputError, match="rollout 1 is aborted"):
        bench.rollouts.retry(number, "ben")


def test_a_rollout_that_ends_sends_nobody_back_to_a_recalled_release(bench):
    bench.approved("champion", "bad", "new")
    bench.desk.act("champion", "promote", "ben")
    push(bench.fleet, ["belt-1", "belt-2"], "bad", "ben")
    number = bench.rollouts.start(Plan(release="new", waves=parse_waves("100%")), "ben")
    bench.rollouts.look(number, 0.0, lambda _: True)  # the wave begins
    bench.rollouts.look(number, 5.0, lambda _: True)
    assert {bench.fleet.desired(d).release for d in ("belt-1", "belt-2")} == {"new"}
    bench.desk.recall("bad", "ben", "wrong labels")
    bench.rollouts.abort(number, "ben")
    assert {bench.fleet.desired(d).release for d in ("belt-1", "belt-2")} == {"champion"}
    members = bench.rollouts.one(number).state.members.values()
    assert {each.previous for each in members} == {"champion"}
