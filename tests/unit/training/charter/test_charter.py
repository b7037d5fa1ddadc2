from pathlib import Path

import numpy as np
import pytest

from beltmark.contract.errors import InputError
from training.charter.baseline import Objects, try_rules
from training.charter.document import Economics, Labels, read_charter
from training.charter.feasibility import at_target, today
from training.cli import main

EXAMPLE = Path("training/charter/example.toml")


def test_the_example_fits_and_every_field_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "charter.toml"
    assert main(["charter", "new", str(path)]) == 0
    charter = read_charter(path)
    assert charter.model_fields_set == set(type(charter).model_fields)
    assert charter.economics is not None
    assert charter.data is not None
    for part in (charter.labels, charter.economics, charter.data, charter.constraints):
        assert part.model_fields_set == set(type(part).model_fields)
    assert main(["charter", "check", str(path)]) == 0
    assert main(["charter", "new", str(path)]) == 2


@pytest.mark.parametrize(
    ("found", "put", "told"),
    [
        ("at_least = 0.90", "at_least = 0.90\nat_most = 1.0", "either at_least or at_most"),
        ("at_least = 0.90", "", "either at_least or at_most"),
        ('metric = "detection.ap50"', 'metric = "ap50"', "criteria.0.metric"),
        ("at_least = 0.90", 'at_least = 0.90\nslice = "dim"', "slice must read key:value"),
        ("margin = 0.01", "margin = -1", "against_champion.0.margin"),
        ("margin = 0.01", "margin = nan", "against_champion.0.margin"),
        ('owner = "Head of logistics"', "", "owner"),
        ("least_groups = 10 ", "least_groups = 2 ", "least_groups"),
        ("[labels]", "[labels]\nx = 1", "unknown field"),
    ],
)
def test_what_does_not_fit_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], found: str, put: str, told: str
) -> None:
    path = tmp_path / "charter.toml"
    main(["charter", "new", str(path)])
    text = path.read_text()
    assert found in text
    path.write_text(text.replace(found, put, 1))
    with pytest.raises(InputError):
        read_charter(path)
    capsys.readouterr()
    assert main(["charter", "check", str(path)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1


def test_a_year_is_worked_out_from_the_numbers_given() -> None:
    economics = Economics(
        items_per_day=1000,
        days_per_year=100,
        wage_per_hour=36,
        manual_s_per_item=10,
        review_s_per_item=20,
        manual_wrong_share=0.01,
        cost_per_wrong_label=2,
        investment=0,
        running_cost_per_year=500,
        source="made up",
    )
    before = today(economics)
    assert (before.work, before.wrong_labels, before.wrong_cost) == (10_000, 1000, 2000)
    after = at_target(economics, Labels(target_precision=0.99, least_coverage=0.9))
    assert after.work == pytest.approx(10_000 * 20 * 0.01)
    assert after.wrong_labels == pytest.approx(900 + 100)
    assert after.cost == pytest.approx(2000 + 2000 + 500)


def test_rules_are_tried_on_groups_that_they_have_not_seen() -> None:
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1, 1, 2], 25)
    features = rng.normal(0, 1, (100, 5))
    features[:, 0] += 20 * labels  # colour tells them apart, size does not
    groups = tuple(str(index // 10) for index in range(100))
    majority, colour, size, both = try_rules(Objects(features, labels, groups))
    assert majority.right == 0.5
    assert colour.right == both.right == 1.0
    assert size.right is not None
    assert size.right < 0.7
    assert colour.low is not None
    alone = try_rules(Objects(features, labels, ("a",) * 100))
    assert all(each.right is None for each in alone)


def test_a_charter_report_on_real_data(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    charter, page = tmp_path / "charter.toml", tmp_path / "page.html"
    main(["charter", "new", str(charter)])
    data = str(shared_data / "belt" / "annotations.json")
    assert main(["charter", "report", str(charter), "--data", data, "--page", str(page)]) == 0
    told = capsys.readouterr().out
    assert "6 of 6 classes have too few boxes" in told
    assert "That is not enough" in told
    assert "paid back" in told
    assert "Would a simple rule do?" in page.read_text()
