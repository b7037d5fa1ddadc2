"""What becomes of results by the answers: none is left behind, none is lost to a peer's mistake."""

from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.records import ItemMessage, ItemStep
from beltmark.contract.warehouse import MAX_RESULTS, Result
from edge_agent.warehouse.results import result_of
from edge_agent.warehouse.window import MAX_TRIES, PostWindow


def item(outcome: str = "PRINT") -> ItemMessage:
    return ItemMessage.model_validate(
        {
            "station": "line-1", "item_id": "i1", "decided_at": 1.0, "outcome": outcome,
            "reason": "", "release": "r", "package_sha256": "a" * 64,
        }
    )  # fmt: skip


def result(step: int) -> Result:
    return Result(key=f"i{step}.{step}", step=step, at=1.0, result="labelled", item=item())


def refuse_until_done(window: PostWindow, poison: set[str], rounds: int = 200) -> set[str]:
    """Answers as a warehouse system that refuses some with a 4xx; returns what was given up."""
    lost: set[str] = set()
    for _ in range(rounds):
        if not window.pending:
            break
        batch = window.next_batch()
        keys = [one.key for one in batch]
        if poison & set(keys):
            window.refuse(batch, "422 not known")
        else:
            window.answer(batch, keys, {})
        lost |= set(window.give_up())
    return lost


def test_all_are_posted_at_once_and_leave_by_their_keys() -> None:
    window = PostWindow([result(1), result(2), result(3)])
    batch = window.next_batch()
    assert len(batch) == 3
    assert window.answer(batch, ["i1.1", "i3.3", "another"], {})
    assert [one.key for one in window.pending] == ["i2.2"]


@given(st.sets(st.integers(1, 12), max_size=11))
def test_one_that_is_refused_holds_up_no_other(poison: set[int]) -> None:
    window = PostWindow([result(step) for step in range(1, 13)])
    bad = {f"i{step}.{step}" for step in poison}
    assert refuse_until_done(window, bad) == bad
    assert window.pending == []


def test_a_peer_that_refuses_all_loses_nothing() -> None:
    window = PostWindow([result(1), result(2)])
    assert refuse_until_done(window, {"i1.1", "i2.2", "i3.3"}) == set()
    assert len(window.pending) == 2
    assert window.wants_more
    window.add([result(3)])
    assert not window.wants_more
    assert refuse_until_done(window, {"i1.1", "i2.2", "i3.3"}) == set()
    window.add([result(4)])
    assert refuse_until_done(window, {"i1.1", "i2.2", "i3.3"}) == {"i1.1", "i2.2", "i3.3"}


def test_what_is_not_mentioned_counts_as_refused() -> None:
    window = PostWindow([result(1), result(2)])
    window.answer(window.next_batch(), ["i1.1"], {})
    for _ in range(MAX_TRIES - 1):
        assert window.give_up() == {}
        assert not window.answer(window.next_batch(), [], {"i2.2": "no such order"})
    assert window.give_up() == {"i2.2": "no such order"}


def test_a_batch_is_never_larger_than_the_contract_allows() -> None:
    window = PostWindow([result(step) for step in range(1, 120)])
    assert len(window.next_batch()) == MAX_RESULTS


def test_the_journals_steps_are_results_or_on_the_way_to_one() -> None:
    def told(what: str, outcome: str = "PRINT") -> str | None:
        found = result_of(ItemStep(item=item(outcome), step=7, what=what), 2.0)
        assert found is None or (found.key, found.at) == ("i1.7", 2.0)
        return None if found is None else found.result

    assert told("label printed") == told("label verified") == "labelled"
    assert told("label printed", "REVIEW") == told("REVIEW", "REVIEW") == "reviewed"
    assert told("REJECT", "REJECT") == "rejected"
    assert told("label voided") == "voided"
    assert told("label diverted", "REVIEW") == told("diverted", "REVIEW") == "diverted"
    for what in ("PRINT", "label decided", "label queued", "label sending", "label sent"):
        assert told(what) is None
