"""A printer's answers against its profile."""

import pytest

from edge_agent.printing.printers.profile import Profile, questions


@pytest.mark.parametrize(
    ("profile", "answer", "differs"),
    [
        (Profile(dpmm=8), "203", ""),
        (Profile(dpmm=8), "300", "its head has 12 dots per mm, printer.dpmm says 8"),
        (Profile(dpmm=8), "?", None),
        (Profile(print_speed_in_s=6), "6.0", ""),
        (Profile(print_speed_in_s=6), "6", ""),
        (
            Profile(print_speed_in_s=8),
            "6.0",
            "it prints at 152 mm/s, printer.profile.print_speed_mm_s says 203",
        ),
        (Profile(firmware="V84.20"), "V84.20.18Z", ""),
        (
            Profile(firmware="V85"),
            "V84.20.18Z",
            "its firmware is V84.20.18Z, printer.profile.firmware says V85",
        ),
        (Profile(mode="peel"), "peel off", ""),
        (Profile(mode="tear"), "TEAR OFF", ""),
        (
            Profile(mode="applicator"),
            "tear off",
            "its mode is tear off, printer.profile.mode says applicator",
        ),
        (Profile(stock="gap"), "gap/notch", ""),
        (
            Profile(stock="continuous"),
            "mark",
            "its stock is mark, printer.profile.stock says continuous",
        ),
        (Profile(stock="gap"), "?", None),
        (Profile(stock="gap"), "", None),
    ],
)
def test_an_answer_fits_or_differs_or_says_nothing(
    profile: Profile, answer: str, differs: str | None
) -> None:
    (question,) = questions(profile)
    assert question.differs(answer) == differs


def test_a_head_that_is_too_narrow_cannot_be_set_to_the_stocks_width() -> None:
    question = next(q for q in questions(Profile(dpmm=8, width_mm=110)) if q.subject == "width")
    assert question.differs("880") == ""
    assert question.differs("832") == (
        "it prints 832 dots wide at most, printer.profile.width_mm is 880 dots"
    )


def test_nothing_is_asked_of_a_printer_that_nothing_is_known_of() -> None:
    assert list(questions(Profile())) == []
    assert Profile().settings == ""
