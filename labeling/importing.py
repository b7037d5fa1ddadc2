"""Makes tasks of a dataset that has its boxes already: as a person's answers, or to be checked.

Like a push it is gone on with by running it again; see `making`. The boxes come back through a pull
as they went: what pixels and percent differ by is stored beside each region (`exporting`).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from beltmark.contract.errors import InputError
from beltmark.datasets.coco_writing import coco_document
from beltmark.datasets.dataset import Dataset, LabelledImage
from labeling.exporting import WHOLE_IMAGE, Kind, regions_of
from labeling.making import make_tasks, tasks_there
from labeling.samples import Sample, decode_sample, sample_of, task_data
from labeling.studio.port import Studio

CHOSEN: Final = "imported"

As = Literal["annotations", "starred", "predictions"]
"""What boxes become: one person's answers, answers that settle their tasks, or a model's."""


@dataclass
class Imported:
    """What came of an import.

    Attributes:
        there: How many of the images were tasks before.
        made: How many tasks were made.
        boxes: How many boxes they have.
        repeated: How many images are files that came before in the dataset.
        problems: Images that can't be tasks, and why.
    """

    there: int = 0
    made: int = 0
    boxes: int = 0
    repeated: int = 0
    problems: list[str] = field(default_factory=list)


def used_classes(dataset: Dataset) -> list[str]:
    """Returns the classes that something in a dataset is of, in the dataset's order."""
    used = {each.class_index for image in dataset.images for each in image.objects}
    used |= {image.class_index for image in dataset.images if image.class_index is not None}
    return [name for index, name in enumerate(dataset.class_names) if index in used]


def check_known(dataset: Dataset, class_names: Collection[str]) -> None:
    """Makes sure that a project has the classes that a dataset uses.

    Raises:
        InputError: It lacks one.
    """
    missing = [name for name in used_classes(dataset) if name not in class_names]
    if missing:
        told = ", ".join(f"{name!r:.80}" for name in missing[:10])
        raise InputError(
            f"classes that the project does not have: {told}",
            "give --add-classes, or add them with `beltmark-label project`",
            file=dataset.path,
        )


def import_dataset(
    studio: Studio,
    project: int,
    dataset: Dataset,
    kind: As,
    *,
    advance: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Makes tasks of a dataset's images, with their boxes.

    Args:
        studio: Where.
        project: In which project; it has the dataset's classes.
        dataset: What to import.
        kind: What its boxes become.
        advance: Is told how many images more were looked at, or made.

    Raises:
        InputError: The server does not answer; what was made stays.
    """
    imported = Imported()
    there = tasks_there(studio, project)
    samples: dict[str, Sample] = {}
    for image in dataset.images:
        try:
            sample, content = sample_of(image, dataset)
            if sample.digest in there.digests:
                imported.there += 1
            elif sample.digest in samples:
                imported.repeated += 1
            else:
                decode_sample(content, image)
                samples[sample.digest] = sample
        except InputError as error:
            imported.problems.append(f"{error}: left out")
        advance(1)

    def build(sample: Sample, address: str) -> dict[str, Any]:
        task = answered_task(sample, address, dataset, kind, there.names)
        there.names.add(sample.file_name)
        imported.boxes += len(sample.image.objects)
        return task

    imported.made = make_tasks(
        studio,
        project,
        list(samples.values()),
        build,
        there=there,
        problems=imported.problems,
        advance=advance,
    )
    return imported


def version_of(dataset: Dataset) -> str:
    """Returns whose predictions a dataset's boxes are said to be."""
    return f"{dataset.format} {dataset.sha256[:12]}"


def answered_task(
    sample: Sample, address: str, dataset: Dataset, kind: As, taken_names: Collection[str]
) -> dict[str, Any]:
    """Returns the task of a sample, with the boxes that its dataset has for it."""
    data = task_data(sample, address, CHOSEN, taken_names)
    if kind == "predictions":
        version = version_of(dataset)
        result = regions(sample.image, dataset, "predictions")
        return {"data": data, "predictions": [{"model_version": version, "result": result}]}
    # Unless told otherwise Label Studio stars whatever is imported.
    result = regions(sample.image, dataset, "annotations")
    return {"data": data, "annotations": [{"result": result, "ground_truth": kind == "starred"}]}


def regions(image: LabelledImage, dataset: Dataset, kind: Kind) -> list[dict[str, Any]]:
    """Returns an image's boxes, its regions in which nothing is judged, and its class as a whole.

    The last becomes a box around the image, which is what a classifier's answer is too.
    """
    document = coco_document(replace(dataset, images=(image,)), [image.path.name])
    names = {row["id"]: row["name"] for row in document["categories"]}
    (row,), annotations = document["images"], document["annotations"]
    if "category_id" in row:
        annotations.append(
            {
                "id": len(annotations) + 1,
                "category_id": row["category_id"],
                "bbox": [0, 0, image.width_px, image.height_px],
                WHOLE_IMAGE: True,
            }
        )
    # What rows have at rest need not travel with each box.
    kept = [{k: v for k, v in each.items() if v is not False} for each in annotations]
    return regions_of(row, kept, names, kind)
