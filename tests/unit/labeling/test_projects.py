from pathlib import Path
from typing import Any

import pytest
from label_studio_tasks import HOSTILE, region
from studio_fake import FakeStudio

from beltmark.contract.errors import InputError
from labeling.config import label_config
from labeling.project_config import class_names_of, config_change
from labeling.projects import TAB_TITLE, ensure_project, find_project


def names(studio: FakeStudio) -> list[str]:
    return class_names_of(studio.made[0].config, "here")


def test_it_is_made_once() -> None:
    studio = FakeStudio()
    assert ensure_project(studio, "Belt", ["cup", HOSTILE]).what == "made"
    before = studio.made[0].config
    assert ensure_project(studio, "Belt", ["cup", HOSTILE]).what == "unchanged"
    assert [project.config for project in studio.made] == [before]
    assert studio.tabs == ["All tasks", TAB_TITLE]
    assert find_project(studio, "Belt") == studio.made[0]
    with pytest.raises(InputError, match="has no project 'Other'"):
        find_project(studio, "Other")


def test_a_class_is_added_and_what_people_added_stays() -> None:
    studio = FakeStudio()
    ensure_project(studio, "Belt", ["cup"])
    config = studio.made[0].config.replace(
        "</View>", '<TextArea name="note" toName="image" /></View>'
    )
    studio.set_config(1, config)
    change = ensure_project(studio, "Belt", ["tube", "cup"])
    assert (change.what, change.added, change.removed) == ("changed", ("tube",), ())
    assert names(studio) == ["cup", "tube", "none_of_these"]
    assert 'name="note"' in studio.made[0].config
    assert change.project.config == studio.made[0].config
    colours = [line for line in studio.made[0].config.split() if line.startswith("background")]
    assert len(set(colours)) == len(colours)


def test_a_class_in_use_is_not_removed(tmp_path: Path) -> None:
    studio = FakeStudio()
    ensure_project(studio, "Belt", ["cup", "tube", "box"])
    studio.add_tasks(1, [{"data": {"image": "x"}}] * 3)
    studio.answer(2, [region(label="tube")])
    before = studio.made[0].config
    with pytest.raises(InputError, match=r"in use: 'tube' \(1 boxes\)"):
        ensure_project(studio, "Belt", ["cup"])
    assert studio.made[0].config == before
    change = ensure_project(studio, "Belt", ["cup", "tube"])
    assert change.removed == ("box",)
    assert names(studio) == ["cup", "tube", "none_of_these"]


def test_two_projects_of_one_name_are_refused() -> None:
    studio = FakeStudio()
    for _ in range(2):
        studio.make_project("Belt", label_config(["cup"]))
    with pytest.raises(InputError, match="has 2 projects 'Belt'"):
        ensure_project(studio, "Belt", ["cup"])


@pytest.mark.parametrize(
    "config",
    ["", "<View/>", "<View", '<!DOCTYPE x [<!ENTITY a "b">]><View>&a;</View>',
     '<View><RectangleLabels name="other"/></View>'],
)  # fmt: skip
def test_a_foreign_configuration_is_refused(config: Any) -> None:
    with pytest.raises(InputError, match="not of Beltmark"):
        config_change(config, ["cup"], "here")
