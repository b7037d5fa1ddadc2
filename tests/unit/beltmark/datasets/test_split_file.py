"""Laws that every split keeps, whatever the dataset, and what is refused when one is used."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset, LabelledImage, LabelledObject
from beltmark.datasets.opening import read_dataset
from beltmark.datasets.split_balance import balance
from beltmark.datasets.split_file import (
    SplitDocument,
    SplitFile,
    apply_split,
    read_split,
    split_by_file,
    write_split,
)
from beltmark.datasets.split_groups import group_images, image_key
from beltmark.datasets.split_making import (
    fold_shares,
    make_split,
    part_shares,
)

THREE = part_shares([0.6, 0.2, 0.2])
BY = ("scene", "session")


def image(
    name: str, scene: str, labels: list[int], *, tracks: list[int] | None = None, **attributes: str
) -> LabelledImage:
    objects = tuple(
        LabelledObject(label, (0, 0, 4, 4), None if tracks is None else tracks[index])
        for index, label in enumerate(labels)
    )
    path = Path("data") / name
    return LabelledImage(path, 8, 8, scene, scene, (), objects, attributes=attributes)


def dataset(images: list[LabelledImage]) -> Dataset:
    return Dataset(Path("data/annotations.json"), "0" * 64, ("a", "b", "c"), tuple(images), 0)


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Up to 30 images in up to 9 scenes; some tell their session."""
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 8),
                st.lists(st.integers(0, 2), max_size=3),
                st.sampled_from(["", "s1", "s2", "s3"]),
            ),
            min_size=3,
            max_size=30,
        )
    )
    return dataset(
        [
            image(f"{k}.jpg", str(scene), labels, **({"session": session} if session else {}))
            for k, (scene, labels, session) in enumerate(rows)
        ]
    )


def made(of: Dataset, seed: int = 0, by: tuple[str, ...] = ("scene",)) -> SplitFile | None:
    """The split, or None where the dataset has too few groups for one."""
    if "session" in by and not any("session" in one.attributes for one in of.images):
        return None
    if len(group_images(of, by, items=True).groups) < len(THREE):
        return None
    document, _ = make_split(of, THREE, by=by, items=True, seed=seed)
    return SplitFile(Path("split.json"), "1" * 64, document)


@settings(max_examples=30, deadline=None)
@given(datasets(), st.integers(0, 3), st.sampled_from([("scene",), BY]))
def test_parts_are_disjoint_cover_all_and_keep_groups_whole(
    of: Dataset, seed: int, by: tuple[str, ...]
) -> None:
    split = made(of, seed, by)
    if split is None:
        return
    parts = apply_split(of, split)
    keys = [image_key(of, one) for part in parts.values() for one in part]
    assert sorted(keys) == sorted(image_key(of, one) for one in of.images)
    assert all(parts.values())
    for name in by:
        told = [
            {one.scene if name == "scene" else one.attributes.get(name) for one in part} - {None}
            for part in parts.values()
        ]
        assert sum(map(len, told)) == len(set().union(*told))


@settings(max_examples=30, deadline=None)
@given(datasets(), st.randoms(use_true_random=False), st.sampled_from([BY, ("scene",)]))
def test_a_draw_depends_on_names_and_seed_alone(
    of: Dataset, random: Random, by: tuple[str, ...]
) -> None:
    split = made(of, 0, by)
    shuffled = list(of.images)
    random.shuffle(shuffled)
    again = made(replace(of, images=tuple(shuffled)), 0, by)
    assert (split is None) == (again is None)
    if split is not None and again is not None:
        one, two = (
            {part.name: set(part.groups) for part in s.document.parts} for s in (split, again)
        )
        assert one == two


@settings(max_examples=30, deadline=None)
@given(datasets(), st.integers(3, 29))
def test_what_grows_keeps_its_old_images_in_their_parts(of: Dataset, before: int) -> None:
    old = replace(of, images=of.images[:before])
    split = made(old)
    if split is None:
        return
    grown, _ = make_split(of, THREE, by=["scene"], items=True, seed=9, fixed=split)
    now = apply_split(of, SplitFile(Path("new.json"), "2" * 64, grown))
    for name, part in apply_split(old, split).items():
        assert {one.path for one in part} <= {one.path for one in now[name]}
    assert grown.settings.fixed_sha256 == split.sha256


def test_attributes_join_through_others() -> None:
    of = dataset(
        [
            image("0.jpg", "1", [0], session="x"),
            image("1.jpg", "2", [0], session="x"),
            image("2.jpg", "2", [0], session="y"),
            image("3.jpg", "3", [0]),
            image("4.jpg", "4", [0]),
        ]
    )
    _, grouping = make_split(of, THREE, by=["scene", "session"], items=True, seed=0)
    assert [group.images for group in grouping.groups] == [(0, 1, 2), (3,), (4,)]
    assert grouping.untold == {"session": 2}


@pytest.mark.parametrize(
    ("second_class", "groups"),
    [
        (0, [(0, 2), (1,), (3,), (4,)]),  # one item in two sequences
        (1, [(0,), (1,), (2,), (3,), (4,)]),  # 7 is two items: numbered anew in each sequence
    ],
)
def test_track_ids_join_where_they_name_one_item(
    second_class: int, groups: list[tuple[int, ...]]
) -> None:
    of = dataset(
        [
            image("0.jpg", "1", [0], tracks=[7]),
            image("1.jpg", "2", [0], tracks=[8]),
            image("2.jpg", "3", [second_class], tracks=[7]),
            image("3.jpg", "4", [2]),
            image("4.jpg", "5", [2]),
        ]
    )
    _, grouping = make_split(of, THREE, by=["scene"], items=True, seed=0)
    assert [group.images for group in grouping.groups] == groups
    _, apart = make_split(of, THREE, by=["scene"], items=False, seed=0)
    assert len(apart.groups) == 5


def test_every_class_reaches_every_part_and_has_its_share() -> None:
    labels = [0] * 70 + [1] * 20 + [2] * 3
    of = dataset([image(f"{k}.jpg", str(k), [label]) for k, label in enumerate(labels)])
    document, _ = make_split(of, part_shares([0.7, 0.15, 0.15]), by=["scene"], items=True, seed=1)
    parts = balance(of, document)
    assert all(not part.without for part in parts)
    assert all(abs(part.image_share - part.asked) < 0.02 for part in parts)
    assert document.parts[2].share == 0.15


def test_by_time_the_newest_groups_are_the_test_part() -> None:
    days = [f"2026-05-{day:02d}T08:00:00" for day in range(1, 11)]
    images = [
        image(f"{day}-{k}.jpg", f"{day}{k}", [0], captured_at=day) for day in days for k in (0, 1)
    ]
    document, grouping = make_split(dataset(images), THREE, by=["time"], items=True, seed=0)
    assert len(grouping.groups) == 10
    assert list(document.parts[2].groups) == ["time=2026-05-09", "time=2026-05-10"]
    assert list(document.parts[1].groups) == ["time=2026-05-07", "time=2026-05-08"]
    # However the shares are, no part goes without: here the test part would take two of three.
    uneven = part_shares([0.1, 0.1, 0.8])
    few, _ = make_split(dataset(images[:6]), uneven, by=["time"], items=True, seed=0)
    assert [len(part.groups) for part in few.parts] == [1, 1, 1]
    wrong = dataset([image("a.jpg", "1", [0], captured_at="yesterday")])
    with pytest.raises(InputError, match=r"'yesterday' of a\.jpg is no time"):
        make_split(wrong, THREE, by=["time"], items=True, seed=0)


def ten(scenes: int = 10) -> Dataset:
    return dataset([image(f"{k}.jpg", str(k % scenes), [k % 3]) for k in range(20)])


def test_folds_take_turns() -> None:
    of = ten()
    document, _ = make_split(of, fold_shares(5), by=["scene"], items=True, seed=0)
    split = SplitFile(Path("folds.json"), "1" * 64, document)
    judged: list[Path] = []
    for fold in range(5):
        one = split_by_file(of, split, fold)
        assert not {i.scene for i in one.train} & {i.scene for i in (*one.validation, *one.test)}
        assert one.validation
        judged += [i.path for i in one.test]
    assert sorted(judged) == sorted(i.path for i in of.images)
    for fold, told in ((5, "has 5 folds"), (None, "has 5 folds")):
        with pytest.raises(InputError, match=told):
            split_by_file(of, split, fold)


def test_a_split_that_does_not_fit_is_refused_when_it_is_used(tmp_path: Path) -> None:
    of = ten()
    document, _ = make_split(of, THREE, by=["scene"], items=True, seed=0)
    split = write_split(tmp_path / "split.json", document)
    assert split_by_file(of, split).train
    grown = replace(of, images=(*of.images, image("new.jpg", "new", [0])))
    with pytest.raises(InputError, match=r"1 of 21 images .* are in no part .*new.jpg"):
        apply_split(grown, split)
    assert sum(map(len, apply_split(replace(of, images=of.images[:9]), split).values())) == 9
    torn = replace(of, images=tuple(replace(one, scene="all") for one in of.images))
    with pytest.raises(InputError, match="group scene=all lies in two parts"):
        apply_split(torn, split)
    with pytest.raises(InputError, match="has no folds"):
        split_by_file(of, split, 0)
    train, _, test = (next(iter(part.groups)).removeprefix("scene=") for part in document.parts)
    bridge = [image("new.jpg", scene, [0]) for scene in (train, test)]
    joining = replace(of, images=(*of.images, *bridge))
    with pytest.raises(InputError, match="leave out the new images"):
        make_split(joining, THREE, by=["scene"], items=True, seed=0, fixed=split)


def test_a_file_with_an_image_or_group_twice_is_refused(tmp_path: Path) -> None:
    document, _ = make_split(ten(), THREE, by=["scene"], items=True, seed=0)
    path = tmp_path / "split.json"
    good = json.loads(document.model_dump_json())
    first = next(iter(good["parts"][0]["groups"].items()))

    def refused(told: str) -> None:
        path.write_text(json.dumps(good))
        with pytest.raises(InputError, match=told):
            read_split(path)

    good["parts"][1]["groups"]["other"] = first[1]
    refused("image '.*' is there twice")
    good["parts"][1]["groups"] = {first[0]: ["x.jpg"]}
    refused("group '.*' is there twice")
    good["parts"][1] = {**good["parts"][0], "groups": {}}
    refused("part 'train' is there twice")
    assert SplitDocument.model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    "shares", [[1.0], [0.5, 0.4], [0.5, 0.5, 0.0], [0.25] * 4, [0.5, float("nan")]]
)
def test_shares_that_make_no_split_are_refused(shares: list[float]) -> None:
    with pytest.raises(InputError, match="make no split"):
        part_shares(shares)


def test_real_scenes_are_shared_out_evenly(shared_data: Path) -> None:
    of = read_dataset(shared_data / "belt" / "annotations.json")
    document, grouping = make_split(
        of, part_shares([0.7, 0.15, 0.15]), by=["scene"], items=True, seed=0
    )
    assert len(grouping.groups) == 9
    for part in balance(of, document):
        assert not part.without
        assert abs(part.image_share - part.asked) < 0.1
