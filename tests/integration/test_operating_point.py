"""From package to operating point to release, from the command line; on simulated belts, and filmed
sequences where they are at hand."""

import json
import shutil
from pathlib import Path

import pytest
from item_belt import CARTON, FOREIGN, PLANTED, ItemBelt, blob_release

from beltmark.contract.documents import write_document
from beltmark.contract.policy import Policy
from beltmark.contract.release import load_release
from training.cli import main
from training.evaluate.operating_run import find

BUNDLED = Path(__file__).resolve().parents[2] / "beltmark" / "bundled"
PACKAGE = BUNDLED / "release" / "package"
CATALOGUE = BUNDLED / "catalogue.csv"
GOOD = tuple(pass_ for pass_ in PLANTED if pass_.true in (CARTON, FOREIGN))

pytestmark = pytest.mark.xdist_group("operating_point")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blob release, and an operating point chosen on one belt and confirmed on another."""
    folder = tmp_path_factory.mktemp("operating")
    release = blob_release(folder)
    read = find(
        release.package,
        release.catalogue,
        [ItemBelt(GOOD, "belt 1"), ItemBelt(GOOD, "belt 2")],
        seed=1,
        votes=[3],
        target=0.9,
        criterion="estimate",
        kept=folder / "kept",
    )
    write_document(folder / "operating.json", read)
    return folder


def _release(folder: Path, name: str, *more: str) -> int:
    blob = folder / "release"
    return main(
        [
            "release", str(blob / "package"), "--catalogue", str(blob / "catalogue.csv"),
            "--layouts", str(blob / "layouts"), "--out", str(folder / name), *more,
        ]
    )  # fmt: skip


def test_a_release_takes_the_point_that_whole_items_chose(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = json.loads((folder / "operating.json").read_text())
    assert {*chosen["chosen_on"], *chosen["confirmed_on"]} == {"belt 1", "belt 2"}
    assert chosen["policy"]["threshold"] == chosen["by_estimate"]["threshold"]
    assert chosen["by_bound"] is None
    assert chosen["finding"] == "not_refuted"
    assert _release(folder, "good", "--operating", str(folder / "operating.json")) == 0
    assert "from whole items" in capsys.readouterr().out
    policy = load_release(folder / "good").policy
    assert policy == Policy(**chosen["policy"])
    assert policy.target_precision == 0.9


def test_simulated_belts_pass_and_a_later_run_goes_on_from_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "operating-point", str(PACKAGE), "--catalogue", str(CATALOGUE), "--belts", "1",
        "--seconds", "0.1", "--seed", "7", "--target-precision", "0.9", "--out",
    ]  # fmt: skip
    out = tmp_path / "operating.json"
    first_code = main([*command, str(out)])
    first = json.loads(out.read_text())
    assert first["chosen_on"] == ["belt 7"]
    assert first["confirmed_on"] == []
    assert first["policy"] is None
    assert first_code == 1
    assert "To prove 90 % takes 29 labels or more" in capsys.readouterr().out
    (kept,) = (tmp_path / "operating.json.recordings").iterdir()
    written = kept.stat().st_mtime_ns
    again = tmp_path / "again.json"
    assert main([*command, str(again), "--votes", "3", "2", "--kept", str(kept.parent)]) in (0, 1)
    points = json.loads(again.read_text())["curve"]
    assert kept.stat().st_mtime_ns == written
    assert [point for point in points if point["min_votes"] == 3] == first["curve"]
    assert len(points) == 2 * len(first["curve"])


def test_without_an_operating_point_the_curve_of_frames_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _release(folder, "frames", "--target-precision", "0.9") == 2
    assert "the curve reaches a precision of 0.9 nowhere" in capsys.readouterr().err
    command = [
        "release", str(PACKAGE), "--catalogue", str(CATALOGUE), "--layouts",
        str(BUNDLED / "layouts"), "--out", str(folder / "frames"), "--target-precision", "0.9",
    ]  # fmt: skip
    assert main(command) == 0
    assert "from the package's curve of single frames" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("package_sha256", "0" * 64, "is of package 000000000000"),
        ("goods_sha256", "0" * 64, "catalogue of other products"),
        ("policy", None, "no threshold reaches a precision of 0.9"),
        ("finding", "refuted", "other items refuted it"),
        ("format_version", 9, "version 9 is not known here"),
        ("target_precision", "high", "target_precision"),
    ],
)
def test_an_operating_point_that_may_not_be_used_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], field: str, value: object, told: str
) -> None:
    changed = json.loads((folder / "operating.json").read_text()) | {field: value}
    file = folder / "changed.json"
    file.write_text(json.dumps(changed))
    assert _release(folder, "refused", "--operating", str(file)) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert told in line
    assert not (folder / "refused").exists()


def test_another_target_than_the_one_that_was_chosen_for_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operating = ("--operating", str(folder / "operating.json"))
    assert _release(folder, "refused", *operating, "--target-precision", "0.99") == 2
    assert "was chosen for a precision of 0.9, not of 0.99" in capsys.readouterr().err


def test_bad_input_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text("sku,gtin,name,class_name\nA,9521234500018,Coffee,barrel\n")
    out = ["--out", str(tmp_path / "o.json")]
    assert main(["operating-point", str(PACKAGE), "--catalogue", str(catalogue), *out]) == 2
    assert "'barrel' of A is no product's class" in capsys.readouterr().err
    given = ["operating-point", str(PACKAGE), "--catalogue", str(CATALOGUE), *out]
    assert main([*given, "--belts", "0"]) == 2
    assert "nothing passes" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [catalogue]


def test_filmed_sequences_without_a_class_of_the_catalogue_show_foreign_items(
    shared_data: Path, tmp_path: Path
) -> None:
    annotations = json.loads((shared_data / "belt" / "annotations.json").read_text())
    wanted = [image for image in annotations["images"] if image["sequence"] in (7, 11)]
    ids = {image["id"] for image in wanted}
    annotations["images"] = wanted
    annotations["annotations"] = [a for a in annotations["annotations"] if a["image_id"] in ids]
    for image in wanted:
        (tmp_path / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shared_data / "belt" / image["file_name"], tmp_path / image["file_name"])
    (tmp_path / "annotations.json").write_text(json.dumps(annotations))
    code = main(
        [
            "operating-point", str(PACKAGE), "--catalogue", str(CATALOGUE),
            "--sequences", str(tmp_path / "annotations.json"), "--out", str(tmp_path / "o.json"),
        ]
    )  # fmt: skip
    told = json.loads((tmp_path / "o.json").read_text())
    assert code == (1 if told["policy"] is None or told["finding"] == "refuted" else 0)
    assert len(told["chosen_on"]) == 1
    assert told["curve"][0]["products"] == 0
