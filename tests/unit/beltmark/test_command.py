"""How every command ends: its exit code, and what is said of it."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from beltmark.command import between, run_command, seconds, whole
from beltmark.contract.errors import InputError


def parser(command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="test")
    made.add_argument("--number", type=int, default=0)
    made.set_defaults(command=command)
    return made


def fail(error: BaseException) -> Callable[[argparse.Namespace], int]:
    def command(_: argparse.Namespace) -> int:
        raise error

    return command


def test_the_commands_own_code_is_returned():
    assert run_command(parser(lambda arguments: arguments.number), ["--number", "7"]) == 7


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (InputError("is wrong", "mend it", file="a.toml"), 2, "a.toml: is wrong (mend it)\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (
            PermissionError(13, "Permission denied", "/a/b"),
            2,
            "/a/b: Permission denied (free the disk, check path and permissions)\n",
        ),
        (OSError("odd"), 2, "odd (free the disk, check path and permissions)\n"),
    ],
)
def test_what_goes_wrong_is_one_line(error, code, told, capsys):
    assert run_command(parser(fail(error)), []) == code
    assert capsys.readouterr() == ("", told)


def test_an_error_of_our_own_is_not_hidden():
    with pytest.raises(ValueError, match="ours"):
        run_command(parser(fail(ValueError("ours"))), [])


LISTS = """
import argparse, sys
from beltmark.command import run_command

def command(_):
    for _ in range({lines}):
        print("line")
    return 0

parser = argparse.ArgumentParser()
parser.set_defaults(command=command)
sys.exit(run_command(parser, []))
"""


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_has_seen_enough_is_no_error(lines):
    """However little there is to be read: Python itself would complain of one line at its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", LISTS.format(lines=lines)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    process.stdout.close()
    with process.stderr:
        told = process.stderr.read()
    assert (process.wait(), told) == (0, b"")


def test_letters_that_a_terminal_does_not_know_do_not_end_it():
    code = LISTS.format(lines=1).replace('"line"', '"\\u20ac"')
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=Path(__file__).parents[3],
        env={"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert done.stdout == b"\\u20ac\n"


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (whole(0, 10), "0", 0),
        (whole(0, 10), "010", 10),
        (whole(0, 2**63), str(2**63), 2**63),
        (between(0.5, 2), "0.5", 0.5),
        (between(0.5, 2), "2", 2.0),
        (seconds, "0.1", 0.1),
        (seconds, "1e9", 1e9),
    ],
)
def test_numbers_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((whole(1, 10), text) for text in ("", "0", "11", "-1", "1.0", "x", "٣", "1" * 5_000)),
        *((between(0.5, 2), text) for text in ("", "x", "nan", "inf", "0.4", "2.1")),
        *((seconds, text) for text in ("", "0", "-1", "nan", "inf", "x")),
    ],
)
def test_what_is_no_number_is_refused(read, text):
    with pytest.raises(argparse.ArgumentTypeError, match="is no "):
        read(text)
