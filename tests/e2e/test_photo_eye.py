"""A belt with a photo-eye, real agent and all: what the camera does not show is taken off, and the
books say so. What went wrong is counted by belt and printer."""

from pathlib import Path

import pytest
from agent_process import agent_of

from beltmark.contract.catalogue import read_catalogue
from beltmark.demo.station import BUNDLED, station_text
from beltmark.simulation.beam import BeamPlan
from beltmark.simulation.station import SimulatedStation, StationPlan
from beltmark.simulation.world_plan import WorldPlan
from edge_agent.accounts.entries import read_books

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.long]

PATIENCE_S = 90.0
PRODUCTS = read_catalogue(BUNDLED / "catalogue.csv").products
PLACE = 0.65
INVISIBLE, MISSED, BOUNCING = 3, 5, 4


def test_an_item_that_only_the_eye_sees_goes_to_a_person_and_is_in_the_books(
    tmp_path: Path,
) -> None:
    beam = BeamPlan(PLACE, missed=[MISSED], bouncing=[BOUNCING])
    world = WorldPlan(seed=21, products=PRODUCTS, beam=beam, invisible=[INVISIBLE])
    with SimulatedStation(StationPlan(world=world, seconds=16)) as belt:
        addresses = belt.addresses
        control = addresses["control"]
        text = station_text(
            release=BUNDLED / "release",
            data=tmp_path / "data",
            camera=addresses["camera"],
            printer=addresses["printer"],
            control=control,
        )
        station = tmp_path / "station.toml"
        station.write_text(
            f'{text}\n[trigger]\nkind = "photo-eye"\nphoto_eye = "{control}/eye"\n'
            f"photo_eye_at = {PLACE}\n"
        )
        with agent_of(station) as agent:
            agent.start()
            assert belt.wait(PATIENCE_S), "the belt did not run empty"
            told = agent.status()["photo_eye"]
            agent.stop()
        truth = belt.truth()

    verdict = truth["verdict"]
    assert (verdict["missed"], verdict["wrong"], verdict["duplicates"]) == (0, 0, 0)
    passed = [item for item in truth["items"] if item["left_at_s"] or item["diverted_at_s"]]
    assert len(passed) > BOUNCING, "the faults are among those that passed"
    assert truth["items"][INVISIBLE - 1]["diverted_at_s"], "it was taken off"
    unseen = [i for i in agent.items() if i.rule == "seen_by_photo_eye_only"]
    assert [item.outcome for item in unseen] == ["REVIEW"]
    assert (told["state"], told["unseen"]) == ("degraded", 1)
    assert told["repeated"] >= 1
    assert len(agent.items()) == len(passed), "the account of each is there once"
    books = read_books(tmp_path / "data/journal.sqlite", 0, 2**40, has_photo_eye=True)
    assert books.photo_eye == len(passed) - told["missed"]
