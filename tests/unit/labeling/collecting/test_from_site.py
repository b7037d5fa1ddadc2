"""Samples of a site: a session for each station and day, each once, none past its day."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from collected import NOON, coded, collection_at, scene
from PIL import Image

from beltmark.contract.documents import sha256_of
from beltmark.datasets.opening import read_dataset
from labeling.collecting.from_site import Fetched, take_samples
from labeling.site import ListedSample, SampleGone

NOW = NOON + timedelta(days=1)


class MadeUpSite:
    """Has samples, and counts what is asked of it."""

    def __init__(self) -> None:
        self.listed: list[ListedSample] = []
        self.contents: dict[str, bytes] = {}
        self.asked = 0

    def add(self, name: str, content: bytes, days_ago: int = 0, **changes: Any) -> None:
        sample = {
            "sample_id": name, "item_id": f"i-{name}", "outcome": "REVIEW", "reason": "not sure",
            "captured_at": (NOON - timedelta(days=days_ago)).timestamp(), "width_px": 160,
            "height_px": 120, "release": "r7", "package_sha256": "0" * 64,
        }  # fmt: skip
        told = {"device": "belt-1", "sha256": sha256_of(content), "sample": sample} | changes
        self.listed.append(ListedSample.model_validate(told))
        self.contents[name] = content

    def samples(self, limit: int) -> list[ListedSample]:
        return self.listed[:limit]

    def image(self, device: str, sample_id: str) -> bytes:
        self.asked += 1
        if sample_id not in self.contents:
            raise SampleGone
        return self.contents[sample_id]


@pytest.fixture
def site() -> MadeUpSite:
    site = MadeUpSite()
    site.add("a", coded(scene(1)))
    site.add("b", coded(scene(2)), days_ago=1)
    return site


def take(folder: Path, site: MadeUpSite, keep_days: int = 30) -> Fetched:
    with collection_at(folder) as collection:
        return take_samples(collection, site, 100, keep_days, NOW)


def test_each_day_of_a_station_is_a_session_and_files_stay_what_they_are(
    tmp_path: Path, site: MadeUpSite
) -> None:
    assert take(tmp_path / "c", site).fresh == 2

    old, new = read_dataset(tmp_path / "c").images
    assert (old.scene, new.scene) == ("20261129-site-belt-1", "20261130-site-belt-1")
    assert new.attributes["item"] == "i-a"
    assert new.ignore_xyxy_px == ((0, 0, 160, 120),)
    assert new.path.read_bytes() == site.contents["a"], "a push knows it by its digest"


def test_what_is_there_is_not_fetched_anew(tmp_path: Path, site: MadeUpSite) -> None:
    take(tmp_path / "c", site)
    asked = site.asked

    fetched = take(tmp_path / "c", site)

    assert (fetched.fresh, fetched.there, site.asked) == (0, 2, asked)


def test_what_is_past_its_day_is_not_fetched_at_all(tmp_path: Path, site: MadeUpSite) -> None:
    site.add("old", coded(scene(3)), days_ago=5)

    fetched = take(tmp_path / "c", site, keep_days=3)

    assert (fetched.fresh, fetched.past) == (2, 1)


def test_a_sample_that_is_gone_or_another_does_not_hold_up_the_others(
    tmp_path: Path, site: MadeUpSite
) -> None:
    del site.contents["a"]
    site.add("c", coded(scene(3)), sha256="1" * 64)

    fetched = take(tmp_path / "c", site)

    assert fetched.fresh == 1
    assert len(fetched.problems) == 2


def test_what_a_sample_tells_beside_its_pixels_is_lost(tmp_path: Path, site: MadeUpSite) -> None:
    exif = Image.Exif()
    exif[0x0110] = "SECRET-MODEL"
    with io.BytesIO() as file:
        Image.fromarray(scene(4)).save(file, "JPEG", exif=exif, comment=b"SECRET-TOO")
        site.add("d", file.getvalue())

    take(tmp_path / "c", site)

    kept = [path.read_bytes() for path in (tmp_path / "c").rglob("*.jpg")]
    assert len(kept) == 3
    assert not any(b"SECRET" in content for content in kept)
