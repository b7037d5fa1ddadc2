from contextlib import contextmanager

import pytest

from beltmark.contract.errors import InputError


def test_names_file_field_problem_and_mend() -> None:
    error = InputError("it is 7", "make it 8", file="a.toml", field="zone.x")
    assert str(error) == "a.toml: zone.x: it is 7 (make it 8)"
    assert str(InputError("no camera", "plug it in")) == "no camera (plug it in)"


def test_travels_through_a_context_manager() -> None:
    """contextlib sets the traceback of what passes; a frozen exception would break there."""

    @contextmanager
    def passage():  # type: ignore[no-untyped-def]
        yield

    with pytest.raises(InputError), passage():
        raise InputError("p", "m")
