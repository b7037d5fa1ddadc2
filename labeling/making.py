"""Makes tasks of images: uploads their files, then makes the tasks, some at a time.

What is on the server decides what is still to do. An image becomes a task once, by its digest; a
file is uploaded before its task is made, and found again if that did not come about. Which images,
and what their tasks hold, is left to `push`, `importing` and `review`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from beltmark.contract.documents import read_bytes, sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.images import MAX_IMAGE_BYTES
from beltmark.datasets.label_studio import memory
from labeling.projects import every_task
from labeling.samples import DIGEST_FIELD, Sample
from labeling.studio.port import Studio

BATCH = 50
"""Tasks that are made at once: about a second's work, which is all that an interruption loses."""

UPLOAD_BYTES = 32 * 1024 * 1024
"""Files that are uploaded at once; Label Studio takes 250 MiB, servers before it often less."""


@dataclass
class There:
    """What a project has.

    Attributes:
        digests: Of the images that are tasks.
        names: Their file names.
        newest: The highest number of its tasks; 0 without any.
    """

    digests: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    newest: int = 0


def tasks_there(studio: Studio, project: int) -> There:
    """Returns what a project has."""
    there = There()
    for page in every_task(studio, project):
        for task in page:
            there.digests.add(str(task["data"].get(DIGEST_FIELD, "")))
            there.names.update(_file_name(task["data"]))
            there.newest = task["id"]
    return there


def make_tasks(
    studio: Studio,
    project: int,
    samples: Sequence[Sample],
    build: Callable[[Sample, str], Mapping[str, Any]],
    *,
    there: There,
    problems: list[str],
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Makes the tasks of samples, in their order.

    Args:
        studio: Where.
        project: In which project.
        samples: Of different digests, none of which is a task yet.
        build: Returns the task of a sample, given the address of its file.
        there: What the project had before.
        problems: Is told of images that have gone or changed since they were looked at.
        advance: Is told how many more are done.

    Returns:
        How many were made.

    Raises:
        InputError: The server does not answer; what was made stays.
    """
    uploads = studio.uploads(project) if samples else {}
    made = 0
    for start in range(0, len(samples), BATCH):
        batch = samples[start : start + BATCH]
        files = _read(batch, problems)
        missing = {name: content for name, content in files.items() if name not in uploads}
        for group in upload_groups(missing):
            uploads |= studio.upload(project, group)
        tasks = [
            build(sample, uploads[sample.upload_name])
            for sample in batch
            if sample.upload_name in files
        ]
        if tasks:
            studio.add_tasks(project, tasks)
        made += len(tasks)
        advance(len(batch))
    if made:
        _drop_twins(studio, project, {sample.digest for sample in samples}, there.newest)
    return made


def _drop_twins(studio: Studio, project: int, digests: Set[str], after: int) -> None:
    """Removes what another made of the same images meanwhile: Label Studio lets two tasks be alike.

    Of an image the first task stays, and each that somebody has answered. Whoever is done last sees
    all of them, and all who look decide the same.
    """
    found: dict[str, list[int]] = {}
    for page in every_task(studio, project, after=after):
        for task in page:
            digest = str(task["data"].get(DIGEST_FIELD, ""))
            if digest in digests:
                found.setdefault(digest, []).append(task["id"])
    for ids in found.values():
        if len(ids) > 1:
            kept = [each for each in ids if _is_answered(studio, project, each)] or ids[:1]
            for each in ids:
                if each not in kept:
                    studio.remove_task(each)


def _is_answered(studio: Studio, project: int, task: int) -> bool:
    """Whether it has an annotation; one that is gone has none to lose."""
    rows = studio.tasks(project, after=task - 1, limit=1, with_answers=True)
    return any(row["id"] == task and row["annotations"] for row in rows)


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


def _read(samples: Sequence[Sample], problems: list[str]) -> dict[str, bytes]:
    """Reads files again, by what they are called on the server; what has changed is told."""
    files: dict[str, bytes] = {}
    for sample in samples:
        path = sample.image.path
        try:
            content = read_bytes(path, limit=MAX_IMAGE_BYTES)
            if sha256_of(content) != sample.digest:
                raise InputError("was changed meanwhile", "push it again", file=path)
            files[sample.upload_name] = content
        except InputError as error:
            problems.append(f"{error}: left out")
    return files


def _file_name(data: Mapping[str, Any]) -> Iterator[str]:
    kept = data.get(memory.FIELD)
    if isinstance(kept, dict) and isinstance(kept.get("image"), dict):
        yield str(kept["image"].get("file_name", ""))
