import os

import pytest
from fleet_pictures import jpeg, png
from fleet_release import files_in

from beltmark.contract.errors import InputError
from beltmark.contract.sample import MAX_PICTURE_BYTES
from fleet_server.handlers.pictures import PictureFolder, PictureName, take_picture
from fleet_server.handlers.rollout import UnknownDevice


class Fleet:
    def devices(self) -> list[str]:
        return ["belt-1", "belt-2"]


@pytest.fixture
def folder(tmp_path) -> PictureFolder:
    return PictureFolder(tmp_path, items=3)


def take(folder, item_id, kind="crop", content=None, device="belt-1"):
    content = content or (jpeg() if kind == "crop" else png())
    take_picture(Fleet(), folder, PictureName(device, item_id, kind), content)


def test_pictures_lie_where_they_are_looked_for(folder, tmp_path):
    take(folder, "i1")
    take(folder, "i1", "label")
    assert files_in(tmp_path) == {"belt-1/i1.crop.jpg": jpeg(), "belt-1/i1.label.png": png()}
    assert folder.path(PictureName("belt-1", "i1", "crop")).read_bytes() == jpeg()


def test_the_same_again_changes_nothing(folder, tmp_path):
    take(folder, "i1")
    before = files_in(tmp_path)
    take(folder, "i1")
    assert files_in(tmp_path) == before


def test_the_oldest_item_makes_room_with_all_its_pictures(folder, tmp_path):
    for item_id in ("i1", "i2", "i3"):
        take(folder, item_id)
        take(folder, item_id, "label")
    take(folder, "i1", "label")  # i1 is news again
    take(folder, "i4")
    take(folder, "i1", device="belt-2")
    assert set(files_in(tmp_path / "belt-1")) == {
        "i1.crop.jpg",
        "i1.label.png",
        "i3.crop.jpg",
        "i3.label.png",
        "i4.crop.jpg",
    }
    assert set(files_in(tmp_path / "belt-2")) == {"i1.crop.jpg"}


def test_a_new_start_knows_which_are_the_oldest(folder, tmp_path):
    for number, item_id in enumerate(("i3", "i1", "i2")):
        take(folder, item_id)
        os.utime(folder.path(PictureName("belt-1", item_id, "crop")), (number, number))
    take(PictureFolder(tmp_path, items=3), "i0")
    assert set(files_in(tmp_path / "belt-1")) == {"i0.crop.jpg", "i1.crop.jpg", "i2.crop.jpg"}


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        ("crop", png(), "the crop is no JPEG"),
        ("label", jpeg(), "the label is no PNG"),
        ("crop", b"<script>", "the crop is no JPEG"),
        ("crop", jpeg(60_000, 60_000), "60000x60000 pixels"),
        ("label", png(more=b"x" * MAX_PICTURE_BYTES), "more than"),
    ],
)
def test_what_is_no_picture_is_refused(folder, tmp_path, kind, content, told):
    with pytest.raises(InputError, match=told):
        take(folder, "i1", kind, content)
    assert files_in(tmp_path) == {}


def test_a_stranger_fills_no_disk(folder, tmp_path):
    with pytest.raises(UnknownDevice):
        take(folder, "i1", device="stranger")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_leaves_nothing_half(folder, tmp_path):
    (tmp_path / "belt-1").write_bytes(b"a file in the place of the folder")
    with pytest.raises(OSError, match="belt-1"):
        take(folder, "i1")
    (tmp_path / "belt-1").unlink()
    take(folder, "i1")
    assert set(files_in(tmp_path)) == {"belt-1/i1.crop.jpg"}
