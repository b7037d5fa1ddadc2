"""A person's word from another process: a file in the data folder that the agent answers.

The journal has one writer. Where an agent runs, it is that agent: a command leaves a request and
waits for the answer. Says nothing of who may: who can write the data folder can.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from beltmark.contract.documents import Document
from beltmark.contract.errors import InputError
from edge_agent.outputs.seen_to import PersonsWord, SeenTo
from edge_agent.printing.by_hand import ByHand

logger = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 0.2
_MAX_BYTES: Final = 4_096
_MAX_AT_ONCE: Final = 16
_LONGEST_AT_IT: Final = 6
"""So many times its patience a command waits for an agent that took its request."""
_STALE_AFTER_S: Final = 30.0
"""What was asked for longer ago is not done any more: whoever asked has gone."""

Text = Annotated[str, Field(max_length=400)]


class HandRequest(Document):
    """What a person asks for; what does not belong to it stays empty."""

    what: Literal["void", "label", "taken", "release"]
    item_id: Text = ""
    sku: Text = ""
    reason: Text = ""
    seen_to: SeenTo | None = None
    who: Text


class HandAnswer(Document):
    """What became of it: `problem` and `mend` are empty where it was done."""

    problem: str = ""
    mend: str = ""


_UNKNOWN: Final = HandAnswer(problem="no request that is known here", mend="use beltmark-edge")


def ask(
    folder: Path, request: HandRequest, name: str, *, timeout_s: float = 10.0, poll_s: float = 0.05
) -> None:
    """Leaves a request and waits until the agent has done it.

    Args:
        folder: The station's data folder.
        request: What is asked for.
        name: Of this request; no other has it.
        timeout_s: For how long the agent may not look at it.
        poll_s: How often the answer is looked for.

    Raises:
        InputError: The agent refuses it, or does not answer.
    """
    requests = folder / "requests"
    path, answer = requests / f"{name}.json", requests / f"{name}.answer"
    try:
        requests.mkdir(parents=True, exist_ok=True)
        draft = requests / f"{name}.draft"
        draft.write_text(request.model_dump_json())
        draft.replace(path)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror}", "be a user who may", file=requests
        ) from None
    begun = time.monotonic()
    deadline = begun + timeout_s
    while not answer.exists():
        if time.monotonic() >= deadline:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()  # whoever gets it does it
                raise InputError(
                    "the agent does not answer", "look whether it is well", file=folder
                )
            if deadline - begun > _LONGEST_AT_IT * timeout_s:
                raise InputError(
                    "the agent took the request and does not answer: perhaps it was done",
                    "look at the item, then try again",
                    file=folder,
                )
            deadline += timeout_s  # it is at it
        time.sleep(poll_s)
    told = HandAnswer.model_validate_json(answer.read_bytes())
    answer.unlink(missing_ok=True)
    if told.problem:
        raise InputError(told.problem, told.mend)


class HandRequests:
    """Looks for requests and does them, on a thread of its own.

    Args:
        folder: The station's data folder.
        by_hand: Does what is about labels.
        seen_to: Takes the word that something was seen to.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        folder: Path,
        by_hand: ByHand,
        seen_to: PersonsWord,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._clock = folder / "requests", clock
        self._by_hand, self._seen_to = by_hand, seen_to
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="requests", daemon=True)

    def start(self) -> None:
        """Begins to look; what was asked of an earlier run is not done."""
        for path in self._waiting():
            path.unlink(missing_ok=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends with the request that it is at."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> None:
        """Does what is asked for now."""
        for path in self._waiting()[:_MAX_AT_ONCE]:
            try:
                is_stale = (
                    not -_STALE_AFTER_S < self._clock() - path.stat().st_mtime < _STALE_AFTER_S
                )
                with path.open("rb") as file:
                    content = file.read(_MAX_BYTES + 1)
                path.unlink()  # taken: whoever asked waits for the answer from now on
            except OSError:
                continue  # taken back
            if not is_stale:
                self._answer(path, self._do(content))

    def _do(self, content: bytes) -> HandAnswer:
        try:
            request = HandRequest.model_validate_json(content)
        except ValidationError:
            return _UNKNOWN
        try:
            if request.what == "void":
                self._by_hand.void(request.item_id, request.reason, request.who)
            elif request.what == "label":
                self._by_hand.label(request.item_id, request.sku, request.who)
            elif request.what == "taken":
                self._by_hand.taken(request.who, request.item_id)
            elif request.seen_to is not None:
                self._seen_to.say(request.seen_to)
            else:
                return _UNKNOWN
        except InputError as error:
            return HandAnswer(problem=error.problem, mend=error.mend)
        return HandAnswer()

    def _answer(self, path: Path, answer: HandAnswer) -> None:
        try:
            draft = path.with_suffix(".draft")
            draft.write_text(answer.model_dump_json())
            os.replace(draft, path.with_suffix(".answer"))
        except OSError as error:
            logger.warning("a request cannot be answered: %s", error)

    def _waiting(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self._folder.glob("*.json"))
        return []

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            try:
                self.look()
            except Exception:
                # The last resort: a request must not take the station down.
                logger.exception("requests: unexpected problem")
