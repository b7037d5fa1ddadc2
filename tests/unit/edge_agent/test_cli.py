"""The command line: what it loads, what it refuses, how it lists."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from blob_station import write_station

from beltmark.contract.catalogue import Product
from edge_agent.cli import main
from edge_agent.printing.journal import Journal
from edge_agent.printing.records import ItemDecision, Place
from edge_agent.station.decision import Decision

HEAVY = (
    "torch", "torchvision", "albumentations", "scipy", "onnxruntime", "cv2", "numpy", "pydantic",
    "jinja2", "starlette", "uvicorn", "zxingcpp", "urllib3", "paho", "tuf", "gpiod", "sqlite3",
)  # fmt: skip


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from edge_agent.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        f"print('loaded', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: beltmark-edge" in done.stdout
    assert done.stdout.endswith("loaded []\n")


def test_running_a_station_loads_nothing_of_training() -> None:
    code = (
        "import sys\n"
        "import edge_agent.app, edge_agent.doctor\n"
        "print(sorted({'torch', 'albumentations', 'scipy', 'training'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["run"], ["run", "s.toml", "--seconds", "0"], ["journal", "s.toml", "--last", "-1"]],
)
def test_wrong_arguments_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "journal"])
def test_a_missing_station_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "none.toml")]) == 2
    error = capsys.readouterr().err
    assert error == f"{tmp_path / 'none.toml'}: no such file (check the path)\n"


def test_nothing_is_listed_before_the_first_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = write_station(tmp_path, "frames")
    assert main(["journal", str(station)]) == 0
    assert capsys.readouterr().out == ""


def test_items_are_listed_as_text_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    station = write_station(tmp_path, "frames")
    product = Product(sku="A-1", gtin="9521234500018", name="Coffee", class_name="carton")
    decisions = [
        Decision("PRINT", "sure", "a carton with 0.97", "carton", 0.97, product),
        Decision("REVIEW", "unsure", "looks like a tube", "tube", 0.4),
    ]
    journal = Journal(tmp_path / "data" / "journal.sqlite", "blob")
    for number, decision in enumerate(decisions):
        place = Place(1.0, 2.0, 3.0)
        new = ItemDecision(f"i{number}", 100.0 + number, place, decision, "r", "0" * 64)
        journal.record(new).result(10)
    journal.close()

    assert main(["journal", str(station), "--json"]) == 0
    items = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(i["item_id"], i["outcome"], i["sku"], i["print_state"]) for i in items] == [
        ("i0", "PRINT", "A-1", "decided"),
        ("i1", "REVIEW", None, None),
    ]
    assert main(["journal", str(station), "--last", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "i1 REVIEW" in line
    assert line.endswith("looks like a tube")
