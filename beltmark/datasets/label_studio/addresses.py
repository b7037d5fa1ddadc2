"""Where Label Studio finds a dataset's image, and which file an address in its export means."""

from pathlib import PurePosixPath
from urllib.parse import parse_qs, quote, unquote, urlsplit

_LOCAL_FILES = "/data/local-files/"
"""Label Studio serves a folder of its machine here; the file is the parameter `d`."""


def address_of(file_name: str, prefix: str) -> str:
    """Returns the address of an image.

    Args:
        file_name: Below the dataset's folder.
        prefix: What goes before it, such as `https://host/belt` or `/data/local-files/?d=belt/`;
            empty for the bare name.
    """
    if not prefix:
        return file_name
    joint = "" if prefix.endswith(("/", "=")) else "/"
    return f"{prefix}{joint}{quote(file_name)}"


def file_name_of(address: str, prefix: str) -> str:
    """Returns the file name of an image below the dataset's folder.

    Args:
        address: As the task says.
        prefix: What is before the name; where the address does not begin with it, the name is the
            address's last part.
    """
    if prefix and address.startswith(prefix):
        return unquote(address.removeprefix(prefix).lstrip("/"))
    parts = urlsplit(address)
    path = unquote(parts.path)
    if path.endswith(_LOCAL_FILES):
        path = parse_qs(parts.query).get("d", [""])[0]
    return path.rsplit("/", 1)[-1]


def is_within(file_name: str) -> bool:
    """Whether a file name leads to a file below its folder, and nowhere else."""
    path = PurePosixPath(file_name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in file_name
        and file_name.isprintable()
    )
