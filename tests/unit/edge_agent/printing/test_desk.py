from concurrent.futures import Future
from dataclasses import replace

import pytest

from beltmark.contract.catalogue import Product
from beltmark.contract.terms import PrintState
from edge_agent.printing.committing import JournalUnavailable
from edge_agent.printing.desk import OutcomeDesk
from edge_agent.printing.records import ItemDecision, LabelItem, LabelOrder, Place
from edge_agent.printing.states import IllegalTransition
from edge_agent.station.decision import Decision

CARTON = Product(sku="C1", gtin="4006381333931", name="carton", class_name="carton")
PLACE = Place(300, 160, 999.0)
PRINT = ItemDecision(
    "i1",
    1_000.0,
    PLACE,
    Decision("PRINT", "sure", "", "carton", 0.9, CARTON),
    "release",
    "a" * 64,
)
REVIEW = replace(PRINT, decision=Decision("REVIEW", "unsure", "who knows", "carton", 0.3))


class PatientJournal:
    """A journal whose commits the test makes."""

    def __init__(self) -> None:
        self.decisions: list[tuple[ItemDecision, Future[LabelItem | None]]] = []
        self.reviews: list[tuple[str, str, PrintState | None, Future[None]]] = []

    def record(self, decision: ItemDecision) -> Future[LabelItem | None]:
        self.decisions.append((decision, Future()))
        return self.decisions[-1][1]

    def review(
        self,
        item_id: str,
        at: float,
        rule: str,
        reason: str,
        label_state: PrintState | None = None,
    ) -> Future[None]:
        self.reviews.append((item_id, rule, label_state, Future()))
        return self.reviews[-1][3]


class World:
    def __init__(self) -> None:
        self.diverted: list[tuple[str, float, float, float]] = []
        self.orders: list[LabelOrder] = []
        self.now = 1_000.0

    def divert(self, item_id: str, x_px: float, y_px: float, captured_at: float) -> None:
        self.diverted.append((item_id, x_px, y_px, captured_at))

    def submit(self, order: LabelOrder) -> None:
        self.orders.append(order)

    def clock(self) -> float:
        self.now += 1.0
        return self.now


LABEL = LabelItem("i1", "S1", "belt-1", 1_000.0, "carton")


@pytest.fixture
def journal() -> PatientJournal:
    return PatientJournal()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(journal: PatientJournal, world: World) -> OutcomeDesk:
    desk = OutcomeDesk(journal, world, world.clock)
    desk.print_through(world)
    return desk


def test_a_label_is_ordered_after_the_commit_and_not_before(
    desk: OutcomeDesk, journal: PatientJournal, world: World
) -> None:
    desk.settle(PRINT)
    assert world.orders == []
    journal.decisions[0][1].set_result(LABEL)
    assert world.orders == [LabelOrder(LABEL, CARTON, PLACE)]
    assert world.diverted == []


def test_an_item_is_diverted_after_the_commit_and_not_before(
    desk: OutcomeDesk, journal: PatientJournal, world: World
) -> None:
    desk.settle(REVIEW)
    desk.review("i2", PLACE, "label_late", "too late", "late")
    assert world.diverted == []
    journal.decisions[0][1].set_result(None)
    assert world.diverted == [("i1", 300, 160, 999.0)]
    journal.reviews[0][3].set_result(None)
    assert world.diverted[1:] == [("i2", 300, 160, 999.0)]
    assert world.orders == []


def test_a_decision_that_cannot_be_committed_becomes_a_review_and_is_tried_again(
    desk: OutcomeDesk, journal: PatientJournal, world: World
) -> None:
    desk.settle(PRINT)
    journal.decisions[0][1].set_exception(JournalUnavailable("disk full"))
    assert (world.orders, world.diverted, desk.backlog) == ([], [], 1)
    desk.retry()
    again, future = journal.decisions[1]
    assert (again.decision.outcome, again.decision.rule) == ("REVIEW", "not_recorded")
    future.set_exception(JournalUnavailable("disk full"))
    assert desk.backlog == 1
    desk.retry()
    journal.decisions[2][1].set_result(None)
    assert (world.orders, world.diverted, desk.backlog) == ([], [("i1", 300, 160, 999.0)], 0)


def test_a_review_that_cannot_be_committed_is_tried_again(
    desk: OutcomeDesk, journal: PatientJournal, world: World
) -> None:
    committed = desk.review("i1", PLACE, "label_late", "too late", "late")
    journal.reviews[0][3].set_exception(JournalUnavailable("disk full"))
    assert (world.diverted, desk.backlog, committed.done()) == ([], 1, False)
    desk.retry()
    journal.reviews[1][3].set_result(None)
    assert committed.done()
    assert len(world.diverted) == 1
    assert desk.backlog == 0


def test_a_review_survives_a_label_that_has_moved_on(
    desk: OutcomeDesk, journal: PatientJournal, world: World
) -> None:
    desk.review("i1", PLACE, "label_late", "too late", "late")
    journal.reviews[0][3].set_exception(IllegalTransition("i1", "printed", "late"))
    assert journal.reviews[1][:3] == ("i1", "label_late", None)
    journal.reviews[1][3].set_result(None)
    assert len(world.diverted) == 1
