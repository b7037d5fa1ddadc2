"""Draws what labels look like, for people: beside the way to the printer, which never waits for it.

How a label is drawn is left to `labels`, where its picture goes to `show`.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable

from edge_agent.labels.errors import LabelError
from edge_agent.labels.preview import draw_preview, png
from edge_agent.printing.desk import LabelQueue
from edge_agent.printing.records import LabelOrder
from edge_agent.rendering import order_context

logger = logging.getLogger(__name__)

_QUEUE_SIZE = 32
_ENDING_TIMEOUT_S = 2.0


class LabelPictures:
    """Draws the very labels that were ordered, on a thread of its own; skips what is too much.

    Args:
        show: Given each label's picture as PNG, with its item; must not wait.
        dpmm: The printer's dots per millimetre.
    """

    def __init__(self, show: Callable[[str, bytes], None], dpmm: int) -> None:
        self._show, self._dpmm = show, dpmm
        self._queue: queue.Queue[LabelOrder | None] = queue.Queue(_QUEUE_SIZE)
        self._thread = threading.Thread(target=self._run, name="label-pictures", daemon=True)

    def start(self) -> None:
        """Begins to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Draws what was taken."""
        if self._thread.is_alive():
            with contextlib.suppress(queue.Full):  # one that hangs must not hold up the end
                self._queue.put(None, timeout=_ENDING_TIMEOUT_S)
                self._thread.join(_ENDING_TIMEOUT_S)

    def draw(self, order: LabelOrder) -> None:
        """Takes an order to draw; returns at once."""
        try:
            self._queue.put_nowait(order)
        except queue.Full:
            logger.debug("no time to draw the label of item %s", order.item.item_id)

    def _run(self) -> None:
        while (order := self._queue.get()) is not None:
            try:
                self._draw(order)
            except LabelError as error:
                logger.debug("the label of item %s has no picture: %s", order.item.item_id, error)
            except Exception:
                # The last resort: a station does not end because a picture cannot be drawn.
                logger.exception("label pictures: unexpected problem")

    def _draw(self, order: LabelOrder) -> None:
        if order.layout is not None:
            picture = draw_preview(order.layout, order_context(order), self._dpmm)
            self._show(order.item.item_id, png(picture))


class ShownLabels:
    """A queue of labels, each of which is drawn for people as well once it was taken.

    Args:
        labels: The queue.
        pictures: Draws them.
    """

    def __init__(self, labels: LabelQueue, pictures: LabelPictures) -> None:
        self._labels, self._pictures = labels, pictures

    def submit(self, order: LabelOrder) -> None:
        """See `LabelQueue.submit`."""
        self._labels.submit(order)
        self._pictures.draw(order)
