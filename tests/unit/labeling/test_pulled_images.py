from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import region
from studio_fake import FakeStudio

from beltmark.contract.documents import sha256_of
from beltmark.contract.errors import InputError
from beltmark.datasets.label_studio.words import numbered
from labeling.agreement import Tally
from labeling.pulled_images import ensure_image
from labeling.settling import Rules, Settled, packed, settle

CONTENT = b"an image"
WHERE = Path("project")


@pytest.fixture
def studio() -> FakeStudio:
    studio = FakeStudio()
    studio.upload(1, {"x.png": CONTENT})
    return studio


def settled(studio: FakeStudio, name: str = "a/x.png", **data: Any) -> Settled:
    image = {"file_name": name, "width": 64, "height": 48}
    given = {"image": "/data/upload/x.png", "sha256": sha256_of(CONTENT), **data}
    studio.add_tasks(1, [{"data": {**given, "beltmark": {"image": image}}}])
    studio.answer(max(studio.rows), [region()])
    rules = Rules(WHERE, numbered(["cup"]), {1: "mara@example.org"})
    found = settle(studio.rows[max(studio.rows)], rules, Tally())
    assert isinstance(found, Settled)
    return found


def test_an_image_is_fetched_once_and_again_if_it_was_damaged(
    studio: FakeStudio, tmp_path: Path
) -> None:
    task = settled(studio)
    ensure_image(studio, task, tmp_path, WHERE)
    assert (tmp_path / "a" / "x.png").read_bytes() == CONTENT
    studio.requests_left = 0
    ensure_image(studio, task, tmp_path, WHERE)
    (tmp_path / "a" / "x.png").write_bytes(b"another")
    studio.requests_left = 1
    ensure_image(studio, task, tmp_path, WHERE)
    assert (tmp_path / "a" / "x.png").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"image": "/data/upload/gone.png"}, "is gone from the server"),
        ({"image": "s3://bucket/x.png"}, "lies elsewhere"),
        ({"image": "http://elsewhere/data/x.png"}, "lies elsewhere"),
        ({"sha256": "0" * 64}, "is not the one that was pushed"),
    ],
)
def test_an_image_that_is_not_there_is_told_with_its_task(
    studio: FakeStudio, tmp_path: Path, data: dict[str, str], told: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        ensure_image(studio, settled(studio, **data), tmp_path, WHERE)
    assert caught.value.field == "task 1"
    assert not any(tmp_path.rglob("*.png"))


@pytest.mark.parametrize("name", ["../x.png", "/etc/x.png", "a\\x.png"])
def test_a_name_leads_nowhere_else(studio: FakeStudio, tmp_path: Path, name: str) -> None:
    task = settled(studio)
    image = {"file_name": name, "width": 64, "height": 48}
    data = {**task.task.data, "beltmark": {"image": image}}
    row = {"id": task.id, "data": data, "annotations": []}
    changed = replace(task, packed=packed(row, task.task.works[0]))
    with pytest.raises(InputError, match="is no file name"):
        ensure_image(studio, changed, tmp_path, WHERE)
