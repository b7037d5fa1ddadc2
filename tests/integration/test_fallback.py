"""The fallback ladder with a whole agent: a release that cannot run, one that it dies on."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp
from agent_process import AgentProcess
from blob_station import BLUE, GREEN, RED, pass_by, picture, write_release, write_station
from numpy.typing import NDArray
from waiting import until

from edge_agent.app import open_agent
from edge_agent.cli import main
from edge_agent.printing.reading import read_items
from edge_agent.settings import read_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("release", "winter"):
        write_release(tmp_path / name)
        document = tmp_path / name / "release.json"
        document.write_text(document.read_text().replace("blob-1", name))
    frames = tmp_path / "frames"
    frames.mkdir()
    for index, image in enumerate(pass_by([RED, BLUE, GREEN])):
        cv2.imwrite(str(frames / f"{index:04d}.png"), image)
    return tmp_path


def station(folder: Path, fallback: str, **sections: str) -> Path:
    return write_station(folder, "frames", fallback=fallback, **sections)


def break_model(release: Path) -> None:
    model = release / "package/model.onnx"
    model.write_bytes(model.read_bytes()[:-1])


def outcomes(folder: Path) -> list[tuple[str, str]]:
    return [(i.outcome, i.release) for i in read_items(folder / "data/journal.sqlite")]


def status(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "data/status.json").read_text()))


def test_a_damaged_release_gives_way_to_the_one_before(folder: Path) -> None:
    break_model(folder / "release")
    path = station(folder, 'previous = "winter"')

    assert open_agent(read_settings(path, {})).run()

    assert [outcome for outcome, _ in outcomes(folder)] == ["PRINT", "REVIEW", "PRINT"]
    assert {release for _, release in outcomes(folder)} == {"winter"}
    assert "the release before: content differs from the digest" in str(status(folder)["fallback"])


@pytest.mark.parametrize("rung", ["barcode", "person"])
def test_without_any_model_each_item_is_found_and_goes_to_a_person(folder: Path, rung: str) -> None:
    for name in ("release", "winter"):
        break_model(folder / name)
    path = station(folder, f'previous = "winter"\n{rung} = true')

    assert open_agent(read_settings(path, {})).run()

    assert [outcome for outcome, _ in outcomes(folder)] == ["REVIEW"] * 3


def test_what_it_dies_on_is_left_after_the_third_time_and_tried_again_by_a_person(
    folder: Path,
) -> None:
    agent = AgentProcess(
        station(folder, 'previous = "winter"', camera='source = "frames"\nfps = 15\nloop = true')
    )
    for _ in range(3):
        agent.start()
        assert agent.status()["release"] == "release"
        agent.kill()

    agent.start()
    assert agent.status()["release"] == "winter"
    assert "died 3 times" in agent.status()["fallback"]
    agent.stop()

    agent.start()
    until(lambda: agent.status()["release"] == "release", "the release again")
    assert agent.status()["fallback"] is None
    agent.stop()


def test_without_a_model_what_bears_its_barcode_is_labelled(folder: Path) -> None:
    break_model(folder / "release")
    frames = folder / "coded"
    frames.mkdir()
    for index, image in enumerate([*passing("TUBE-01"), *passing(None)]):
        cv2.imwrite(str(frames / f"{index:04d}.png"), image)
    path = write_station(folder, "coded", fallback="barcode = true")

    assert open_agent(read_settings(path, {})).run()

    items = read_items(folder / "data/journal.sqlite")
    assert [(i.outcome, i.sku) for i in items] == [("PRINT", "TUBE-01"), ("REVIEW", None)]
    assert items[1].reason == "nothing says what it is"


def passing(text: str | None) -> list[NDArray[np.uint8]]:
    """A white box that passes over a dark belt, with a QR code on it or none."""
    box = np.full((90, 90), 250, np.uint8)
    if text is not None:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        symbol = np.asarray(code.to_image(scale=3))
        assert max(symbol.shape) <= 90
        y, x = (90 - symbol.shape[0]) // 2, (90 - symbol.shape[1]) // 2
        box[y : y + symbol.shape[0], x : x + symbol.shape[1]] = symbol
    frames = [picture(None, RED, seed) for seed in range(15)]
    for left in range(-100, 250, 6):
        image = picture(None, RED, seed=left + 100)
        begin, end = max(0, left), min(image.shape[1], left + 90)
        if begin < end:
            image[30:120, begin:end] = box[:, begin - left : end - left, None]
        frames.append(image)
    return frames


def rehearsed(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[str]]]:
    code = main(["rehearse", str(path), "--recording", str(path.parent / "frames")])
    lines = capsys.readouterr().out.splitlines()
    return code, {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines}


@pytest.mark.long
def test_a_rehearsal_walks_each_rung_and_touches_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = station(
        folder,
        'previous = "winter"\nbarcode = true\nperson = true',
        printer='address = "tcp://127.0.0.1:9"',
        outputs='run_permit = "tcp://127.0.0.1:9"',
    )

    code, rungs = rehearsed(path, capsys)

    assert code == 0, rungs
    assert {rung: state for rung, (state, _) in rungs.items()} == dict.fromkeys(
        ("release", "previous", "barcode", "person", "stop"), "ok"
    )
    assert "3 items: 2 labels, 1 to a person" in rungs["previous"][1]
    assert "3 items: 3 to a person" in rungs["person"][1]
    assert not (folder / "data").exists()


def test_a_rehearsal_finds_the_rung_that_would_not_hold(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_model(folder / "winter")
    path = station(folder, 'previous = "winter"')

    code, rungs = rehearsed(path, capsys)

    assert code == 2
    assert rungs["release"][0] == "ok"
    assert rungs["previous"][0] == "FAULT"
    assert "digest" in rungs["previous"][1]
    assert rungs["person"][0] == "-"
    assert rungs["stop"][0] == "FAULT", "nothing stops this belt"
