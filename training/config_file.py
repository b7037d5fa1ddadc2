"""Writes a training configuration as TOML that people read and edit."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from beltmark.contract.documents import write_bytes
from training.config import TrainConfig


def write_config(path: Path, config: TrainConfig, told: Sequence[str]) -> None:
    """Writes what a configuration sets, under words of explanation."""
    content = config.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    lines = [f"# {line}" for each in told for line in each.splitlines()]
    write_bytes(path, "\n".join([*lines, *_table("", content), ""]).encode())


def _table(name: str, content: Mapping[str, object]) -> Iterator[str]:
    if name:
        yield f"\n[{name}]"
    for key, value in content.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _table(f"{name}.{key}" if name else key, value)


def _value(value: object) -> str:
    # TOML writes strings, numbers, booleans and lists of them as JSON does, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
