"""Leased numbers without a server: a few at a time; a request that is repeated gets the same."""

import json
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

from beltmark.contract.serials import NumberRange
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.journal import Journal
from edge_agent.printing.numbers import read_held

_SIZE: Final = 4
_LEAST: Final = 1


class Leases:
    """Gives a journal numbers before it has none left; sometimes too late.

    Args:
        given: The server's file.
        journal: Gets them.
        path: That journal's file.
    """

    def __init__(self, given: Path, journal: Journal, path: Path) -> None:
        self._given, self._journal, self._path = given, journal, path

    def keep(self) -> None:
        """Looks, and leases what is missing."""
        if read_held(self._path, time.time())["serial"].left >= _LEAST:
            return
        try:
            request = self._journal.begin_request("serial", uuid4().hex).result()
            self._journal.add_range(self._lease(request), request).result()
        except (JournalUnavailable, OSError):
            return  # the disk is full: later

    def _lease(self, request: str) -> NumberRange:
        known = json.loads(self._given.read_text()) if self._given.exists() else []
        if request not in known:
            known.append(request)
            draft = self._given.with_suffix(".draft")
            draft.write_text(json.dumps(known))
            draft.replace(self._given)
        first = known.index(request) * _SIZE
        return NumberRange(
            kind="serial", head="LEASE", width=6, first=first, last=first + _SIZE - 1
        )
