import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from product_pictures import product_dataset

from beltmark.contract.errors import InputError
from beltmark.datasets.opening import read_dataset
from training.cli import main
from training.compose.composing import Outcome, Request, run
from training.compose.plan import ComposePlan


def request(
    products: Path,
    folder: Path,
    *,
    images: int = 6,
    none_class: str | None = None,
    leave_out: bool = False,
) -> Request:
    return Request(
        products,
        (),
        (),
        ("drawn",),
        ComposePlan(images, 5, width_px=120, height_px=80),
        folder,
        none_class=none_class,
        leave_out=leave_out,
    )


def compose(wanted: Request) -> Outcome:
    return run(wanted, lambda what, done, total: None)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_is_written_is_a_dataset(tmp_path: Path) -> None:
    outcome = compose(request(product_dataset(tmp_path / "p"), tmp_path / "out", none_class="none"))
    dataset = read_dataset(tmp_path / "out" / "annotations.json")
    assert dataset == outcome.dataset
    assert dataset.class_names == ("can", "carton", "none")
    assert len(dataset.images) == 6
    assert not dataset.clipped
    rows = json.loads((tmp_path / "out" / "annotations.json").read_text())["annotations"]
    assert {row["source"] for row in rows if row["category_id"] == 1} <= {
        "images/1.png",
        "images/2.png",
    }
    assert (tmp_path / "out" / "sheet.jpg").is_file()
    assert (tmp_path / "out" / "cuts.jpg").is_file()
    assert not (tmp_path / "out" / "left-out.jpg").exists()


def test_a_killed_run_goes_on_and_ends_with_the_same_files(tmp_path: Path) -> None:
    products = product_dataset(tmp_path / "p")
    script = f"""
import os, signal
from pathlib import Path
from test_composing import request
from training.compose.composing import run

def told(what, done, total):
    if what == "composing" and done == 27:
        os.kill(os.getpid(), signal.SIGKILL)

run(request(Path({str(products)!r}), Path({str(tmp_path / "killed")!r}), images=30), told)
"""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[3]), os.getcwd()]
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        timeout=300,
    )
    assert ended.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "annotations.json").exists()
    compose(request(products, tmp_path / "killed", images=30))
    compose(request(products, tmp_path / "whole", images=30))
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


def test_another_composition_is_not_mixed_in(tmp_path: Path) -> None:
    products = product_dataset(tmp_path / "p")
    compose(request(products, tmp_path / "out", images=2))
    with pytest.raises(InputError, match="another composition"):
        compose(request(products, tmp_path / "out", images=2, none_class="none"))
    with pytest.raises(InputError, match="not empty"):
        compose(request(products, tmp_path / "p", images=2))


def test_a_class_that_cannot_be_cut_out_stops_the_run_unless_it_may_be_left_out(
    tmp_path: Path,
) -> None:
    products = product_dataset(tmp_path / "p", faulty="carton")
    with pytest.raises(InputError, match="no picture could be cut for carton"):
        compose(request(products, tmp_path / "out"))
    assert (tmp_path / "out" / "left-out.jpg").is_file()
    outcome = compose(request(products, tmp_path / "out", leave_out=True))
    assert outcome.missing == ("carton",)
    assert outcome.dataset.class_names == ("can",)


def test_classes_are_named_as_a_package_can_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    products = product_dataset(tmp_path / "p", names={"can": "Cola Can", "carton": "milk-1"})
    catalogue = tmp_path / "catalogue.csv"
    catalogue.write_text(
        "sku,gtin,name,class_name,layout,length_mm\n1,4006381333931,Cola,cola_can,box,120\n"
    )
    words = ["data", "compose", str(products), "--images", "3", "--seed", "1"]
    words += ["--out", str(tmp_path / "out"), "--width", "96", "--height", "64"]
    words += ["--backgrounds", "drawn", "--none-class", "None Of These", "--classes", "Cola Can"]
    words += ["--catalogue", str(catalogue), "--scale-mm", "300", "400"]
    assert main(words) == 0
    dataset = read_dataset(tmp_path / "out" / "annotations.json")
    assert dataset.class_names == ("cola_can", "none_of_these")
    told = capsys.readouterr().out
    assert "class 'Cola Can' is called cola_can" in told
    assert "milk-1" not in told
    assert main(words) == 0  # and goes on in the same folder


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ({"can": "Cola Can", "carton": "cola_can"}, "'Cola Can' and 'cola_can' would both be"),
        ({"can": "可乐"}, "class '可乐' has no letter"),
    ],
)
def test_names_that_no_package_can_have_are_refused_before_any_work(
    tmp_path: Path, names: dict[str, str], told: str
) -> None:
    products = product_dataset(tmp_path / "p", names=names)
    with pytest.raises(InputError, match=told):
        compose(request(products, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_pictures_of_the_empty_belt_are_laid_under_the_products(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    products = product_dataset(tmp_path / "p")
    (tmp_path / "belt").mkdir()
    cv2.imwrite(str(tmp_path / "belt" / "first.png"), np.full((90, 130, 3), (90, 40, 20), np.uint8))
    words = ["data", "compose", str(products), "--images", "3", "--seed", "1"]
    words += ["--out", str(tmp_path / "out"), "--width", "96", "--height", "64"]
    assert main([*words, "--backgrounds", str(tmp_path / "belt")]) == 0
    dataset = read_dataset(tmp_path / "out" / "annotations.json")
    assert {image.scene for image in dataset.images} == {"first"}
    assert "cut out 4 of 4 products" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--backgrounds", "nowhere"], "nowhere: cannot be read"),
        (["--scenes", "9"], "no scene '9'"),
        (["--classes", "tin"], "no class 'tin'"),
        (["--size", "0.5", "0.2"], "--size: from 0.5 to 0.2"),
    ],
)
def test_bad_input_ends_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    words = ["data", "compose", str(product_dataset(tmp_path / "p")), "--images", "2"]
    assert main([*words, "--seed", "1", "--out", str(tmp_path / "out"), *more]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
