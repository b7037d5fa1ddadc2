"""Pictures get away as well as it goes: the latest first, bounded, and never waited for."""

import time
from collections.abc import Callable

from beltmark.contract.sample import MAX_PICTURE_BYTES
from edge_agent.uplink.backoff import Backoff
from edge_agent.uplink.fleet_http import Answer, Fate
from edge_agent.uplink.pictures import PictureUploader


class Door:
    """A server that gives the answers it was told to, then takes everything."""

    def __init__(self, *fates: Fate) -> None:
        self.fates, self.got = list(fates), list[tuple[str, bytes, str]]()
        self.on_send: Callable[[], None] = lambda: None

    def send(self, method: str, path: str, body: bytes, media: str) -> Answer:
        assert method == "PUT"
        self.on_send()
        self.got.append((path.removeprefix("/api/v1/devices/belt-1/items/"), body, media))
        return Answer(self.fates.pop(0) if self.fates else "taken")


def send_all(pictures: PictureUploader) -> None:
    while pictures.send_next() is not None:
        pass


def test_the_latest_goes_first_and_one_that_failed_is_tried_again():
    door = Door("later")
    pictures = PictureUploader(door, "belt-1")
    pictures.offer("i1", "crop", b"one")
    pictures.offer("i2", "label", b"two")
    assert pictures.send_next() is False
    send_all(pictures)
    assert door.got == [
        ("i2/label", b"two", "image/png"),
        ("i2/label", b"two", "image/png"),
        ("i1/crop", b"one", "image/jpeg"),
    ]


def test_a_newer_picture_of_the_same_replaces_it_even_under_way():
    door = Door()
    pictures = PictureUploader(door, "belt-1")
    pictures.offer("i1", "crop", b"old")
    pictures.offer("i1", "crop", b"new")
    assert pictures.waiting == 1
    door.on_send = lambda: len(door.got) or pictures.offer("i1", "crop", b"newest")
    send_all(pictures)
    assert [body for _, body, _ in door.got] == [b"new", b"newest"]


def test_a_refused_picture_is_forgotten():
    door = Door("refused")
    pictures = PictureUploader(door, "belt-1")
    pictures.offer("i1", "crop", b"one")
    send_all(pictures)
    assert len(door.got) == 1
    assert pictures.waiting == 0


def test_the_oldest_make_room_by_number_and_by_size():
    door = Door()
    pictures = PictureUploader(door, "belt-1", max_pictures=3, max_bytes=100)
    for number in range(5):
        pictures.offer(f"i{number}", "crop", b"x" * 10)
    assert pictures.waiting == 3
    pictures.offer("large", "crop", b"x" * 95)
    assert pictures.waiting == 1
    send_all(pictures)
    assert [path for path, _, _ in door.got] == ["large/crop"]


def test_what_cannot_be_sent_is_not_taken():
    pictures = PictureUploader(Door(), "belt-1")
    pictures.offer("../../etc", "crop", b"x")
    pictures.offer("i1", "crop", b"")
    pictures.offer("i1", "crop", bytes(MAX_PICTURE_BYTES + 1))
    assert pictures.waiting == 0


def test_the_thread_goes_on_after_failures():
    door = Door("later", "later", "taken", "taken")
    pictures = PictureUploader(door, "belt-1", backoff=Backoff(0.01, 0.02))
    pictures.start()
    pictures.offer("i1", "crop", b"one")
    end = time.monotonic() + 30.0
    while pictures.waiting:
        assert time.monotonic() < end
        time.sleep(0.01)
    pictures.offer("i2", "crop", b"two")
    while pictures.waiting:
        assert time.monotonic() < end
        time.sleep(0.01)
    pictures.stop()
    assert [body for _, body, _ in door.got] == [b"one", b"one", b"one", b"two"]
