"""Makes tasks of images: the most useful first, with the champion's boxes to correct.

What is on the server decides what is still to do: a push that was killed, or was run on another
machine, is gone on with by running it again. An image becomes a task once, by its digest; a file is
uploaded before its task is made, and found again if that did not come about.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.label_studio import memory
from labeling.projects import every_task
from labeling.samples import DIGEST_FIELD, Sample, Seen, decode_sample, sample_of, task_of
from labeling.selection import Candidate, Choice, Reason, choose
from labeling.studio.port import Studio

BATCH = 50
"""Tasks that are made at once: about a second's work, which is all that an interruption loses."""

UPLOAD_BYTES = 32 * 1024 * 1024
"""Files that are uploaded at once; Label Studio takes 250 MiB, servers before it often less."""


class Eyes(Protocol):
    """A model that looks at images; see `Champion`."""

    def look(self, image_bgr: NDArray[np.uint8]) -> Seen:
        """Looks at one image, uint8 [H, W, 3] 0..255 BGR."""
        ...


@dataclass(frozen=True)
class PushPlan:
    """What to push.

    Attributes:
        budget: At most so many new tasks.
        random_share: Part of them that is drawn at random.
        seed: Of the draw.
        reason: Why all of the images are worth it; then the first ones are chosen, in their order.
    """

    budget: int
    random_share: float = 0.2
    seed: int = 0
    reason: Reason | None = None


@dataclass
class Pushed:
    """What came of it.

    Attributes:
        there: How many of the images were tasks before.
        made: How many tasks were made.
        waiting: How many images are left for another time.
        problems: Images that can't be tasks, and why.
    """

    there: int = 0
    made: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)


def push(
    studio: Studio,
    project: int,
    dataset: Dataset,
    plan: PushPlan,
    *,
    eyes: Eyes | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Pushed:
    """Makes tasks of a dataset's images.

    Args:
        studio: Where.
        project: In which project.
        dataset: Whose images; what it says of them is not shown to people.
        plan: How many.
        eyes: The champion; without it all are drawn at random and nothing is predicted.
        advance: Is told how many images more were looked at.

    Raises:
        InputError: The server does not answer; what was made stays.
    """
    pushed = Pushed()
    there, names = _tasks_there(studio, project)
    samples: dict[str, Sample] = {}
    seen: dict[str, Seen | None] = {}
    for image in dataset.images:
        try:
            sample, content = sample_of(image, dataset)
            if sample.digest in there:
                pushed.there += 1
            elif sample.digest not in samples:
                decoded = decode_sample(content, image)
                seen[sample.digest] = eyes.look(decoded) if eyes else None
                samples[sample.digest] = sample
        except InputError as error:
            pushed.problems.append(f"{error}: left out")
        advance(1)
    choices = _choose(seen, plan)
    pushed.waiting = len(samples) - len(choices)
    uploads = studio.uploads(project) if choices else {}
    for start in range(0, len(choices), BATCH):
        batch = choices[start : start + BATCH]
        files = _read(dataset, [samples[each.digest] for each in batch], pushed)
        missing = {name: content for name, content in files.items() if name not in uploads}
        for group in upload_groups(missing):
            uploads |= studio.upload(project, group)
        tasks = []
        for choice in batch:
            sample, look = samples[choice.digest], seen[choice.digest]
            if sample.upload_name in files:
                address = uploads[sample.upload_name]
                tasks.append(task_of(sample, address, choice.reason, look, names))
                names.add(sample.file_name)
        if tasks:
            studio.add_tasks(project, tasks)
        pushed.made += len(tasks)
    return pushed


def _choose(seen: Mapping[str, Seen | None], plan: PushPlan) -> list[Choice]:
    if plan.reason is not None:
        return [Choice(digest, plan.reason) for digest in seen][: plan.budget]
    candidates = [Candidate(digest, e.uncertainty if e else None) for digest, e in seen.items()]
    return choose(candidates, plan.budget, plan.random_share, plan.seed)


def _read(dataset: Dataset, samples: Sequence[Sample], pushed: Pushed) -> dict[str, bytes]:
    """Reads files again, by what they are called on the server; what has changed is told."""
    files: dict[str, bytes] = {}
    for sample in samples:
        try:
            now, content = sample_of(sample.image, dataset)
            if now.digest != sample.digest:
                raise InputError("was changed meanwhile", "push it again", file=sample.image.path)
            files[sample.upload_name] = content
        except InputError as error:
            pushed.problems.append(f"{error}: left out")
    return files


def upload_groups(
    files: Mapping[str, bytes], limit: int = UPLOAD_BYTES
) -> Iterator[dict[str, bytes]]:
    """Gives files in groups that one request may carry."""
    group: dict[str, bytes] = {}
    for name, content in files.items():
        if group and sum(map(len, group.values())) + len(content) > limit:
            yield group
            group = {}
        group[name] = content
    if group:
        yield group


def _tasks_there(studio: Studio, project: int) -> tuple[set[str], set[str]]:
    """Returns the digests and the file names of the images that are tasks."""
    digests: set[str] = set()
    names: set[str] = set()
    for page in every_task(studio, project):
        for task in page:
            digests.add(str(task["data"].get(DIGEST_FIELD, "")))
            names.update(_file_name(task["data"]))
    return digests, names


def _file_name(data: dict[str, Any]) -> Iterator[str]:
    kept = data.get(memory.FIELD)
    if isinstance(kept, dict) and isinstance(kept.get("image"), dict):
        yield str(kept["image"].get("file_name", ""))
