"""Where it stands which tasks are gold: in files among the project's uploads; see `gold`."""

from collections.abc import Sequence
from pathlib import Path

from beltmark.contract.errors import InputError
from labeling.gold import REGISTER_PREFIX, GoldImage, read_register, register_of
from labeling.kept import Kept
from labeling.studio.port import Studio


def read_gold(studio: Studio, project: int) -> dict[str, GoldImage]:
    """Returns what is known to be in images of a project, by their digests.

    Raises:
        InputError: The server does not answer, or a register is damaged.
    """
    found: dict[str, GoldImage] = {}
    for name, address in sorted(studio.uploads(project).items()):
        if name.startswith(REGISTER_PREFIX):
            where, content = Path(studio.address + address), studio.file(address)
            if content is None:  # gold would be taken for other tasks
                raise InputError(
                    "a register of gold tasks is gone from the server",
                    "restore the file there, or delete that upload",
                    file=where,
                )
            found.update({each.sha256: each for each in read_register(content, where)})
    return found


def known_gold(studio: Studio, project: int, kept: Kept) -> dict[str, GoldImage]:
    """Returns what `read_gold` does, and asks the server only where there are new tasks.

    With many files it takes its time to list them.

    Raises:
        InputError: The server does not answer, or a register is damaged.
    """
    newest, told = str(kept.newest()), kept.note("gold")
    if told is not None and told.partition("\n")[0] == newest:
        images = read_register(told.partition("\n")[2].encode(), Path("the notes of the pull"))
        return {each.sha256: each for each in images}
    found = read_gold(studio, project)
    kept.set_note("gold", f"{newest}\n{register_of(found.values())[1].decode()}")
    return found


def keep_gold(studio: Studio, project: int, images: Sequence[GoldImage]) -> None:
    """Tells the project what is in images, before they become tasks."""
    name, content = register_of(images)
    if images and name not in studio.uploads(project):
        studio.upload(project, {name: content})
