"""An errand beside the station: goes on after whatever happens, and waits longer while it fails."""

import threading

from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.errand import Errand

SHORT_S = 0.001


class Post:
    """Does what its script says, then ends."""

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.problems: list[str | None] = []
        self.waits: list[str] = []
        self.problem: str | None = None
        self.is_done = threading.Event()

    def turn(self) -> bool:
        if not self.script:
            self.is_done.set()
            self.problem = None
            return False
        step = self.script.pop(0)
        if step == "crash":
            raise RuntimeError(step)
        self.report(None if step in ("more", "nothing") else step)
        return step == "more"

    def report(self, problem: str | None) -> None:
        self.problem = problem
        self.problems.append(problem)


class CountedBackoff(Backoff):
    def __init__(self, waits: list[str]) -> None:
        super().__init__(SHORT_S, SHORT_S, lambda: 0.5)
        self._waits = waits

    def next_s(self) -> float:
        self._waits.append("failed")
        return super().next_s()

    def reset(self) -> None:
        self._waits.append("well")
        super().reset()


def run(post: Post) -> None:
    errand = Errand(
        "post",
        post.turn,
        report=post.report,
        has_problem=lambda: post.problem is not None,
        period_s=SHORT_S,
        backoff=CountedBackoff(post.waits),
    )
    errand.start()
    assert post.is_done.wait(10)
    errand.stop()


def test_it_backs_off_while_it_fails_and_begins_anew_when_it_went_well() -> None:
    post = Post("refused", "refused", "more", "nothing")
    run(post)
    assert post.waits[:4] == ["failed", "failed", "well", "well"]


def test_what_it_did_not_expect_is_reported_and_does_not_end_it() -> None:
    post = Post("crash", "nothing")
    run(post)
    assert post.problems == ["unexpected problem, see the log", None]
    assert post.waits[0] == "failed"


def test_one_that_was_never_started_can_be_stopped() -> None:
    post = Post()
    Errand(
        "post", post.turn, report=post.report, has_problem=lambda: False, period_s=1, backoff=None
    ).stop()
    assert not post.is_done.is_set()
