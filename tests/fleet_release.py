"""Releases for the fleet's tests, without a model that runs; and how a device sees a repository."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from beltmark.contract.bundle import Bundle, Requirements, blob_target, bundle_target
from beltmark.contract.documents import sha256_of
from fleet_server.handlers.releases import ReleaseDesk
from fleet_server.releases.bundling import ANY_DEVICE
from fleet_server.storage.release_book import ReleaseBook

BUNDLED_LAYOUT = Path(__file__).parents[1] / "beltmark/bundled/layouts/item.toml"
CATALOGUE = "sku,gtin,name,class_name,layout\nCARTON-01,9521234500018,Coffee,carton,item\n"
URL = "http://fleet.test/tuf"


def write_release(folder: Path, name: str = "release-1", model: bytes = b"a model") -> Path:
    """Writes a release that loads, as far as nobody runs its model."""
    package = folder / "package"
    (package / "golden").mkdir(parents=True)
    (folder / "layouts").mkdir()
    golden = json.dumps({"images": [], "instruction_set": "none"}).encode()
    files = {"model.onnx": model, "golden/golden.json": golden}
    manifest = {
        "name": "blob",
        "classes": ["carton", "none_of_these"],
        "none_of_these": "none_of_these",
        "input": {"height_px": 160, "width_px": 240},
        "outputs": {"embedding_size": 3},
        "files": {name: sha256_of(content) for name, content in files.items()},
    }
    files["manifest.json"] = json.dumps(manifest).encode()
    for file, content in files.items():
        (package / file).write_bytes(content)
    document = {
        "name": name,
        "package_sha256": sha256_of(files["manifest.json"]),
        "policy": {},
    }
    (folder / "release.json").write_text(json.dumps(document))
    shutil.copyfile(BUNDLED_LAYOUT, folder / "layouts/item.toml")
    (folder / "catalogue.csv").write_text(CATALOGUE)
    return folder


def add_approved(desk: ReleaseDesk, folder: Path, requires: Requirements = ANY_DEVICE) -> str:
    """Adds a release and has it signed, though no gate judged it; returns its name."""
    bundle, _ = desk.add(folder, "admin", requires)
    assert desk.approve(bundle.release, "admin", "a test")
    return bundle.release


def note_approved(
    engine: sa.Engine, bundle: Bundle, sha256: str, clock: Callable[[], float]
) -> None:
    """Notes a release of which there is nothing else."""
    book = ReleaseBook(engine, clock)
    book.add(bundle, sha256, "mara")
    book.change(bundle.release, "approve", "mara")


class FolderFetcher(FetcherInterface):
    """Fetches from a folder, as if over a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self.folder / url.removeprefix(f"{URL}/")
        if not path.is_file():
            raise DownloadHTTPError("no such file", 404)
        yield path.read_bytes()


class Device:
    """A device that trusts one root from the first, and remembers what it has seen."""

    def __init__(self, fetcher: FetcherInterface, root: bytes, folder: Path) -> None:
        self._fetcher, self._root, self._folder = fetcher, root, folder

    def fetch(self, release: str) -> dict[str, bytes] | None:
        """The files of a release as they were signed; None if it is not signed."""
        (self._folder / "metadata").mkdir(parents=True, exist_ok=True)
        (self._folder / "targets").mkdir(exist_ok=True)
        updater = Updater(
            str(self._folder / "metadata"),
            f"{URL}/metadata/",
            str(self._folder / "targets"),
            f"{URL}/targets/",
            fetcher=self._fetcher,
            config=UpdaterConfig(prefix_targets_with_hash=False),
            bootstrap=self._root,
        )
        updater.refresh()
        document = self._download(updater, bundle_target(release))
        if document is None:
            return None
        files = Bundle.model_validate_json(document).files
        return {
            name: self._download(updater, blob_target(file.sha256)) for name, file in files.items()
        }

    def _download(self, updater: Updater, path: str) -> bytes | None:
        target = updater.get_targetinfo(path)
        if target is None:
            return None
        place = self._folder / "targets" / path.replace("/", "_")
        return Path(updater.download_target(target, str(place))).read_bytes()


def files_in(folder: Path) -> dict[str, bytes]:
    """The content of all files of a folder, by their names in it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
