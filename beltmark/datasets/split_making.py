"""Makes a split of a dataset: what it is drawn from, and what of an earlier one stays.

Pure. Grouping is left to `split_groups`, the draw to `split_draw`, the file to `split_file`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.split_draw import newest_last, stratify
from beltmark.datasets.split_file import (
    TEST,
    TRAIN,
    VALIDATION,
    SplitDocument,
    SplitFile,
    SplitPart,
    SplitSettings,
    part_of_image,
    torn,
)
from beltmark.datasets.split_groups import (
    TIME,
    Group,
    Grouping,
    captured_at,
    group_images,
    image_key,
)


def part_shares(shares: Sequence[float]) -> dict[str, float]:
    """Names the parts for two shares (train, test) or three (train, validation, test).

    Raises:
        InputError: Another number of shares, or they are not all positive and together 1.
    """
    names = {2: (TRAIN, TEST), 3: (TRAIN, VALIDATION, TEST)}.get(len(shares))
    if names is None or not (min(shares) > 0 and abs(sum(shares) - 1) <= 1e-6):  # nan is neither
        raise InputError(
            f"shares {', '.join(f'{share:g}' for share in shares)} make no split",
            "give two (train, test) or three (train, validation, test), together 1",
        )
    return dict(zip(names, shares, strict=True))


def fold_shares(folds: int) -> dict[str, float]:
    """Names the parts for k folds of equal share."""
    return {f"fold-{index}": 1 / folds for index in range(folds)}


def make_split(
    dataset: Dataset,
    shares: Mapping[str, float],
    *,
    by: Sequence[str],
    items: bool,
    seed: int,
    fixed: SplitFile | None = None,
    alike: Sequence[tuple[int, int]] = (),
) -> tuple[SplitDocument, Grouping]:
    """Draws a split: groups stay whole, every part is as like the whole as groups allow.

    Grouped by `time`, the newest groups are the last part, and classes fall as they come.

    Args:
        dataset: What to split.
        shares: By part's name.
        by: What images of one group share; see `group_images`.
        items: Keep images of one item together too.
        seed: Of the draw.
        fixed: An earlier split of a dataset that grew: what it names stays where it is.
        alike: Pairs of images, by index, that stay together for what they look like.

    Raises:
        InputError: Too few groups, an unknown attribute, or images came that would join groups of
            different parts of the earlier split.
    """
    grouping = group_images(dataset, by, items=items, alike=alike)
    names = list(shares)
    if len(grouping.groups) < len(names):
        raise InputError(
            f"its images make only {len(grouping.groups)} groups by {_and(by, items=items)}, "
            f"too few for {len(names)} parts",
            "group by less, let items repeat, or ask for fewer parts",
            file=dataset.path,
        )
    keys = [image_key(dataset, image) for image in dataset.images]
    given = _given_parts(grouping.groups, keys, names, fixed)
    asked = list(shares.values())
    if TIME in by:
        times = [_newest(dataset, group) for group in grouping.groups]
        sizes = [len(group.images) for group in grouping.groups]
        parts = newest_last(times, sizes, asked, given)
    else:
        group_keys = [group.key for group in grouping.groups]
        counts = group_counts(dataset, grouping.groups)
        parts = stratify(counts, asked, group_keys, seed, given)
    document = SplitDocument(
        dataset=dataset.path.name,
        dataset_sha256=dataset.sha256,
        settings=SplitSettings(
            by=tuple(by),
            items=items,
            seed=seed,
            fixed_sha256=fixed.sha256 if fixed else None,
        ),
        parts=tuple(
            SplitPart(
                name=name,
                share=share,
                groups={
                    group.key: tuple(dict.fromkeys(keys[index] for index in group.images))
                    for group, of in zip(grouping.groups, parts, strict=True)
                    if of == number
                },
            )
            for number, (name, share) in enumerate(shares.items())
        ),
    )
    return document, grouping


def group_counts(dataset: Dataset, groups: Sequence[Group]) -> NDArray[np.float64]:
    """Returns what is to be shared out evenly: float64 [G, classes + 2].

    Objects (or whole images) of each class, then images without any, then all images.
    """
    counts = np.zeros((len(groups), len(dataset.class_names) + 2))
    for row, group in enumerate(groups):
        for index in group.images:
            image = dataset.images[index]
            labels = [item.class_index for item in image.objects]
            if image.class_index is not None:
                labels.append(image.class_index)
            for label in labels or [-2]:
                counts[row, label] += 1
            counts[row, -1] += 1
    return counts


def _given_parts(
    groups: Sequence[Group], keys: Sequence[str], names: Sequence[str], fixed: SplitFile | None
) -> list[int | None]:
    """Returns the part of each group in an earlier split, as an index; None where it is new."""
    if fixed is None:
        return [None] * len(groups)
    earlier = [part.name for part in fixed.document.parts]
    if set(earlier) - set(names):
        raise InputError(
            f"has parts {', '.join(earlier)}, but {', '.join(names)} are asked for",
            "ask for the same parts",
            file=fixed.path,
        )
    part_of = part_of_image(fixed.document)
    given: list[int | None] = []
    for group in groups:
        seen: dict[str, str] = {}
        for index in group.images:
            if keys[index] in part_of:
                seen.setdefault(part_of[keys[index]], keys[index])
        if len(seen) > 1:
            mend = "leave out the new images that join them, or draw without --fixed"
            raise torn(group, seen, fixed.path, mend)
        given.append(names.index(next(iter(seen))) if seen else None)
    return given


def _newest(dataset: Dataset, group: Group) -> float | None:
    moments = [captured_at(dataset, dataset.images[index]) for index in group.images]
    return max((moment.timestamp() for moment in moments if moment is not None), default=None)


def _and(by: Sequence[str], *, items: bool) -> str:
    return " and ".join(dict.fromkeys((*by, "item") if items else by))
