"""A bar for work that takes longer than a moment; only for terminals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

ThingT = TypeVar("ThingT")


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[str], None]]:
    """Shows how many of `total` are done; gives what to call after each, with what it was."""
    with bar() as progress:
        task = progress.add_task(what, total=total, told="")
        yield lambda told: progress.update(task, advance=1, told=told)


@contextmanager
def by_steps() -> Iterator[Callable[[str, int, int], None]]:
    """Shows how far it is; gives what to call with what is being done, how much is, and of what."""
    with bar() as progress:
        task = progress.add_task("reading", total=None, told="")
        yield lambda what, done, total: progress.update(
            task, description=what, completed=done, total=total
        )


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how far it is, and goes when it ends; gives what to call with done and total."""
    with bar(transient=True) as progress:
        task = progress.add_task(what, total=None, told="")
        yield lambda done, total: progress.update(task, completed=done, total=total)


def bar(*, transient: bool = False) -> "Progress":
    """Returns a bar for terminals, whose tasks have a field `told`; elsewhere it shows nothing."""
    from rich.console import Console  # noqa: PLC0415 - asking for help stays quick
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}", markup=False),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )


def going_through(things: Sequence[ThingT], told: str) -> Iterable[ThingT]:
    """Goes through things in their order and shows how far it is, under a heading."""
    from rich.console import Console  # noqa: PLC0415 - asking for help stays quick
    from rich.progress import track  # noqa: PLC0415

    console = Console(stderr=True)
    return track(things, told, console=console, transient=True, disable=not console.is_terminal)
