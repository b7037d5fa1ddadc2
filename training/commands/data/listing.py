"""`beltmark-train data list`: tells which snapshots a store has."""

import argparse
from pathlib import Path

from beltmark.datasets.snapshots.store import Store
from training.commands.data.wording import SHORT


def add(words: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the word."""
    parser = words.add_parser("list", help="tell which snapshots a store has")
    parser.add_argument("store", type=Path)
    parser.set_defaults(command=_list)


def _list(arguments: argparse.Namespace) -> int:
    store = Store(arguments.store)
    names = store.names()
    for digest in sorted(store.snapshots(), key=lambda each: _made(store, each)):
        called = ", ".join(name for name in names if names[name] == digest)
        manifest = store.manifest(digest)
        print(
            f"{digest[:SHORT]}  {_made(store, digest) or '-':16}  {manifest.images:8} images  "
            f"{len(manifest.class_names):3} classes  {called}".rstrip()
        )
    return 0


def _made(store: Store, digest: str) -> str:
    derivations = store.derivations(digest)
    return f"{derivations[0].at:%Y-%m-%d %H:%M}" if derivations else ""
