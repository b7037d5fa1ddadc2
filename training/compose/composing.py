"""Makes a detection set from pictures of single products: chooses, cuts, composes, shows.

Ties the modules beside it together; arguments and what is printed are the command's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.documents import read_bytes, sha256_of, write_json
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import MAX_IMAGE_BYTES, decode_image
from beltmark.datasets.model_names import model_names
from beltmark.datasets.opening import read_dataset
from training.compose.backgrounds import Backgrounds, Drawn, Mixed, Photographs, Rendered
from training.compose.picture import Source
from training.compose.plan import ComposePlan
from training.compose.products import (
    CutRecord,
    ProductPicture,
    choose_pictures,
    cut_pictures,
    sources_by_class,
)
from training.compose.sheets import write_composed_sheet, write_cut_sheets
from training.compose.writing import claim, write_composed

SIMULATED = "simulated"
DRAWN = "drawn"
CUTS = "cuts"
REPORT = "cuts.json"
SHEET = "sheet.jpg"


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        products: The dataset of single products.
        scenes: Only these of its scenes, if any are named.
        class_names: Only these of its classes, if any are named.
        backgrounds: Folders of empty-belt pictures, `simulated` or `drawn`.
        plan: How to compose.
        folder: Where to write.
        empty: A picture of the surface without a product.
        catalogue: Sizes of products.
        none_class: Class of things that are no products; without it they are not labelled.
        leave_out: Go on without the classes of which no picture could be cut.
    """

    products: Path
    scenes: tuple[str, ...]
    class_names: tuple[str, ...]
    backgrounds: tuple[str, ...]
    plan: ComposePlan
    folder: Path
    empty: Path | None = None
    catalogue: Path | None = None
    none_class: str | None = None
    leave_out: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        dataset: The composed dataset.
        records: What became of each product picture.
        others: Pictures that do not show exactly one product.
        missing: Classes that were left out.
        renamed: Classes that a package cannot have under the dataset's name, with their new ones.
    """

    dataset: Dataset
    records: tuple[CutRecord, ...]
    others: int
    missing: tuple[str, ...]
    renamed: Mapping[str, str]


Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def run(request: Request, on_progress: Progress) -> Outcome:
    """Composes a dataset, or goes on with one that was stopped.

    Raises:
        InputError: Something given cannot be used, or a product could not be cut out.
    """
    dataset = read_dataset(request.products)
    pictures, others = choose_pictures(dataset, request.scenes, request.class_names)
    request, dataset, renamed = _named_for_packages(request, dataset, pictures)
    backgrounds = _open_backgrounds(request)
    long_mm = _sizes(request)
    empty_bgr = None if request.empty is None else _read_picture(request.empty)
    claim(
        request.folder,
        _identity(request, dataset, backgrounds, long_mm, empty_bgr, renamed=renamed),
    )
    cuts = request.folder / CUTS
    records = cut_pictures(
        pictures,
        dataset,
        cuts,
        empty_bgr,
        lambda done: on_progress("cutting", done, len(pictures)),
    )
    write_json(request.folder / REPORT, [record.model_dump(mode="json") for record in records])
    write_cut_sheets(request.folder, pictures, records, cuts)
    by_class = sources_by_class(records, pictures, cuts, long_mm)
    names, missing = _names(request, dataset, pictures, by_class)
    none_index = names.index(request.none_class) if request.none_class is not None else None
    path = write_composed(
        request.folder,
        request.plan,
        _renumbered(by_class, dataset, names),
        backgrounds,
        class_names=names,
        none_index=none_index,
        on_progress=lambda done: on_progress("composing", done, request.plan.images),
    )
    composed = read_dataset(path)
    write_composed_sheet(request.folder / SHEET, composed)
    return Outcome(composed, tuple(records), others, missing, renamed)


def _named_for_packages(
    request: Request, dataset: Dataset, pictures: Sequence[ProductPicture]
) -> tuple[Request, Dataset, dict[str, str]]:
    """Renames classes that a package cannot have, before any work; returns them, old and new."""
    shown = sorted({picture.label for picture in pictures})
    wanted = dict.fromkeys(dataset.class_names[label] for label in shown)
    if request.none_class is not None:
        wanted[request.none_class] = None
    names = model_names(wanted, request.products)
    renamed = {old: new for old, new in names.items() if old != new}
    if not renamed:
        return request, dataset, renamed
    class_names = tuple(names.get(name, name) for name in dataset.class_names)
    none_class = None if request.none_class is None else names[request.none_class]
    return (
        replace(request, none_class=none_class),
        replace(dataset, class_names=class_names),
        renamed,
    )


def _names(
    request: Request,
    dataset: Dataset,
    pictures: Sequence[ProductPicture],
    by_class: dict[int, list[Source]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the classes of the composed dataset, and those that no cut-out is left of."""
    wanted = sorted({picture.label for picture in pictures})
    missing = tuple(dataset.class_names[label] for label in wanted if label not in by_class)
    if not by_class or (missing and not request.leave_out):
        raise InputError(
            f"no picture could be cut for {', '.join(missing[:10])}",
            f"see {request.folder / 'left-out.jpg'} for why; take new pictures"
            + (", or go on without these classes with --leave-out" if by_class else ""),
            file=request.products,
        )
    names = tuple(dataset.class_names[label] for label in wanted if label in by_class)
    if request.none_class is not None and request.none_class not in names:
        names += (request.none_class,)
    return names, missing


def _renumbered(
    by_class: dict[int, list[Source]], dataset: Dataset, names: Sequence[str]
) -> list[list[Source]]:
    """Gives cut-outs the class indices of the composed dataset."""
    groups = []
    for label in sorted(by_class):
        index = names.index(dataset.class_names[label])
        groups.append([replace(source, label=index) for source in by_class[label]])
    return groups


def _open_backgrounds(request: Request) -> Backgrounds:
    plan = request.plan
    sources: list[Backgrounds] = []
    for name in request.backgrounds:
        if name == SIMULATED:
            sources.append(Rendered(plan.width_px, plan.height_px, plan.seed, plan.thing_share))
        elif name == DRAWN:
            sources.append(Drawn(plan.width_px, plan.height_px))
        else:
            sources.append(Photographs(Path(name), plan.width_px, plan.height_px))
    return sources[0] if len(sources) == 1 else Mixed(sources)


def _sizes(request: Request) -> dict[str, float]:
    """Reads the longer side of each class from the catalogue; of several products, the mean."""
    if request.catalogue is None:
        return {}
    if request.plan.view_mm is None and set(request.backgrounds) != {SIMULATED}:
        raise InputError(
            "sizes of products need the scale of the backgrounds",
            "say with --scale-mm how many mm the picture's width shows",
            file=request.catalogue,
        )
    sides: dict[str, list[float]] = {}
    for product in read_catalogue(request.catalogue).products:
        known = [side for side in (product.length_mm, product.width_mm) if side is not None]
        if known:
            sides.setdefault(product.class_name, []).append(max(known))
    return {name: float(np.mean(values)) for name, values in sides.items()}


def _read_picture(path: Path) -> NDArray[np.uint8]:
    picture = decode_image(read_bytes(path, limit=MAX_IMAGE_BYTES))
    if picture is None:
        raise InputError("not a readable image", "give a picture of the empty surface", file=path)
    return picture


def _identity(
    request: Request,
    dataset: Dataset,
    backgrounds: Backgrounds,
    long_mm: dict[str, float],
    empty_bgr: NDArray[np.uint8] | None,
    *,
    renamed: Mapping[str, str],
) -> str:
    """Names all that a picture depends on: who starts again in the same folder wants the same."""
    empty = "" if empty_bgr is None else sha256_of(empty_bgr.tobytes())
    parts = (
        dataset.sha256,
        request.plan.identity,
        backgrounds.identity,
        sorted(request.scenes),
        sorted(request.class_names),
        sorted(long_mm.items()),
        request.none_class,
        empty,
        *sorted(renamed.items()),
    )
    return "\n".join(map(str, parts)) + "\n"
