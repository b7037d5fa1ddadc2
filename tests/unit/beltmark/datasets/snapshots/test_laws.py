"""What holds of any rows: joining, comparing and writing them."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from beltmark.datasets.snapshots.differences import apply, compare, count_change
from beltmark.datasets.snapshots.rows import (
    Lines,
    Row,
    RowObject,
    grouped,
    line_of,
    parts_of,
    read_row,
)
from beltmark.datasets.snapshots.uniting import keep_told, renamed, unite

FILE = Path("shard.jsonl")
IMAGES = [f"{number:064x}" for number in range(3)]

few = settings(max_examples=30, deadline=None)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ['","times":3', '","origins":[["a","b"]]}', "\n", "\u2028", "\\"]
)
numbers = st.floats(0, 100, width=32) | st.integers(0, 100).map(float)
boxes = st.tuples(numbers, numbers, numbers, numbers)
objects = st.builds(
    RowObject,
    class_name=st.sampled_from(["cup", "tube"]),
    box_xyxy_px=boxes,
    track_id=st.none() | st.integers(0, 9),
    truncated=st.booleans(),
)
origins = st.sets(st.tuples(st.sampled_from(["s1", "s2", "s3"]), texts), min_size=1, max_size=3)


def rows(image: st.SearchStrategy[str]) -> st.SearchStrategy[Row]:
    return st.builds(
        Row,
        image=image,
        size_bytes=st.just(9),
        width_px=st.just(64),
        height_px=st.just(48),
        scene=st.none() | texts,
        frame=st.none() | st.integers(0, 5),
        class_name=st.none() | st.sampled_from(["cup", "tube"]),
        attributes=st.dictionaries(texts, texts, max_size=2),
        ignore_xyxy_px=st.lists(boxes, max_size=2).map(tuple),
        objects=st.lists(objects, max_size=3).map(tuple),
        times=st.integers(1, 3),
        origins=origins.map(lambda found: tuple(sorted(found))),
    )


BOX = RowObject(class_name="cup", box_xyxy_px=(10, 10, 30, 30))
SAID: list[dict[str, Any]] = [
    {},
    {"class_name": "tube"},
    {"objects": (BOX,)},
    {"objects": (BOX.model_copy(update={"box_xyxy_px": (12.5, 10, 30, 30)}),)},
    {"objects": (BOX.model_copy(update={"class_name": "tube"}), BOX), "scene": "5"},
]
"""What may be said of an image; few, so that two sides agree now and then."""

few_origins = st.sets(
    st.tuples(st.sampled_from(["s1", "s2"]), st.sampled_from(["a", "b"])), min_size=1
)


@st.composite
def lines(draw: st.DrawFn, image: str, said: dict[str, Any], times: int) -> bytes:
    """A row that says this, from anywhere."""
    told = {"image": image, "size_bytes": 9, "width_px": 64, "height_px": 48, "times": times}
    return line_of(Row(**told, **said, origins=tuple(sorted(draw(few_origins)))))


@st.composite
def shards(draw: st.DrawFn) -> Lines:
    """Any rows of a few images, each content once for an image."""
    found = []
    for image in draw(st.sets(st.sampled_from(IMAGES))):
        said = draw(st.sets(st.integers(0, len(SAID) - 1), min_size=1, max_size=2))
        found += [draw(lines(image, SAID[each], draw(st.integers(1, 2)))) for each in said]
    return grouped(found)


@st.composite
def agreeing(draw: st.DrawFn) -> list[Lines]:
    """Three sides that say the same of each image, from other origins."""
    whole = draw(shards())
    sides = []
    for _ in range(3):
        found = []
        for image in draw(st.sets(st.sampled_from(IMAGES))):
            for line in whole.get(image, ()):
                origins = frozenset(draw(few_origins))
                found.append(parts_of(line)._replace(origins=origins).line)
        sides.append(grouped(found))
    return sides


def joined(first: Lines, second: Lines) -> Lines:
    found = unite(first, second, None, FILE)
    assert not found.conflicts
    return found.lines


@few
@given(rows(st.sampled_from(IMAGES)))
def test_a_row_is_one_line_and_is_read_back(row: Row) -> None:
    line = line_of(row)
    assert b"\n" not in line
    assert line_of(read_row(line, FILE)) == line
    parts = parts_of(line)
    assert (parts.times, tuple(sorted(parts.origins)), parts.line) == (row.times, row.origins, line)


@few
@given(rows(st.sampled_from(IMAGES)), st.randoms(use_true_random=False))
def test_the_order_of_what_a_row_holds_does_not_count(row: Row, chance) -> None:
    shuffled = {}
    for name in ("objects", "ignore_xyxy_px", "origins"):
        values = list(getattr(row, name))
        chance.shuffle(values)
        shuffled[name] = tuple(values)
    turned = dict(reversed(row.attributes.items()))
    assert line_of(row.model_copy(update={**shuffled, "attributes": turned})) == line_of(row)


@few
@given(agreeing())
def test_the_order_of_adding_does_not_count(sides: list[Lines]) -> None:
    a, b, c = sides
    assert joined(a, b) == joined(b, a)
    assert joined(joined(a, b), c) == joined(a, joined(b, c))
    assert joined(a, a) == a
    assert joined(a, {}) == a == joined({}, a)
    assert joined(joined(a, b), b) == joined(a, b)


@few
@given(shards(), shards())
def test_a_contradiction_is_found_from_either_side(a: Lines, b: Lines) -> None:
    there, back = unite(a, b, None, FILE), unite(b, a, None, FILE)
    assert there.lines == back.lines
    assert {each.image for each in there.conflicts} == {each.image for each in back.conflicts}
    first = unite(a, b, "first", FILE).lines
    assert first == unite(b, a, "second", FILE).lines
    for conflict in there.conflicts:
        assert first[conflict.image] == a[conflict.image]


@few
@given(shards(), shards())
def test_a_difference_applied_gives_the_other(a: Lines, b: Lines) -> None:
    difference = compare(a, b, FILE)
    assert apply(a, difference) == b
    assert bool(difference) == (a != b)


@few
@given(shards())
def test_nothing_differs_from_itself(a: Lines) -> None:
    assert not compare(a, a, FILE)


@few
@given(shards(), shards())
def test_counts_change_back(a: Lines, b: Lines) -> None:
    there, back = count_change(compare(a, b, FILE)), count_change(compare(b, a, FILE))
    assert there == {name: -count for name, count in back.items()}


@few
@given(shards())
def test_renaming_to_the_same_names_changes_nothing(a: Lines) -> None:
    assert renamed(a, {"cup": "cup", "tube": "tube"}, FILE) == a


@few
@given(shards())
def test_classes_that_become_one_keep_every_image(a: Lines) -> None:
    found = renamed(a, {"cup": "goods", "tube": "goods"}, FILE)
    assert found.keys() == a.keys()
    for image in a:
        before, after = (sum(parts_of(line).times for line in each[image]) for each in (a, found))
        assert before == after


@few
@given(shards(), shards())
def test_what_its_source_told_stands(told: Lines, ours: Lines) -> None:
    places = frozenset({"s1", "s2", "s3"})
    kept = keep_told(ours, told, places)
    assert kept.keys() == ours.keys()
    assert unite(told, kept, "first", FILE).lines.keys() == told.keys() | ours.keys()
    assert keep_told(told, told, places) == told
