import json
from pathlib import Path
from typing import Any

import pytest

from beltmark.contract.documents import sha256_of, write_document
from beltmark.contract.errors import InputError, UnknownVersionError
from beltmark.contract.package import Manifest, load_package


def write_package(folder: Path, **changes: Any) -> Path:
    """Writes a package with placeholder content; `changes` replace fields of the manifest."""
    (folder / "golden").mkdir(parents=True)
    contents = {
        "model.onnx": b"model",
        "golden/golden.json": b'{"images": [], "instruction_set": "none"}',
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    manifest = {
        "format_version": 1,
        "name": "demo-1",
        "classes": ["carton", "other"],
        "none_of_these": "other",
        "input": {"height_px": 224, "width_px": 320},
        "outputs": {"embedding_size": 32},
        "files": {name: sha256_of(content) for name, content in contents.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
    return folder


def test_a_whole_package_loads_and_is_addressed_by_its_manifest(tmp_path: Path) -> None:
    package = load_package(write_package(tmp_path / "p"))
    assert package.manifest.input.pad_value == 114
    assert package.digest == sha256_of((tmp_path / "p" / "manifest.json").read_bytes())
    assert package.golden().images == ()
    assert package.model_path.read_bytes() == b"model"


LINEAGE = {
    "created_at": "2026-11-30T12:00:00+00:00",
    "code_revision": "unknown",
    "config_sha256": "1" * 64,
    "dataset": "belt",
    "dataset_sha256": "2" * 64,
    "seed": 1,
    "versions": {"torch": "2.6"},
}


@pytest.mark.parametrize(
    "later", [{}, {"split_sha256": None}, {"split_sha256": "3" * 64}], ids=["none", "null", "split"]
)
def test_a_manifest_without_a_split_is_written_as_older_stations_read_it(
    tmp_path: Path, later: dict[str, str | None]
) -> None:
    package = load_package(write_package(tmp_path / "p", lineage=LINEAGE | later))
    write_document(tmp_path / "again.json", package.manifest)
    written = json.loads((tmp_path / "again.json").read_bytes())
    assert written["lineage"] == LINEAGE | {k: v for k, v in later.items() if v is not None}
    assert Manifest.model_validate(written) == package.manifest
    # What lies there is addressed as it is, null or not.
    assert package.digest == sha256_of((tmp_path / "p" / "manifest.json").read_bytes())


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "p")
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(InputError, match="digest") as caught:
        load_package(folder)
    assert caught.value.file == folder / "model.onnx"


def test_an_unknown_version_is_named_even_if_nothing_else_fits(tmp_path: Path) -> None:
    with pytest.raises(UnknownVersionError, match="version 2"):
        load_package(write_package(tmp_path / "p", format_version=2, novelty=True))


@pytest.mark.parametrize(
    ("changes", "field", "told"),
    [
        ({"classes": ["a", "a"]}, None, "differ"),
        ({"none_of_these": "unknown"}, None, "one of classes"),
        ({"files": {}}, None, "must list model.onnx"),
        ({"input": {"height_px": 224, "width_px": 320, "layout": "NCHW"}}, "input.layout", "NHWC"),
        ({"calibration": {"temperature": 0}}, "calibration.temperature", "greater than 0"),
        ({"name": "../up"}, "name", "pattern"),
    ],
)
def test_a_manifest_that_does_not_fit_names_the_field(
    tmp_path: Path, changes: dict[str, Any], field: str | None, told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        load_package(write_package(tmp_path / "p", **changes))
    assert caught.value.field == field
    assert Path(str(caught.value.file)).name == "manifest.json"


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "a//b", "a\\b"])
def test_a_path_out_of_the_package_is_refused(tmp_path: Path, name: str) -> None:
    digests = dict.fromkeys(("model.onnx", "golden/golden.json", name), "0" * 64)
    with pytest.raises(InputError, match="plain relative path"):
        load_package(write_package(tmp_path / "p", files=digests))


def test_a_missing_folder_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such model package"):
        load_package(tmp_path / "none")
    folder = write_package(tmp_path / "p")
    (folder / "golden" / "golden.json").unlink()
    with pytest.raises(InputError, match="no such file"):
        load_package(folder)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"image": "../../secret.jpg"}, "no file that the manifest lists"),
        ({"scores": []}, "equally"),
    ],
)
def test_golden_expectations_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    golden = {
        "image": "golden/00.jpg",
        "sha256": "0" * 64,
        "class_names": ["carton"],
        "boxes_xyxy_px": [[0, 0, 9, 9]],
        "scores": [0.9],
    }
    content = json.dumps({"images": [golden | changes], "instruction_set": "none"}).encode()
    digests = {"model.onnx": sha256_of(b"model"), "golden/golden.json": sha256_of(content)}
    folder = write_package(tmp_path / "p", files=digests)
    (folder / "golden" / "golden.json").write_bytes(content)
    with pytest.raises(InputError, match=told):
        load_package(folder).golden()
