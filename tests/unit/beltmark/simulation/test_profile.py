"""A belt's speed over time, read from text, integrated, and driven through the simulated world."""

import pytest

from beltmark.contract.catalogue import read_catalogue
from beltmark.contract.errors import InputError
from beltmark.simulation.cli import BUNDLED_CATALOGUE
from beltmark.simulation.profile import SpeedProfile, parse_profile
from beltmark.simulation.world import World
from beltmark.simulation.world_plan import WorldPlan


def test_a_profile_is_linear_between_its_knots_and_constant_around_them() -> None:
    profile = parse_profile("1:1,2:-1,3:-1", "field")
    assert [profile.factor_at(t) for t in (0, 1, 1.5, 2, 9)] == [1, 1, 0, -1, -1]
    assert [profile.way_s(t) for t in (0, 1, 1.5, 2, 4)] == pytest.approx([0, 1, 1.25, 1, -1])
    assert SpeedProfile().way_s(7.0) == 7.0


@pytest.mark.parametrize("text", ["", "1", "0:x", "1:1,1:2", "2:1,1:1", "0:9", "0:nan", "-1:1"])
def test_what_is_no_profile_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(InputError, match="no speed profile") as told:
        parse_profile(text, "--speed-profile")
    assert told.value.field == "--speed-profile"


def test_a_world_runs_back_only_while_it_may_run() -> None:
    products = read_catalogue(BUNDLED_CATALOGUE).products
    world = World(WorldPlan(seed=1, products=products, profile=parse_profile("2:1,2.5:-1", "p")))
    travels = []
    for i in range(9):
        world.step(1_000 + 0.5 * i, permitted=i != 3)
        travels.append(world.belt.travel_mm / world.plan.layout.speed_mm_s)
    assert travels == pytest.approx([0, 0.5, 1.0, 1.0, 1.5, 2.0, 2.0, 1.5, 1.0])
