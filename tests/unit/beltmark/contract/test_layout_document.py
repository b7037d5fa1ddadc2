"""The layout document: its fields, and the messages for what does not fit."""

from importlib.resources import files
from pathlib import Path

import pytest

from beltmark.contract.errors import InputError, UnknownVersionError
from beltmark.contract.layout import read_layout

HEAD = 'name = "x"\nwidth_mm = 50\nheight_mm = 30\n'
BOX = '[[elements]]\nkind = "box"\nx_mm = 1\ny_mm = 1\nwidth_mm = {}\nheight_mm = 1\n'


@pytest.mark.parametrize("name", ["item", "logistic_unit"])
def test_bundled_layouts(name: str):
    path = Path(str(files("beltmark").joinpath(f"bundled/layouts/{name}.toml")))
    assert read_layout(path).elements


@pytest.mark.parametrize(
    ("document", "field", "problem"),
    [
        (HEAD, "", "either elements or zpl"),
        (HEAD + 'zpl = "^XA^XZ"\n' + BOX.format(1), "", "either elements or zpl"),
        (HEAD + BOX.format(60), "", "beyond the label of 50 x 30 mm"),
        (HEAD + BOX.format(-1), "elements.0.box.width_mm", "greater than 0"),
        (HEAD + '[[elements]]\nkind = "star"\n', "elements.0", "star"),
        (HEAD.replace("50", "nan") + BOX.format(1), "width_mm", "finite"),
        (HEAD + "colour = 1\n" + BOX.format(1), "colour", "unknown field"),
    ],
)
def test_messages_name_file_and_field(tmp_path: Path, document: str, field: str, problem: str):
    path = tmp_path / "layout.toml"
    path.write_text(document)
    with pytest.raises(InputError, match=problem) as error:
        read_layout(path)
    assert error.value.file == path
    assert (error.value.field or "") == field


def test_other_versions_are_refused(tmp_path: Path):
    path = tmp_path / "layout.toml"
    path.write_text("format_version = 2\n" + HEAD)
    with pytest.raises(UnknownVersionError):
        read_layout(path)
