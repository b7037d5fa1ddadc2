"""IPP in bytes, as RFC 8010 has it."""

import pytest

from edge_agent.printing.printers.ipp import IppError, Operation, decode, encode

# From a CUPS 2.4: status, charset, language, then a job with its number and state.
ANSWER = (
    b"\x02\x00\x00\x01\x00\x00\x00\x07"
    b"\x01\x47\x00\x12attributes-charset\x00\x05utf-8"
    b"\x48\x00\x1battributes-natural-language\x00\x02en"
    b"\x02\x21\x00\x06job-id\x00\x04\x00\x00\x01\x02"
    b"\x23\x00\x09job-state\x00\x04\x00\x00\x00\x09"
    b"\x44\x00\x11job-state-reasons\x00\x04none\x44\x00\x00\x00\x05other"
    b"\x22\x00\x04done\x00\x01\x01"
    b"\x03"
)


def test_a_request_in_bytes() -> None:
    words = encode(
        Operation.CANCEL_JOB,
        5,
        {"attributes-charset": ("utf-8",), "job-id": (258,), "my-jobs": (True,)},
    )
    assert words == (
        b"\x02\x00\x00\x08\x00\x00\x00\x05\x01"
        b"\x47\x00\x12attributes-charset\x00\x05utf-8"
        b"\x21\x00\x06job-id\x00\x04\x00\x00\x01\x02"
        b"\x22\x00\x07my-jobs\x00\x01\x01"
        b"\x03"
    )


def test_an_answer_is_read() -> None:
    reply = decode(ANSWER)
    assert reply.is_done
    assert (reply.number("job-id"), reply.number("job-state")) == (258, 9)
    assert reply.text("job-state-reasons") == "none, other"
    assert reply.attributes["done"] == (True,)
    assert (reply.number("other"), reply.text("other")) == (None, "")


@pytest.mark.parametrize("cut", [*range(len(ANSWER))])
def test_an_answer_that_is_cut_off_is_none(cut: int) -> None:
    with pytest.raises(IppError):
        decode(ANSWER[:cut])
