"""The hand-over of frames: live ones may be dropped, recorded ones never."""

import threading

import numpy as np

from edge_agent.capture.frame import Frame
from edge_agent.capture.mailbox import Mailbox


def frame(index: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), index, float(index))


def test_a_live_mailbox_keeps_the_newest_and_counts_the_rest() -> None:
    mailbox = Mailbox(1, drops_oldest=True)
    for index in range(3):
        mailbox.put(frame(index))
    taken = mailbox.take(0.0)
    assert taken is not None
    assert (taken.index, mailbox.dropped) == (2, 2)
    assert mailbox.take(0.0) is None


def test_a_recording_waits_and_loses_nothing() -> None:
    mailbox = Mailbox(2, drops_oldest=False)

    def play() -> None:
        for index in range(50):
            mailbox.put(frame(index))
        mailbox.close()

    thread = threading.Thread(target=play)
    thread.start()
    taken = []
    while (got := mailbox.take(10.0)) is not None:
        taken.append(got.index)
    thread.join(10.0)
    assert taken == list(range(50))
    assert (mailbox.dropped, mailbox.is_exhausted) == (0, True)


def test_closing_frees_a_reader_that_waits() -> None:
    mailbox = Mailbox(1, drops_oldest=False)
    mailbox.put(frame(0))
    thread = threading.Thread(target=mailbox.put, args=(frame(1),))
    thread.start()
    mailbox.close()
    thread.join(10.0)
    assert not thread.is_alive()
