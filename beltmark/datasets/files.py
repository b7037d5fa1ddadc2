"""Which files lie below a dataset's folder: each folder is listed once, no file is asked for alone.

Names come from annotation files, which came from somewhere: whatever leads out of the folder, by
its name or by a link, is refused. What the files hold is left to others.
"""

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from beltmark.contract.errors import InputError

IMAGE_SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"}
)
MAX_FILES: Final = 5_000_000
_MAX_DEPTH = 32
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class _Listing:
    """A folder's content: plain files, folders, and links that lead out of the dataset."""

    files: frozenset[str] = frozenset()
    folders: tuple[str, ...] = ()
    leading_out: frozenset[str] = frozenset()


class DatasetFiles:
    """The files below a folder.

    Names are relative to it, with `/` between their parts.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real_root = os.path.realpath(root)
        self._listings: dict[str, _Listing] = {}

    def has(self, name: str) -> bool:
        """Whether there is such a file; `name` is as `clean_name` returns it."""
        folder, _, base = name.rpartition("/")
        return base in self._listed(folder).files

    def path_of(self, given: str, file: Path, where: str | None) -> Path:
        """Returns the file that an annotation file names.

        Args:
            given: The name as it was given; Windows' `\\` is taken for `/`.
            file: The annotation file, for messages.
            where: The field or line of it, for messages.

        Raises:
            InputError: It leads out of the folder, or is not there.
        """
        name = clean_name(given)
        if name is None:
            raise InputError(
                f"{given!r:.200} leads out of the dataset",
                f"give a path below {self.root}",
                file=file,
                field=where,
            )
        if not self.has(name):
            raise self._missing(name, file, where)
        return self.root / name

    def below(self, folder: str = "") -> Iterator[str]:
        """Returns the names of all files below a folder, sorted folder by folder.

        Hidden files and folders are passed over.

        Raises:
            InputError: Too many files, too deep, or a link that leads out of the dataset.
        """
        count = 0
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            listing = self._listed(current)
            if listing.leading_out:
                raise self._leads_out(_join(current, min(listing.leading_out)))
            if current.count("/") > _MAX_DEPTH:
                raise InputError("is too deep", "flatten the folders", file=self.root / current)
            for name in sorted(listing.files):
                if not name.isprintable():
                    raise InputError(
                        f"the file {name!r:.200} has a name that is no text",
                        "rename it",
                        file=self.root / current,
                    )
                if not name.startswith("."):
                    count += 1
                    yield _join(current, name)
            if count > MAX_FILES:
                raise InputError(
                    f"more than {MAX_FILES} files", "is this the right folder?", file=self.root
                )
            waiting += [
                _join(current, name)
                for name in reversed(listing.folders)
                if not name.startswith(".")
            ]

    def folders(self, folder: str = "") -> tuple[str, ...]:
        """Returns the names of the folders in a folder, sorted; hidden ones are passed over."""
        return tuple(name for name in self._listed(folder).folders if not name.startswith("."))

    def files(self, folder: str = "") -> tuple[str, ...]:
        """Returns the names of the files in a folder, sorted; hidden ones are passed over."""
        return tuple(sorted(n for n in self._listed(folder).files if not n.startswith(".")))

    def images(self, folder: str = "") -> tuple[str, ...]:
        """Returns the names of the images in a folder, sorted."""
        return tuple(_join(folder, name) for name in self.files(folder) if is_image(name))

    def _listed(self, folder: str) -> _Listing:
        """Lists a folder, once; one that isn't there, or that a link leads out to, is empty."""
        known = self._listings.get(folder)
        if known is None:
            known = self._listings[folder] = self._list(folder)
        return known

    def _list(self, folder: str) -> _Listing:
        path = os.path.join(self.root, folder)
        if folder and not self._is_inside(path):
            return _Listing()
        files, folders, out = set(), [], set()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_symlink() and not self._is_inside(entry.path):
                        out.add(entry.name)
                    elif entry.is_file():
                        files.add(entry.name)
                    elif entry.is_dir(follow_symlinks=False):  # no file is found in two ways
                        folders.append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return _Listing()
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return _Listing()
            raise InputError(
                f"cannot be read: {error.strerror}", "check its permissions", file=path
            ) from None
        return _Listing(frozenset(files), tuple(sorted(folders)), frozenset(out))

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == self._real_root or real.startswith(self._real_root.rstrip("/") + "/")

    def _missing(self, name: str, file: Path, where: str | None) -> InputError:
        parts = name.split("/")
        for end in range(1, min(len(parts), _MAX_DEPTH) + 1):
            path = os.path.join(self.root, *parts[:end])
            if os.path.islink(path) and not self._is_inside(path):
                return InputError(
                    f"{'/'.join(parts[:end])!r:.200} is a link that leads out of the dataset",
                    "copy the file in its place",
                    file=file,
                    field=where,
                )
        return InputError(
            f"no such image: {self.root / name!s:.300}",
            "copy the image there, or remove its entry",
            file=file,
            field=where,
        )

    def _leads_out(self, name: str) -> InputError:
        return InputError(
            "is a link that leads out of the dataset",
            "copy the files in its place, or remove it",
            file=self.root / name,
        )


def clean_name(given: str) -> str | None:
    r"""Returns a file's name with `/` between its parts; None if it leads out of its folder.

    Windows' `\` and a leading `./` are mended; names that are absolute, go up or name a drive lead
    out, and so do those that are no text.
    """
    name = given.replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name) or not name.isprintable():
        return None
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if not parts or ".." in parts else "/".join(parts)


def is_image(name: str) -> bool:
    """Whether a file is an image, by the ending of its name."""
    _, dot, ending = name.rpartition(".")
    return bool(dot) and f".{ending.lower()}" in IMAGE_SUFFIXES


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
