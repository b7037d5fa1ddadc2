"""The printed target: its squares and its ruler have the size that they say."""

import re
import struct

import cv2
import numpy as np
import pytest

from edge_agent.calibration.target import (
    RULER_MM,
    SHEETS,
    SQUARES,
    Paper,
    black_rectangles,
    target_pdf,
    target_png,
)

PAPERS: tuple[Paper, ...] = ("a4", "a3", "letter")


@pytest.mark.parametrize("paper", PAPERS)
def test_everything_is_on_the_paper_with_room_for_a_printers_margin(paper: Paper) -> None:
    sheet = SHEETS[paper]
    for left, top, width, height in black_rectangles(sheet):
        assert min(left, top) >= 6
        assert left + width <= sheet.width_mm - 6
        assert top + height <= sheet.height_mm - 6


@pytest.mark.parametrize("paper", PAPERS)
def test_board_and_ruler_have_their_size(paper: Paper) -> None:
    sheet = SHEETS[paper]
    drawn = np.array(black_rectangles(sheet))
    squares = drawn[drawn[:, 2] == sheet.square_mm]
    assert len(squares) == SQUARES[0] * SQUARES[1] / 2
    assert set(squares[:, 3]) == {sheet.square_mm}
    ruler = drawn[drawn[:, 2] < sheet.square_mm]
    assert (ruler[:, 1] + ruler[:, 3]).max() - ruler[:, 1].min() == pytest.approx(RULER_MM)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_pdf_is_at_true_scale(paper: Paper) -> None:
    sheet = SHEETS[paper]
    pdf = target_pdf(sheet)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None
    points = 72 / 25.4
    assert float(box[1]) == pytest.approx(sheet.width_mm * points, abs=0.01)
    assert float(box[2]) == pytest.approx(sheet.height_mm * points, abs=0.01)
    scale = re.search(rb"^([\d.]+) 0 0 ([\d.]+) 0 0 cm", pdf, re.M)
    assert scale is not None
    assert float(scale[1]) == float(scale[2]) == pytest.approx(points, abs=1e-5)
    assert b"squares of %d mm" % sheet.square_mm in pdf


def test_the_pdf_says_rightly_where_its_parts_are() -> None:
    pdf = target_pdf(SHEETS["a4"])
    start = int(pdf.split(b"startxref\n")[1].split()[0])
    assert pdf[start:].startswith(b"xref\n0 6\n")
    offsets = [int(row[:10]) for row in pdf[start:].splitlines()[3:8]]
    for number, offset in enumerate(offsets, 1):
        assert pdf[offset:].startswith(b"%d 0 obj\n" % number)
    length = re.search(rb"/Length (\d+) >>\nstream\n", pdf)
    assert length is not None
    assert pdf[length.end() + int(length[1]) :].startswith(b"\nendstream")


def test_the_png_says_its_scale() -> None:
    sheet = SHEETS["a4"]
    png = target_png(sheet)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    at = png.index(b"pHYs")
    per_metre_x, per_metre_y, unit = struct.unpack(">IIB", png[at + 4 : at + 13])
    assert (per_metre_x, per_metre_y, unit) == (12_000, 12_000, 1)
    assert image.shape[1] / per_metre_x * 1_000 == pytest.approx(sheet.width_mm, abs=0.1)
    middle_of_first_row = image[round((sheet.board_top_mm + 12.5) * 12), :, 0]
    changes = np.flatnonzero(np.diff(middle_of_first_row.astype(int)))[: SQUARES[0]]
    assert np.diff(changes) / 12 == pytest.approx(np.full(SQUARES[0] - 1, sheet.square_mm))
