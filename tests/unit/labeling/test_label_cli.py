"""`beltmark-label`: what it prints, what it refuses, what it leaves alone."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from label_studio_tasks import HEIGHT, WIDTH, answer, region, task, write_dataset, write_tasks
from studio_bench import write_picture

from beltmark.datasets.dataset import Dataset
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.snapshots.adding import Addition, add
from beltmark.datasets.snapshots.manifest import Source
from beltmark.datasets.snapshots.store import Store
from labeling.cli import main


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from labeling.cli import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "print('loaded', sorted({'numpy', 'cv2', 'pydantic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "usage: beltmark-label" in done.stdout
    assert done.stdout.endswith("loaded []\n")


@pytest.mark.parametrize(
    "arguments",
    [[], ["to-tasks"], ["to-tasks", "a", "b", "--as", "boxes"], ["from-tasks", "a"], ["config"],
     ["import"], ["export", "a"], ["samples", "http://x", "out"],
     ["samples", "http://x", "out", "--token-file", "t", "--limit", "0"]],
)  # fmt: skip
def test_wrong_arguments_end_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_dataset(tmp_path)
    tasks, back = tmp_path / "tasks.json", tmp_path / "back.json"
    assert main(["to-tasks", str(dataset), str(tasks), "--images-prefix", "https://h"]) == 0
    assert main(["from-tasks", str(tasks), str(back), "--images-prefix", "https://h"]) == 0
    assert json.loads(back.read_text()) == json.loads(dataset.read_text())
    assert capsys.readouterr().out.splitlines() == [
        f"{tasks}: 3 tasks, 4 boxes",
        f"{back}: 3 images, 4 boxes, 2 regions not judged",
    ]


def test_lists_that_are_none_of_cocos_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path, captions=[1])
    assert main(["to-tasks", str(dataset), str(tmp_path / "tasks.json")]) == 0
    assert "'captions': left out" in capsys.readouterr().err


def test_what_was_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [
        task(1, answer(region()), answer(region(), id=2)),
        task(2),
        task(3, answer(was_cancelled=True)),
    ]
    out = tmp_path / "out.json"
    assert main(["from-tasks", str(write_tasks(tmp_path, tasks)), str(out)]) == 0
    assert capsys.readouterr().out == (
        f"{out}: 1 images, 1 boxes, 0 regions not judged; left out 1 tasks without answer; "
        "left out 1 skipped tasks; took the latest of several answers to 1 tasks\n"
    )


def test_the_configuration_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = tmp_path / "classes.txt"
    classes.write_text("cup\n")
    assert main(["config", str(classes)]) == 0
    assert capsys.readouterr().out.startswith("<View>\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["to-tasks", "none.json", "out.json"], "none.json: no such file"),
        (["to-tasks", "annotations.json", "annotations.json"], "would be written over"),
        (["to-tasks", "annotations.json", "./annotations.json"], "would be written over"),
        (["from-tasks", "annotations.json", "out.json"], "this is a COCO dataset"),
        (["to-tasks", "annotations.json", "out.json", "--as", "predictions"], "--model-version"),
        (["to-tasks", "annotations.json", "out.json", "--model-version", "v"], "--as predictions"),
        (
            ["from-tasks", "tasks.json", "out.json", "--classes", "none.txt"],
            "none.txt: no such file",
        ),
        (["config", "none.csv"], "none.csv: no such file"),
        (["samples", "ftp://x", "out", "--token-file", "token"], "'ftp://x' is no address"),
        (["samples", "http://x", "out", "--token-file", "none"], "none: no such file"),
        (["samples", "http://x", "out", "--token-file", "empty"], "empty: holds no token"),
        (["samples", "http://x", "out", "--token-file", "tokens"], "tokens: holds no token"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_dataset(tmp_path)
    (tmp_path / "tasks.json").write_text("[]")
    (tmp_path / "token").write_text("secret-of-a-test\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "tokens").write_text("a\r\nX-Other: b\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert told in printed.err
    assert printed.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_nothing_is_half_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    out.write_text("what was there before")
    bad = [task(1, answer(region())), task(2, answer(region(rotation=5)))]
    assert main(["from-tasks", str(write_tasks(tmp_path, bad)), str(out)]) == 2
    assert "task 2, region r1" in capsys.readouterr().err
    assert out.read_text() == "what was there before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_folder_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_dataset(tmp_path)
    assert main(["to-tasks", str(dataset), "/dev/full/out.json"]) == 2
    assert capsys.readouterr().err.startswith("/dev/full")


@pytest.mark.parametrize("format_name", ["coco", "yolo", "voc"])
def test_a_snapshot_is_exported_with_its_boxes_and_names(tmp_path: Path, format_name: str) -> None:
    path = write_dataset(tmp_path / "set", info={})
    for k, name in enumerate(("a b#1", "b", "c")):  # three files, not one
        write_picture(tmp_path / "set" / "images" / f"{name}.png", k, WIDTH, HEIGHT)
    before = read_dataset(path)
    source = Source(path="set", format="coco")
    at = datetime(2026, 11, 30, tzinfo=UTC)
    add(Store.create(tmp_path / "store"), before, Addition(source, "me", at, name="n"))
    out = tmp_path / "out"
    arguments = ["export", f"{tmp_path / 'store'}@n", str(out), "--format", format_name]
    assert main(arguments) == 0
    after = read_dataset(out)
    assert after.format == format_name

    def boxes(dataset: Dataset) -> dict[bytes, object]:
        return {
            image.path.read_bytes(): sorted(
                [dataset.class_names[each.class_index], *(round(v, 2) for v in each.box_xyxy_px)]
                for each in image.objects
            )
            for image in dataset.images
        }

    assert boxes(after) == boxes(before)
    assert {image.path.name for image in after.images} == {"a b#1.png", "b.png", "c.png"}
    assert main(arguments) == 2  # nothing is written over
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
