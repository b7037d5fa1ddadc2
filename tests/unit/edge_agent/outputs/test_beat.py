"""When a permit is renewed and taken back, on a clock of the test's own."""

from edge_agent.outputs.beat import PermitBeat


def words(beat: PermitBeat, well: dict[float, bool]) -> list[tuple[float, str]]:
    told = []
    for now, is_well in well.items():
        if (word := beat.due(now, is_well=is_well, ends=False)) is not None:
            beat.said(word, now)
            told.append((now, word))
    return told


def test_it_is_renewed_four_times_a_second() -> None:
    assert words(PermitBeat(), dict.fromkeys((0.0, 0.1, 0.25, 0.4, 0.5), True)) == [
        (0.0, "PERMIT"), (0.25, "PERMIT"), (0.5, "PERMIT"),
    ]  # fmt: skip


def test_an_objection_that_lasts_takes_it_back_once_and_its_end_gives_it_at_once() -> None:
    beat = PermitBeat()
    told = words(beat, {0.0: True, 0.05: False, 0.1: True, 0.15: False, 0.26: False, 0.3: False})
    assert told == [(0.0, "PERMIT"), (0.26, "HOLD")]
    assert beat.held_since == 0.26
    assert words(beat, {0.31: True}) == [(0.31, "PERMIT")]
    assert beat.held_since is None


def test_the_end_takes_it_back_without_delay() -> None:
    assert PermitBeat().due(0.0, is_well=True, ends=True) == "HOLD"


def test_who_runs_out_slowly_stands_later_and_a_new_other_end_knows_nothing() -> None:
    beat = PermitBeat()
    beat.said("HOLD", 5.0, stands_after_s=1.0)
    assert beat.held_since == 6.0
    beat.connected()
    assert beat.held_since is None
