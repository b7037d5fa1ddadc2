import pytest
from fleet_release import files_in, write_release

from beltmark.contract.bundle import Bundle, Requirements
from beltmark.contract.errors import InputError
from fleet_server.releases.bundling import bundle_release


def test_a_bundle_lists_what_the_release_is_made_of(tmp_path):
    folder = write_release(tmp_path / "r")
    made_of = files_in(folder)
    (folder / "notes.txt").write_text("not for stations")
    (folder / "package/scratch.bin").write_bytes(b"nor this")
    bundled = bundle_release(folder)
    assert set(bundled.bundle.files) == set(made_of)
    for name, file in bundled.bundle.files.items():
        assert bundled.read(file.sha256) == made_of[name]
        assert file.length == len(made_of[name])


def test_the_same_release_has_the_same_document(tmp_path):
    first = bundle_release(write_release(tmp_path / "one"))
    second = bundle_release(write_release(tmp_path / "two"))
    assert first.document == second.document
    assert Bundle.model_validate_json(first.document) == first.bundle


def test_what_it_requires_is_part_of_it(tmp_path):
    folder = write_release(tmp_path / "r")
    requires = Requirements(machines=("x86_64",), max_latency_ms=50)
    bundled = bundle_release(folder, requires)
    assert bundled.bundle.requires == requires
    assert bundled.sha256 != bundle_release(folder).sha256


def test_a_release_that_does_not_load_is_none(tmp_path):
    folder = write_release(tmp_path / "r")
    (folder / "package/model.onnx").write_bytes(b"another model")
    with pytest.raises(InputError, match=r"model\.onnx: content differs"):
        bundle_release(folder)


def test_a_file_that_changes_meanwhile_is_told(tmp_path):
    folder = write_release(tmp_path / "r")
    bundled = bundle_release(folder)
    (folder / "catalogue.csv").write_text("sku\n")
    with pytest.raises(InputError, match=r"catalogue\.csv: was changed while it was read"):
        bundled.read(bundled.bundle.files["catalogue.csv"].sha256)
