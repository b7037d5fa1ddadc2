"""The images of settled tasks, in the folder of a pull: fetched once, and the very ones pushed."""

from pathlib import Path

from beltmark.contract.documents import read_bytes, sha256_of, write_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.images import MAX_IMAGE_BYTES
from beltmark.datasets.label_studio import memory
from beltmark.datasets.label_studio.addresses import file_name_of, is_within
from beltmark.datasets.label_studio.words import IMAGE
from labeling.samples import DIGEST_FIELD
from labeling.settling import Settled
from labeling.studio.port import Studio


def ensure_image(studio: Studio, settled: Settled, folder: Path, where: Path) -> str:
    """Makes sure that a task's image lies in the folder; returns its file name there.

    Raises:
        InputError: The server has it no more, or has another one.
    """
    task = settled.task
    data, row = task.data, memory.image_of(task, where)
    address = str(data.get(IMAGE, ""))
    name = row["file_name"] if row else file_name_of(address, "")
    if not is_within(name):
        raise InputError(
            f"{name!r:.80} is no file name", "push the image again", file=where,
            field=task.name,
        )  # fmt: skip
    digest, path = data.get(DIGEST_FIELD), folder / name
    if path.is_file() and (
        digest is None or sha256_of(read_bytes(path, limit=MAX_IMAGE_BYTES)) == digest
    ):
        return name
    if not address.startswith(("/data/", f"{studio.address}/data/")):
        raise InputError(
            f"its image lies elsewhere: {address!r:.120}", "push it with `beltmark-label push`",
            file=where, field=task.name,
        )  # fmt: skip
    content = studio.file(address)
    if content is None:
        raise InputError(
            "its image is gone from the server", "restore it there, or delete the task",
            file=where, field=task.name,
        )  # fmt: skip
    if digest is not None and sha256_of(content) != digest:
        raise InputError(
            "its image is not the one that was pushed", "push it again and label it anew",
            file=where, field=task.name,
        )  # fmt: skip
    write_bytes(path, content)
    return name
