import numpy as np
from evidence_case import MANIFEST, catalogue, product

from beltmark.contract.policy import Policy
from edge_agent.station.case import Case
from edge_agent.station.sighting import Sighting
from edge_agent.station.weighing import Weighing, told_below, weigh

POLICY = Policy(threshold=0.8, min_votes=3, min_agreement=0.6, min_margin=0.2)
CATALOGUE = catalogue(product(1, "carton"))


def weighed(sighting: Sighting, classes: tuple[str, ...], rule: str) -> Weighing:
    manifest = MANIFEST.model_copy(update={"classes": classes})
    return weigh(Case(sighting, POLICY, CATALOGUE, manifest, None, None), rule)


def test_candidates_are_ranked_and_the_limits_stand_beside_them() -> None:
    sighting = Sighting(np.array([0.25, 0.75, 0.5], np.float32), 4, 0.75)
    weighing = weighed(sighting, ("carton", "can", "cup"), "unsure")
    assert [(c.class_name, c.probability) for c in weighing.candidates] == [
        ("can", 0.75),
        ("cup", 0.5),
        ("carton", 0.25),
    ]
    assert (weighing.rule, weighing.views, weighing.agreement) == ("unsure", 4, 0.75)
    assert (weighing.threshold, weighing.min_votes) == (0.8, 3)
    assert (weighing.min_agreement, weighing.min_margin) == (0.6, 0.2)
    assert weighing.margin == 0.25


def test_one_class_alone_leads_by_all_it_has() -> None:
    weighing = weighed(Sighting(np.array([0.75], np.float32), 4, 1.0), ("can",), "few_views")
    assert weighing.margin == 0.75


def test_of_many_classes_only_the_likeliest_are_kept() -> None:
    classes = tuple(f"c{number}" for number in range(50))
    scores = np.linspace(0.0, 0.9, 50, dtype=np.float32)
    weighing = weighed(Sighting(scores, 4, 1.0), classes, "few_views")
    assert [c.class_name for c in weighing.candidates[:2]] == ["c49", "c48"]
    assert len(weighing.candidates) == 8


def test_a_value_below_is_told_with_the_digits_that_show_it() -> None:
    assert told_below(0.42, 0.85) == ("0.42", "0.85")
    assert told_below(0.8496, 0.85) == ("0.8496", "0.8500")
    assert told_below(0.85 - 1e-9, 0.85) == ("almost 0.85", "0.85")
