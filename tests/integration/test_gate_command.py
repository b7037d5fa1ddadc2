"""A package goes through the gate, and out or not, as a user does it."""

import json
import shutil
from pathlib import Path

import pytest

from beltmark.contract.package import load_package
from beltmark.contract.release import load_release
from beltmark.datasets.opening import read_dataset
from beltmark.simulation.dataset import DatasetPlan, write_dataset
from training.cli import main

pytestmark = pytest.mark.xdist_group("gate")

BUNDLED = Path("beltmark/bundled")
CHARTER = """
name = "demo"
purpose = "to test"
users = "nobody"
owner = "nobody"
deciders = ["A. Example"]
group_by = "image"
[labels]
target_precision = 0.9
least_coverage = 0.8
[[criteria]]
metric = "detection.ap50"
at_least = {floor}
[[criteria]]
metric = "speed.model_ms"
at_most = 60
[[against_champion]]
metric = "detection.ap50"
margin = {margin}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with the bundled package, a champion, and pictures new to both."""
    folder = tmp_path_factory.mktemp("gate")
    write_dataset(DatasetPlan(images=16, seed=77), folder / "data", workers=1)
    shutil.copytree(BUNDLED / "release" / "package", folder / "runs" / "demo" / "package")
    champion = folder / "champion"
    shutil.copytree(BUNDLED / "release" / "package", champion)
    manifest = json.loads((champion / "manifest.json").read_text())
    manifest["name"] = "champion"
    (champion / "manifest.json").write_text(json.dumps(manifest))
    for name, margin in (("loose", 0.3), ("strict", 0.001)):
        (folder / f"{name}.toml").write_text(CHARTER.format(floor=0.3, margin=margin))
    write_evaluation(folder, {})
    return folder


def write_evaluation(place: Path, changed: dict[str, object]) -> Path:
    path = place / "evaluation.json"
    package = load_package(place / "runs" / "demo" / "package")
    dataset = read_dataset(place / "data" / "annotations.json")
    section = {
        "key": "speed",
        "title": "Speed",
        "told": ["It is quick."],
        "numbers": {"model_ms": 9.5, "fps": None},
        "tables": [{"title": "t", "header": ["a"], "rows": [["<b>"]]}],
    }
    content = {
        "created_at": "2026-11-30T12:00:00+00:00",
        "code_revision": "unknown",
        "package": {"name": "demo", "sha256": package.digest, "classes": package.manifest.classes},
        "data": {
            "path": "data", "sha256": dataset.sha256, "part": "all", "scenes": 1, "objects": 1,
            "images": len(dataset.images),
        },
        "target_precision": 0.9,
        "threshold": 0.5,
        "machine": {"instruction_set": "x", "processor": "x", "cores": 1, "versions": {}},
        "draws": 10,
        "seed": 0,
        "sections": [section],
    }  # fmt: skip
    for name, value in changed.items():
        part = content
        *outer, last = name.split(".")
        for key in outer:
            part = part[key]  # type: ignore[assignment]
        part[last] = value
    path.write_text(json.dumps(content))
    return path


def gate(place: Path, charter: str, *more: str) -> int:
    return main(
        [
            "gate", str(place / "runs/demo/package"), "--charter", str(place / f"{charter}.toml"),
            "--data", str(place / "data/annotations.json"), "--champion", str(place / "champion"),
            "--decided-by", "A. Example", "--decided-at", "2026-11-30T14:00:00+01:00",
            "--draws", "200", *more,
        ]
    )  # fmt: skip


def release(place: Path, out: Path, *more: str) -> int:
    return main(
        [
            "release", str(place / "runs/demo/package"), "--catalogue",
            str(BUNDLED / "catalogue.csv"), "--layouts", str(BUNDLED / "layouts"),
            "--target-precision", "0.9", "--out", str(out), *more,
        ]
    )  # fmt: skip


def test_pass_fail_release_and_override(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluation = ("--evaluation", str(place / "evaluation.json"))
    verdict = place / "runs/demo/gate.json"
    trail = place / "runs/decisions.jsonl"
    assert gate(place, "loose", *evaluation) == 0
    told = capsys.readouterr().out
    assert "PASS: 3 of 3 criteria hold; decided by A. Example, row 0" in told
    assert "PASS" in (place / "runs/demo/gate.html").read_text()
    assert json.loads(verdict.read_text())["decision"]["decided_at"] == "2026-11-30T13:00:00+00:00"
    assert release(place, tmp_path / "passed", "--gate", str(verdict)) == 0
    assert load_release(tmp_path / "passed").name == "demo-shapes"
    assert (tmp_path / "passed/gate.json").read_bytes() == verdict.read_bytes()

    # The same model as the champion: so few pictures do not prove that it is not worse.
    assert gate(place, "strict") == 1
    told = capsys.readouterr().out
    assert "FAIL  speed.model_ms: not measured" in told
    assert "FAIL: 1 of 3 criteria hold" in told
    refused = ("--gate", str(verdict))
    assert release(place, tmp_path / "failed", *refused) == 2
    assert "the gate says FAIL: speed.model_ms; detection.ap50" in capsys.readouterr().err
    assert release(place, tmp_path / "failed", *refused, "--override", "no reason") == 2
    assert not (tmp_path / "failed").exists()
    assert release(place, tmp_path / "failed", *refused, "--override", "x", "--by", "\x1b[2J") == 2
    word = ("--override", "the champion's station burnt down", "--by", "B. Example")
    assert release(place, tmp_path / "failed", *refused, *word) == 0
    capsys.readouterr()
    assert main(["decisions", str(trail)]) == 0
    told = capsys.readouterr().out
    assert [line.split()[2] for line in told.splitlines()[:3]] == ["PASS", "FAIL", "OVERRIDE"]
    assert "burnt down" in told

    trail.write_text(trail.read_text().replace('"passed":false', '"passed":true'))
    assert main(["decisions", str(trail)]) == 2
    assert "line 3" in capsys.readouterr().err
    assert gate(place, "loose") == 2
    assert release(place, tmp_path / "again", *refused, *word) == 2
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--decided-by", "Nobody"), "may not decide"),
        (("--decided-by", "A\nB"), "--decided-by is empty, has characters"),
        (("--decided-at", "yesterday"), "no time"),
        (("--champion", "runs/demo/package"), "is the candidate itself"),
        (("--champion", "nowhere"), "no such model package"),
        (("--evaluation", "loose.toml"), "created_at: missing"),
        (("--scenes", "none"), "no image to judge by"),
    ],
)
def test_bad_input_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, str], told: str
) -> None:
    option, value = arguments
    is_path = option in ("--champion", "--evaluation")
    trail = place / "elsewhere.jsonl"
    given = (option, str(place / value) if is_path else value, "--trail", str(trail))
    assert gate(place, "loose", *given) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1
    assert not trail.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"package.sha256": "0" * 64}, {"data.sha256": "0" * 64}, {"data.images": 3},
        {"sections": [1]}, {"threshold": "x"},
    ],
)  # fmt: skip
def test_an_evaluation_of_something_else_is_refused(
    place: Path, tmp_path: Path, changed: dict[str, object]
) -> None:
    evaluation = write_evaluation(place, changed).rename(tmp_path / "other.json")
    trail = str(tmp_path / "trail.jsonl")
    assert gate(place, "loose", "--evaluation", str(evaluation), "--trail", trail) == 2


def test_what_the_candidate_learnt_from_is_not_judged_by(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(place / "runs/demo/package", run / "package")
    dataset = read_dataset(place / "data/annotations.json")
    manifest = json.loads((run / "package/manifest.json").read_text())
    manifest["lineage"]["dataset_sha256"] = dataset.sha256
    (run / "package/manifest.json").write_text(json.dumps(manifest))
    arguments = [
        "gate", str(run / "package"), "--charter", str(place / "loose.toml"), "--decided-by",
        "A. Example", "--data", str(place / "data/annotations.json"), "--draws", "200",
    ]  # fmt: skip
    assert main(arguments) == 2
    assert "has learnt from this dataset" in capsys.readouterr().err
    names = [image.path.relative_to(place / "data").as_posix() for image in dataset.images]
    (run / "report").mkdir()
    (run / "report/metrics.json").write_text(json.dumps({"judged_by": names[:12]}))
    assert main(arguments) == 1
    assert "12 groups" in capsys.readouterr().out


def test_a_snapshot_is_judged_by_and_tells_its_lineage_in_the_data_card(
    place: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    added = [
        "data", "add", str(place / "data/annotations.json"), "--store", str(store),
        "--name", "test", "--licence", "CC0 & <free>", "--annotator", "Ann", "--by", "Ben",
    ]  # fmt: skip
    assert main(added) == 0
    arguments = [
        "gate", str(place / "runs/demo/package"), "--charter", str(place / "loose.toml"),
        "--decided-by", "A. Example", "--data", f"{store}@test", "--draws", "200",
        "--out", str(tmp_path / "out"), "--trail", str(tmp_path / "trail.jsonl"),
    ]  # fmt: skip
    assert main(arguments) == 1
    page = (tmp_path / "out/gate.html").read_text()
    for told in ("CC0 &amp; &lt;free&gt;", "<dd>Ann</dd>", "add by Ben", "beltmark"):
        assert told in page
