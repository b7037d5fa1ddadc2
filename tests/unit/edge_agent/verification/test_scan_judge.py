"""Labels passing a scan zone in order of travel, written as times at which they are read."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.verification.judge import Expected, Finding, Read, ScanJudge
from edge_agent.verification.marking import Marking

GTIN = "09521234500018"
PITCH_S, WINDOW_S, IN_VIEW_S, FRAME_S = 3.0, 1.2, 0.6, 0.1


def marking(number: int) -> Marking:
    return Marking(GTIN, f"S{number:04d}")


def there_s(number: int) -> float:
    """When an item's label begins to be seen."""
    return 1.0 + PITCH_S * number


class Line:
    """Items 0, 1, 2, … and what is read on each; item n bears label n unless told otherwise."""

    def __init__(self, count: int) -> None:
        self.judge, self.count = ScanJudge(), count
        self.on_item: dict[int, list[int]] = {n: [n] for n in range(count)}
        self.smudged: set[int] = set()
        self.read_share = {n: range(100) for n in range(count)}
        for n in range(count):
            opens_s = there_s(n) + IN_VIEW_S / 2 - WINDOW_S / 2
            self.judge.expect(Expected(f"i{n}", marking(n), opens_s, opens_s + WINDOW_S))

    def run(self) -> list[Finding]:
        findings, at_s = [], 0.0
        while at_s < there_s(self.count) + PITCH_S:
            findings += self.judge.see(at_s, self.reads(at_s), is_label_like=self.is_like(at_s))
            at_s += FRAME_S
        return findings

    def reads(self, at_s: float) -> list[Read]:
        return [
            Read(marking(label), f"i{label}")
            for n, labels in self.on_item.items()
            if self.is_in_view(n, at_s) and n not in self.smudged
            for label in labels
        ]

    def is_like(self, at_s: float) -> bool:
        return any(self.is_in_view(n, at_s) and self.on_item[n] for n in self.on_item)

    def is_in_view(self, n: int, at_s: float) -> bool:
        return there_s(n) <= at_s <= there_s(n) + IN_VIEW_S


def results(findings: Sequence[Finding]) -> list[tuple[str | None, str]]:
    return [(finding.item_id, finding.result) for finding in findings]


def test_each_label_on_its_item_is_verified_once() -> None:
    assert results(Line(3).run()) == [(f"i{n}", "verified") for n in range(3)]


def test_an_item_without_a_label_is_missing_one() -> None:
    line = Line(3)
    line.on_item[1] = []
    assert results(line.run()) == [("i0", "verified"), ("i1", "missing"), ("i2", "verified")]


def test_a_label_that_is_seen_and_not_read_is_unreadable() -> None:
    line = Line(2)
    line.smudged.add(0)
    assert results(line.run()) == [("i0", "unreadable"), ("i1", "verified")]


def test_a_label_on_the_item_behind_is_a_mismatch_there_and_missing_here() -> None:
    line = Line(3)
    line.on_item[1], line.on_item[2] = [], [1, 2]
    findings = line.run()
    assert sorted(results(findings)) == [
        ("i0", "verified"),
        ("i1", "missing"),
        ("i2", "mismatch"),
    ]
    (mismatch,) = [f for f in findings if f.result == "mismatch"]
    assert mismatch.misplaced == "i1"
    assert "the label of item i1 (serial S0001) was read on item i2" in mismatch.told


def test_labels_of_two_items_that_were_swapped_are_mismatches_on_both() -> None:
    line = Line(2)
    line.on_item = {0: [1], 1: [0]}
    assert sorted(results(line.run())) == [("i0", "mismatch"), ("i1", "mismatch")]


def test_a_serial_that_was_on_its_item_is_a_duplicate_on_another() -> None:
    line = Line(3)
    line.on_item[1] = [0, 1]
    findings = line.run()
    assert ("i1", "duplicate") in results(findings)
    assert all(finding.misplaced is None for finding in findings)  # the first is where it belongs


def test_two_equal_labels_on_one_item_are_a_duplicate() -> None:
    line = Line(2)
    line.on_item[0] = [0, 0]
    assert results(line.run()) == [("i0", "duplicate"), ("i1", "verified")]


def test_one_read_in_one_picture_is_enough() -> None:
    line = Line(1)
    once = there_s(0) + FRAME_S
    findings = []
    for at_s in (0.0, once, once + 1.0, once + 2.0):
        reads = line.reads(at_s) if at_s == once else []
        findings += line.judge.see(at_s, reads, is_label_like=False)
    assert results(findings) == [("i0", "verified")]


def test_a_label_that_is_not_read_for_a_moment_has_passed_once() -> None:
    line = Line(1)
    findings = []
    for at_s in (0.9, 1.0, 1.1, 1.75, 2.5, 2.6, 2.7, 3.5):  # the camera stalls, the label stays
        reads = [Read(marking(0), "i0")] if 1.0 <= at_s <= 1.75 else []
        findings += line.judge.see(at_s, reads, is_label_like=bool(reads))
    assert results(findings) == [("i0", "verified")]


def test_a_label_on_something_that_bears_none_of_ours_is_told_of_its_own_item() -> None:
    line = Line(1)
    findings = []
    for step in range(80):
        at_s = 5.0 + step * FRAME_S
        reads = [Read(marking(0), "i0")] if 7.0 <= at_s <= 7.5 else []
        findings += line.judge.see(at_s, reads, is_label_like=bool(reads))
    assert results(findings) == [("i0", "missing"), ("i0", "mismatch")]
    assert "where no labelled item was expected, 5." in findings[1].told


def test_a_label_that_was_on_its_item_before_the_start_is_told_only_on_another_item() -> None:
    label = Read(marking(7), "old", is_on_its_item=True)
    for expected, told in (([], []), ([Expected("i1", marking(1), 0.5, 1.5)], ["i1"])):
        judge = ScanJudge()
        for each in expected:
            judge.expect(each)
        findings = judge.see(1.0, [label], is_label_like=True)
        for at_s in (2.0, 2.1, 2.2):
            findings += judge.see(at_s, [], is_label_like=False)
        assert [finding.item_id for finding in findings] == told


def test_a_label_from_before_the_start_is_told_and_blames_no_item() -> None:
    judge = ScanJudge()
    findings = judge.see(1.0, [Read(marking(7), "old")], is_label_like=True)
    for at_s in (2.0, 2.1, 2.2):
        findings += judge.see(at_s, [], is_label_like=False)
    assert results(findings) == [(None, "mismatch")]


def test_a_label_that_never_leaves_the_zone_does_not_wait_for_ever() -> None:
    line = Line(1)
    findings = []
    for step in range(300):
        at_s = 1.0 + step * FRAME_S
        findings += line.judge.see(at_s, [Read(marking(0), "i0")], is_label_like=True)
    assert results(findings)[0] == ("i0", "verified")
    assert ("i0", "duplicate") in results(findings)


@given(st.lists(st.lists(st.integers(0, 5), max_size=2), min_size=6, max_size=6))
def test_verified_means_its_own_label_and_no_other(labels: list[list[int]]) -> None:
    """Whatever labels land where: an item is told, and well only if it bears its own alone."""
    line = Line(6)
    line.on_item = dict(enumerate(labels))
    last = dict(results(line.run()))
    for n, borne in enumerate(labels):
        elsewhere = any(n in others for m, others in enumerate(labels) if m != n)
        if borne == [n]:
            assert last[f"i{n}"] in (
                {"verified"} | ({"mismatch", "duplicate"} & set(last.values()))
            )
            if not elsewhere:
                assert last[f"i{n}"] == "verified"
        elif borne:
            assert last[f"i{n}"] in ("mismatch", "duplicate")
        else:
            assert last[f"i{n}"] in ("missing", "mismatch")
