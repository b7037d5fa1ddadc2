"""Writes model packages and releases: whole, into a new folder, checked by loading them back."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx

from beltmark.contract.documents import sha256_of, write_bytes, write_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import (
    GOLDEN,
    MANIFEST,
    MODEL,
    GoldenExpectation,
    GoldenSet,
    Manifest,
    ModelPackage,
    load_package,
)
from beltmark.contract.policy import Policy
from beltmark.contract.release import RELEASE, Release, ReleaseDocument, load_release
from beltmark.datasets.images import decode_image
from edge_agent.vision.detector import Detector
from edge_agent.vision.processor import instruction_set

GOLDEN_SCORE = 0.5
"""Only what the model is this sure of is expected elsewhere: faint answers differ by processor."""


def write_package(
    folder: Path, model: onnx.ModelProto, draft: Manifest, golden_images: Sequence[bytes]
) -> ModelPackage:
    """Writes a package and what its model finds on the golden images.

    Args:
        folder: Does not exist yet.
        model: The ONNX model.
        draft: The manifest; its `files` are replaced.
        golden_images: JPEG or PNG files.

    Raises:
        InputError: The folder exists.
    """
    with _new_folder(folder) as staged:
        write_bytes(staged / MODEL, model.SerializeToString())
        (staged / "golden").mkdir()
        names = []
        for index, content in enumerate(golden_images):
            suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
            names.append(f"golden/{index:02d}{suffix}")
            write_bytes(staged / names[-1], content)
        # The detector reads the manifest, and the golden file holds what the detector finds.
        write_document(staged / GOLDEN, GoldenSet(images=(), instruction_set=instruction_set()))
        _write_manifest(staged, draft, names)
        detector = Detector(load_package(staged))
        expectations = tuple(_expectation(detector, staged, name) for name in names)
        write_document(
            staged / GOLDEN, GoldenSet(images=expectations, instruction_set=instruction_set())
        )
        _write_manifest(staged, draft, names)
        load_package(staged)
    return load_package(folder)


def write_release(
    folder: Path, package: ModelPackage, policy: Policy, layouts: Path, catalogue: Path
) -> Release:
    """Writes a release: the package, the policy, the layouts and the catalogue, copied.

    Raises:
        InputError: The folder exists, or the parts do not fit each other.
    """
    with _new_folder(folder) as staged:
        shutil.copytree(package.folder, staged / "package")
        files = sorted(layouts.glob("*.toml"))
        if not files:
            raise InputError("holds no layout (*.toml)", "give the layouts' folder", file=layouts)
        (staged / "layouts").mkdir()
        for layout in files:
            shutil.copyfile(layout, staged / "layouts" / layout.name)
        if not catalogue.is_file():
            raise InputError("no such file", "give the catalogue's CSV", file=catalogue)
        shutil.copyfile(catalogue, staged / "catalogue.csv")
        document = ReleaseDocument(
            name=package.manifest.name, package_sha256=package.digest, policy=policy
        )
        write_document(staged / RELEASE, document)
        load_release(staged)
    return load_release(folder)


def _write_manifest(folder: Path, draft: Manifest, golden_names: Sequence[str]) -> None:
    files = {
        name: sha256_of((folder / name).read_bytes()) for name in (MODEL, GOLDEN, *golden_names)
    }
    write_document(folder / MANIFEST, draft.model_copy(update={"files": files}))


def _expectation(detector: Detector, folder: Path, name: str) -> GoldenExpectation:
    content = (folder / name).read_bytes()
    picture = decode_image(content)
    assert picture is not None, "a golden image is one that was evaluated"
    sure = [d for d in detector.detect(picture) if d.score >= GOLDEN_SCORE]
    return GoldenExpectation(
        image=name,
        sha256=sha256_of(content),
        class_names=tuple(d.class_name for d in sure),
        boxes_xyxy_px=tuple(d.box_xyxy_px for d in sure),
        scores=tuple(d.score for d in sure),
    )


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `folder`, which takes its place when all went well."""
    if folder.exists():
        raise InputError("exists already", "name another folder or remove it", file=folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", "name a folder that can be written", file=folder
        ) from None
    try:
        yield staged
        staged.chmod(0o755)
        staged.rename(folder)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
