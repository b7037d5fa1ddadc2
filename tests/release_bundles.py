"""Releases for tests that install them: made in a moment, each with the list of its files."""

import json
import shutil
from pathlib import Path

import cv2
from blob_station import RED, approve, picture, write_release

from beltmark.contract.bundle import Bundle, BundleFile, Requirements
from beltmark.contract.documents import sha256_of


def make_release(folder: Path, name: str, like: Path | None = None, **policy: object) -> Path:
    """Writes a whole release of this name; `like` another one that was made before."""
    if like is None:
        write_release(folder)
    else:
        shutil.copytree(like, folder)
    document = json.loads((folder / "release.json").read_text())
    document |= {"name": name, "policy": policy}
    (folder / "release.json").write_text(json.dumps(document))
    return folder


def bundle_of(folder: Path, requires: Requirements | None = None, **changes: object) -> Bundle:
    """The list of a release's files as it would be signed."""
    document = json.loads((folder / "release.json").read_text())
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            files[name] = BundleFile(sha256=sha256_of(content), length=len(content))
    fields: dict[str, object] = {
        "release": document["name"],
        "package_sha256": document["package_sha256"],
        "requires": requires or Requirements(),
        "files": files,
    }
    return Bundle.model_validate(fields | changes)


def add_golden(folder: Path, **differs: object) -> None:
    """Gives a release a golden image on which its model finds what is expected, unless it differs.

    Args:
        folder: The release.
        differs: Fields of the expectation that are to be otherwise.
    """
    golden = folder / "package/golden"
    assert cv2.imwrite(str(golden / "00.png"), picture(120, RED, seed=1))
    expectation: dict[str, object] = {
        "image": "golden/00.png",
        "sha256": sha256_of((golden / "00.png").read_bytes()),
        "class_names": ["carton"],
        "boxes_xyxy_px": [[100, 60, 139, 99]],
        "scores": [0.95],
    }
    document = {"images": [expectation | differs], "instruction_set": "any"}
    (golden / "golden.json").write_text(json.dumps(document))
    name = json.loads((folder / "release.json").read_text())["name"]
    approve(folder)
    document = json.loads((folder / "release.json").read_text())
    (folder / "release.json").write_text(json.dumps(document | {"name": name}))
