from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beltmark.contract.documents import read_document
from beltmark.contract.errors import InputError
from beltmark.contract.package import Task
from training.config import TrainConfig
from training.config_file import write_config
from training.derive import Facts, check_enough, derive, in_words, name_of
from training.unconfigured import check_derived

PHOTOGRAPHS = Facts(
    task="classify",
    data=Path("photographs"),
    images_of={"cup": 600, "tube": 700},
    images=1300,
    learned=1100,
    width_px=400,
    height_px=300,
    small_px=None,
    mixed=None,
    threads=2,
    minutes=60,
    split=Path("runs/photographs/split.json"),
    step_s=3,
)
BOXES = replace(
    PHOTOGRAPHS,
    task="detect",
    data=Path("belt/annotations.json"),
    width_px=1280,
    height_px=720,
    small_px=40,
)


def test_photographs_keep_their_shape_and_use_the_time() -> None:
    config = derive(PHOTOGRAPHS)
    assert (config.input.width_px, config.input.height_px) == (256, 192)
    assert config.training.steps == 0.85 * 60 * 60 / 3
    assert config.data.split == PHOTOGRAPHS.split
    assert config.augment.preset == "photographs"
    assert config.augment.mosaic_share == 0


@pytest.mark.parametrize(
    ("data", "task", "minutes", "field"),
    [
        ("photographs", "detect", None, "task"),
        ("others", "classify", None, "data.annotations"),
        ("photographs", "classify", 5.0, "training.steps"),
    ],
)
def test_a_run_goes_on_as_what_it_was_begun_as(
    tmp_path: Path, data: str, task: Task, minutes: float | None, field: str
) -> None:
    path = tmp_path / "run.toml"
    write_config(path, derive(PHOTOGRAPHS), ())
    check_derived(path, Path("./photographs"), "classify", None)
    with pytest.raises(InputError) as refused:
        check_derived(path, Path(data), task, minutes)
    assert refused.value.field == field


def test_much_time_shows_no_image_more_often_than_is_of_use() -> None:
    few = replace(PHOTOGRAPHS, learned=100, minutes=600, step_s=0.1)
    assert derive(few).training.steps == 40 * 100 // 16


@pytest.mark.parametrize(("mixed", "context"), [(None, False), (0.05, True), (0.6, False)])
def test_pictures_of_one_kind_of_thing_have_their_say(mixed: float | None, context: bool) -> None:
    facts = replace(BOXES, mixed=mixed)
    config = derive(facts)
    assert config.training.context is context
    assert any("as a whole" in line for line in in_words(facts, config)) is context


def test_small_objects_ask_for_a_large_input() -> None:
    sizes = [
        derive(replace(BOXES, small_px=small_px)).input.width_px for small_px in (8, 20, 40, 200)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 640
    assert sizes[-1] == 224
    told = in_words(replace(BOXES, small_px=8), derive(replace(BOXES, small_px=8)))
    assert any("found badly" in line for line in told)


def test_data_that_came_in_parts_keep_them() -> None:
    config = derive(replace(PHOTOGRAPHS, split=None))
    assert config.data.own_parts
    assert config.data.split is None


def test_too_little_is_told() -> None:
    with pytest.raises(InputError, match="has 19 images, too few"):
        check_enough(19, Path("x"))
    with pytest.raises(
        InputError, match=r"too few to learn \(mend: give at least 10\)|at least 10"
    ):
        derive(replace(PHOTOGRAPHS, minutes=1, step_s=10))
    rare = replace(PHOTOGRAPHS, images_of={"cup": 600, "tube": 2})
    assert any(
        "TOO FEW to be judged by, or none: tube" in line for line in in_words(rare, derive(rare))
    )


@given(
    task=st.sampled_from(["detect", "classify"]),
    size_px=st.tuples(st.integers(8, 12_000), st.integers(8, 12_000)),
    small_px=st.floats(0.5, 4000),
    learned=st.integers(14, 10**6),
    step_s=st.none() | st.floats(0.01, 60),
)
def test_whatever_the_data_are_the_configuration_is_one(
    *,
    task: Task,
    size_px: tuple[int, int],
    small_px: float,
    learned: int,
    step_s: float | None,
) -> None:
    facts = replace(
        PHOTOGRAPHS,
        task=task,
        learned=learned,
        width_px=size_px[0],
        height_px=size_px[1],
        small_px=small_px if task == "detect" else None,
        step_s=step_s,
    )
    config = derive(facts)
    assert in_words(facts, config)
    assert config.training.steps * (step_s or 0) <= facts.minutes * 60


@pytest.mark.parametrize("facts", [PHOTOGRAPHS, BOXES, replace(BOXES, split=None)])
def test_what_is_written_is_read_back_as_it_was(facts: Facts, tmp_path: Path) -> None:
    named = replace(facts, data=tmp_path / 'of "Sörén"\\n' / "annotations.json")
    config = derive(named)
    write_config(tmp_path / "run.toml", config, in_words(named, config))
    assert read_document(tmp_path / "run.toml", TrainConfig) == config
    assert (tmp_path / "run.toml").read_text().startswith("# 1300 images, 2 classes")


@pytest.mark.parametrize(
    ("data", "name"),
    [("shop/My goods!", "My-goods"), ("belt/annotations.json", "belt"), ("茶", "model")],
)
def test_a_package_is_named_like_its_data(data: str, name: str) -> None:
    assert name_of(Path(data)) == name
