"""What a snapshot's lineage states of its data, in the words of the data card."""

from collections.abc import Iterable
from pathlib import Path

from beltmark.datasets.snapshots.describing import lineage
from beltmark.datasets.snapshots.opening import find_snapshot, is_snapshot

MOST = 20


def stated_of(path: Path) -> dict[str, str]:
    """Returns what is stated, by the data card's names; nothing of a dataset that is no snapshot.

    Raises:
        InputError: The snapshot is damaged.
    """
    if not is_snapshot(path):
        return {}
    snapshot = find_snapshot(path)
    sources = list(snapshot.manifest.sources.values())
    derivations = [
        one for each in lineage(snapshot.store, snapshot.digest) for one in each.derivations
    ]
    found = {
        "sources": _joined(f"{source.path} ({source.format})" for source in sources),
        "licence": _stated(source.licence for source in sources),
        "consent": _stated(source.consent for source in sources),
        "retention": _stated(
            f"until {source.retain_until}" if source.retain_until else None for source in sources
        ),
        "annotators": _joined(name for source in sources for name in source.annotators),
        "made_with": _joined(
            f"{name} {told}" for one in derivations for name, told in one.tools.items()
        ),
        "parents": _joined(
            f"{one.action} by {one.by} at {one.at:%Y-%m-%d}: {one.snapshot[:12]}"
            for one in derivations
        ),
    }
    return {name: text for name, text in found.items() if text}


def _stated(texts: Iterable[str | None]) -> str:
    """Joins what is stated, and says of how many sources it is not; nothing if it is of none."""
    told = list(texts)
    missing = sum(text is None for text in told)
    known = _joined(text for text in told if text is not None)
    return f"{known}; not stated of {missing} sources" if known and missing else known


def _joined(texts: Iterable[str]) -> str:
    told = list(dict.fromkeys(texts))
    more = f" and {len(told) - MOST} more" if len(told) > MOST else ""
    return "; ".join(told[:MOST]) + more
