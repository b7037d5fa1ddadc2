"""The file adapter: whole labels only, counted."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.printing.printers.base import PrinterBroken, PrinterUnreachable
from edge_agent.printing.printers.file import FilePrinter

LABEL = b"^XA^FDa^FS^XZ"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "labels.zpl"


def test_labels_are_appended_and_counted_again_after_a_restart(path: Path):
    printer = FilePrinter(path)
    printer.connect()
    assert printer.label_count() == 0
    printer.send(LABEL)
    printer.send(LABEL)
    assert printer.label_count() == 2
    printer.close()
    again = FilePrinter(path)
    again.connect()
    assert again.label_count() == 2
    status = again.query_status()
    assert status is not None
    assert status.is_idle
    assert path.read_bytes() == (LABEL + b"\n") * 2


def test_a_torn_label_is_cut_off(path: Path):
    path.parent.mkdir()
    path.write_bytes(LABEL + b"\n" + LABEL[:-1])
    printer = FilePrinter(path)
    printer.connect()
    printer.send(LABEL)
    assert printer.label_count() == 2
    assert path.read_bytes() == (LABEL + b"\n") * 2


def test_a_file_of_something_else_is_left_alone(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"precious")
    with pytest.raises(PrinterUnreachable, match="something other than labels"):
        FilePrinter(path).connect()
    assert path.read_bytes() == b"precious"


def test_unusable_paths(tmp_path: Path):
    with pytest.raises(PrinterUnreachable, match="directory"):
        FilePrinter(tmp_path).connect()
    with pytest.raises(PrinterUnreachable, match="not connected"):
        FilePrinter(tmp_path / "x").send(LABEL)


@pytest.fixture
def full_disk(path: Path) -> Iterator[None]:
    """Files may not grow beyond one label and a bit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LABEL) + 5, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.usefixtures("full_disk")
def test_no_space_leaves_no_part_of_a_label(path: Path):
    printer = FilePrinter(path)
    printer.connect()
    printer.send(LABEL)
    with pytest.raises(PrinterBroken) as broken:
        printer.send(LABEL)
    assert broken.value.handed_over == 0
    assert path.read_bytes() == LABEL + b"\n"
