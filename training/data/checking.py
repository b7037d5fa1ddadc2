"""Makes sure, before a run begins, that every image can be read; large ones are kept scaled.

What was found readable is noted, so that a start after a crash does not look again.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from beltmark.contract.documents import writing
from beltmark.datasets.dataset import LabelledImage
from training.data.disk_cache import DiskCache
from training.data.pictures import identity, load_picture

CHUNK = 256
THREADS = 4
KEY_DIGITS = 24


def check_images(
    images: Sequence[LabelledImage],
    *,
    longest_px: int | None = None,
    cache: DiskCache | None = None,
    notes: Path | None = None,
) -> None:
    """Reads every image once.

    Args:
        images: To look at.
        longest_px: What the longer side of a picture may have; see `load_picture`.
        cache: Keeps pictures that are larger.
        notes: A file of the images that were readable; such are not read again.

    Raises:
        InputError: An image is missing, unreadable or of another size than the dataset says.
    """
    known = _read(notes)
    console = Console(stderr=True)
    with (
        ThreadPoolExecutor(THREADS) as pool,
        Progress(console=console, disable=not console.is_terminal, transient=True) as progress,
    ):

        def look(image: LabelledImage) -> str | None:
            key = identity(image, longest_px)[:KEY_DIGITS]
            if key in known:
                return None
            load_picture(image, longest_px, cache)
            return key

        bar = progress.add_task("reading images", total=len(images))
        for chunk in _chunks(images):
            seen = [key for key in pool.map(look, chunk) if key is not None]
            _note(notes, seen)
            progress.advance(bar, len(chunk))


def _chunks(images: Sequence[LabelledImage]) -> Iterator[Sequence[LabelledImage]]:
    for start in range(0, len(images), CHUNK):
        yield images[start : start + CHUNK]


def _read(notes: Path | None) -> set[str]:
    if notes is None or not notes.is_file():
        return set()
    # The last line may be torn: it is no key then, or one that nobody asks for.
    return {line for line in notes.read_text().splitlines() if len(line) == KEY_DIGITS}


def _note(notes: Path | None, keys: Sequence[str]) -> None:
    if notes is None or not keys:
        return
    notes.parent.mkdir(parents=True, exist_ok=True)
    with writing(notes), notes.open("a") as file:
        file.write("\n" + "\n".join(keys) + "\n")
