"""Gold tasks and suspects in a real Label Studio: measured, sent back, and settled."""

from pathlib import Path

import pytest
from label_studio_server import MARA, Server
from studio_bench import StudioBench, write_picture
from suspect_report import write_report

from beltmark.datasets.opening import read_dataset
from labeling.exporting import predicted_region

pytestmark = [pytest.mark.label_studio, pytest.mark.xdist_group("label_studio")]

SIZE = (48, 36)


def test_gold_measures_people_and_is_seen_by_nobody(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for k in range(8):
        write_picture(tmp_path / "images" / f"{k}.png", k)
    for k in range(4):
        write_picture(tmp_path / "known" / "cup" / f"{k}.png", 100 + k)
    bench = StudioBench(label_studio, tmp_path / "bench", "Gold", ["tube"])
    push = ["push", tmp_path / "images", "--gold", tmp_path / "known", "--gold-share", "0.5"]
    assert bench.run(*push) == 2
    assert "does not have: 'cup'" in capsys.readouterr().err
    bench.set_classes(["cup", "tube"])
    assert bench.run(*push) == 0
    assert "12 new tasks, 4 of them gold" in capsys.readouterr().out
    tasks = bench.tasks()
    assert len({(tuple(task["data"]), task["data"]["chosen"]) for task in tasks}) == 1

    known = {path.read_bytes() for path in (tmp_path / "known" / "cup").iterdir()}
    whole = predicted_region("r", "cup", (0, 0, *SIZE), SIZE)
    wrong = predicted_region("r", "tube", (0, 0, 40, *SIZE[1:]), SIZE)
    for task in tasks:
        is_gold = bench.client.file(task["data"]["image"]) in known
        label_studio.answer(task["id"], [whole])
        if is_gold:
            label_studio.answer(task["id"], [wrong], as_mara=True)
    capsys.readouterr()
    for store in ("here", "on-another-machine"):
        assert bench.run("pull", tmp_path / store) == 0
        told = capsys.readouterr().out
        assert "8 settled, 0 contested" in told
        assert "beltmark@localhost on 4 gold images: recall 1.000 (0.510-1.000, 4 of 4)" in told
        assert f"{MARA} on 4 gold images: recall 1.000" in told
        assert "class right 0.000 (0.000-0.490, 0 of 4), mean IoU 0.833" in told
        labelled = read_dataset(Path(f"{tmp_path / store}@labelled"))
        assert not known & {image.path.read_bytes() for image in labelled.images}


def test_suspects_come_back_into_a_tab_the_worst_first(
    label_studio: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for k in range(6):
        write_picture(tmp_path / "set" / "cup" / f"{k}.png", k)
    bench = StudioBench(label_studio, tmp_path / "bench", "Suspects", ["cup", "tube"])
    assert bench.run("import", tmp_path / "set", "--as", "starred") == 0
    assert bench.pull() == 0
    # The snapshot is checked, and one image more, which is no task.
    assert bench.run("import", tmp_path / "set") == 0
    write_picture(tmp_path / "set" / "cup" / "new.png", 99)
    dataset = read_dataset(tmp_path / "set")
    wrong = {"cup/4.png": "looks like tube", "cup/new.png": "odd", "cup/1.png": "looks like box"}
    report = write_report(tmp_path / "report.json", dataset, wrong, "wrong-class")
    capsys.readouterr()
    assert bench.run("review", report) == 0
    assert "tab Review: 2 tasks sent back, 1 new ones" in capsys.readouterr().out
    by_name = {
        task["data"]["beltmark"]["image"]["file_name"].rpartition("/")[2]: task
        for task in bench.tasks()
    }
    expected = [by_name[name]["id"] for name in ("4.png", "new.png", "1.png")]
    assert bench.tab("Review") == expected
    assert by_name["4.png"]["data"]["review_reason"] == "looks like tube"

    # Nobody has answered anew: the snapshot stays as it was.
    assert bench.pull() == 0
    assert "4 settled, 0 contested, 0 unusable, 3 wait" in (told := capsys.readouterr().out)
    assert "as it was before" in told
    (old,) = label_studio.ask("GET", f"/api/tasks/{by_name['4.png']['id']}/annotations/")
    anew = predicted_region("r", "tube", (0, 0, *SIZE), SIZE)
    label_studio.ask("PATCH", f"/api/annotations/{old['id']}/", {"result": [anew]})
    label_studio.answer(by_name["new.png"]["id"], [anew], as_mara=True)
    assert bench.pull() == 0
    assert "6 settled, 0 contested, 0 unusable, 1 wait" in (told := capsys.readouterr().out)
    assert "1 images added, 1 changed, 0 removed" in told
    assert bench.tab("Review") == expected[2:]
    assert bench.run("review", report) == 0
    assert "0 tasks sent back, 0 new ones, 3 were there" in capsys.readouterr().out
    assert bench.tab("Review") == expected[2:]

    dataset.path.joinpath("cup", "new.png").unlink()
    assert bench.run("review", report) == 2
    assert "is not what was checked" in capsys.readouterr().err


def test_a_suspect_that_nobody_answered_is_shown_with_its_boxes(
    label_studio: Server, tmp_path: Path
) -> None:
    for k in range(2):
        write_picture(tmp_path / "set" / "cup" / f"{k}.png", k)
    bench = StudioBench(label_studio, tmp_path / "bench", "Bare suspects", ["cup", "tube"])
    assert bench.run("push", tmp_path / "set") == 0
    dataset = read_dataset(tmp_path / "set")
    report = write_report(
        tmp_path / "report.json", dataset, {"cup/1.png": "looks like tube"}, "wrong-class"
    )

    assert bench.run("review", report) == 0

    (number,) = bench.tab("Review")
    (shown,) = label_studio.ask("GET", f"/api/tasks/{number}/annotations/")
    assert shown["result"][0]["value"]["rectanglelabels"] == ["cup"]
    assert not shown["ground_truth"]
    assert bench.pull() == 0
    assert bench.tab("Review") == [number], "nobody has answered anew"
