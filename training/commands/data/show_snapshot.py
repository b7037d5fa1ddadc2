"""`beltmark-train data show`: tells what a snapshot holds and how it came to be."""

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from beltmark.datasets.snapshots.describing import (
    Ancestor,
    Description,
    SourceTold,
    describe,
)
from beltmark.datasets.snapshots.opening import find_snapshot
from training.commands.data.wording import SHORT, plain

_MOST_ANCESTORS: Final = 20


def show_snapshot(path: Path, as_json: bool) -> int:
    """Prints what a snapshot holds; returns the exit code.

    Raises:
        InputError: There is no such snapshot, or its store is damaged.
    """
    told = describe(find_snapshot(path), datetime.now(UTC).date())
    if as_json:
        print(json.dumps(_as_json(told)))
    else:
        print("\n".join(_lines(told)))
    return 0


def _lines(told: Description) -> list[str]:
    width = max((len(plain(name)) for name in told.classes), default=0)
    lines = [
        f"snapshot {told.digest}" + (f" ({', '.join(told.names)})" if told.names else ""),
        f"{told.images} images in {told.files} files, {told.size_bytes / 1e6:.1f} MB; "
        f"{told.boxes} boxes, {told.scenes} scenes",
        f"{len(told.classes)} classes",
        *(f"  {plain(name):{width}}  {count}" for name, count in told.classes.items()),
        "sources",
        *(f"  {_source(each)}" for each in told.sources),
        "lineage",
        *(line for each in told.lineage[:_MOST_ANCESTORS] for line in _ancestor(each)),
    ]
    if len(told.lineage) > _MOST_ANCESTORS:
        lines.append(f"  and {len(told.lineage) - _MOST_ANCESTORS} more (all with --json)")
    if told.past_retention:
        lines.append(
            f"PAST RETENTION: {len(told.past_retention)} images should have been forgotten "
            "(beltmark-train data forget SNAPSHOT --past-retention)"
        )
    if told.forgotten:
        lines.append(f"{len(told.forgotten)} images had to be forgotten and are gone")
    return lines


def _source(told: SourceTold) -> str:
    source = told.source
    parts = [
        f"{plain(source.path)} ({source.format}): {told.images} images",
        f"licence {source.licence or 'not stated'}",
        f"consent {source.consent or 'not stated'}",
    ]
    if source.retain_until:
        parts.append(f"retained until {source.retain_until}{', OVER' if told.is_over else ''}")
    if source.annotators:
        parts.append(f"annotated by {', '.join(source.annotators)}")
    return "; ".join(parts)


def _ancestor(each: Ancestor) -> list[str]:
    indent = "  " * (each.depth + 1)
    if not each.derivations:
        return [f"{indent}{each.digest[:SHORT]}"]
    lines = []
    for made in each.derivations:
        parts = [f"{each.digest[:SHORT]} {made.action}, {made.at:%Y-%m-%d %H:%M} by {made.by}"]
        parts += [f"read annotations {read.annotations_sha256[:SHORT]}" for read in made.read]
        if made.classes:
            parts.append(
                "classes " + ", ".join(f"{plain(a)} = {plain(b)}" for a, b in made.classes.items())
            )
        if made.prefer:
            parts.append(f"preferred {made.prefer[:SHORT]}")
        parts.append(" ".join(f"{name} {version}" for name, version in made.tools.items()))
        lines.append(indent + "; ".join(part for part in parts if part))
    return lines


def _as_json(told: Description) -> dict[str, object]:
    """Returns the description for programs."""
    flat = {
        field.name: getattr(told, field.name)
        for field in dataclasses.fields(told)
        if field.name not in {"sources", "lineage"}
    }
    sources = [
        {**each.source.model_dump(mode="json"), "images": each.images, "is_over": each.is_over}
        for each in told.sources
    ]
    lineage = [
        {
            "depth": each.depth,
            "snapshot": each.digest,
            "derivations": [made.model_dump(mode="json") for made in each.derivations],
        }
        for each in told.lineage
    ]
    return {**flat, "sources": sources, "lineage": lineage}
