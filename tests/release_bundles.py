"""Releases for tests that install them: made in a moment, each with the list of its files."""

import json
import shutil
from pathlib import Path

from blob_station import write_release

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
