"""The charter: what a model must reach, written down before it is trained.

CRISP-ML(Q) (Studer et al., 2021, section 3.1) asks for it in its first phase: business, model and
economic success criteria, constraints, and who decides. What the numbers come to is left to
`feasibility`, and whether a model reaches them to the gate.
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document, read_document
from beltmark.contract.package import ClassName, Probability

Text = Annotated[str, Field(min_length=1, max_length=2000)]
Amount = Annotated[float, Field(ge=0, le=1e12)]
Confidence = Annotated[float, Field(ge=0.5, le=0.9999)]
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}\.[a-z0-9][a-z0-9_\-]{0,127}$")]
SLICE = re.compile(r"^[a-z][a-z0-9_]{0,63}:.{1,200}$")


class BusinessMetric(Document):
    """One thing that the business wants to become better.

    Attributes:
        name: What is counted, with its unit, such as "wrong labels a month".
        now: Today's value.
        target: The value that makes it a success.
        source: Where today's value comes from.
    """

    name: Text
    now: float
    target: float
    source: Text


class Labels(Document):
    """What is asked of labels: of items, as they leave the belt.

    Attributes:
        target_precision: Share of printed labels that must be right. It sets the threshold.
        least_coverage: Share of items that should get a label without a person.
    """

    target_precision: Annotated[float, Field(gt=0, lt=1)]
    least_coverage: Probability


class Economics(Document):
    """What it costs and what it saves; all money in `currency`.

    Attributes:
        currency: Such as "EUR".
        items_per_day: That pass the station.
        days_per_year: On which it works.
        wage_per_hour: Of whoever labels today, with all that an employer pays.
        manual_s_per_item: Time to label one item by hand, today.
        review_s_per_item: Time for an item that the station leaves to a person.
        manual_wrong_share: Share of labels that are wrong today.
        cost_per_wrong_label: Of one wrong label that leaves the house.
        annotation_s_per_box: Time to draw and check one box.
        annotation_wage_per_hour: Of whoever draws them.
        investment: Once: station, fitting, engineering, training.
        running_cost_per_year: Power, care, spare parts, new training.
        source: Where these numbers come from.
    """

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    items_per_day: Amount
    days_per_year: Annotated[float, Field(gt=0, le=366)] = 250
    wage_per_hour: Amount
    manual_s_per_item: Amount
    review_s_per_item: Amount
    manual_wrong_share: Probability
    cost_per_wrong_label: Amount
    annotation_s_per_box: Amount = 12
    annotation_wage_per_hour: Amount = 0
    investment: Amount
    running_cost_per_year: Amount
    source: Text


class DataNeeds(Document):
    """What data there must be before training is worth its time.

    Attributes:
        least_boxes_per_class: Fewer are told as too few.
        least_groups_per_class: Scenes in which each class must be seen.
        supply: Where more will come from, steadily, or made by drawing or pasting.
        licence: Under which the data may be used.
        consent: Of people who could be seen or named in it; "none can be seen" is an answer.
        retention: How long pictures are kept, and who deletes them.
    """

    least_boxes_per_class: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    least_groups_per_class: Annotated[int, Field(ge=1, le=1_000_000)] = 3
    supply: Text
    licence: Text
    consent: Text
    retention: Text


class Constraints(Document):
    """What binds, besides numbers. Each list may be empty; that is a statement too.

    Attributes:
        legal: Laws and contracts.
        ethical: What it must not do to people.
        technical: Hardware, network, space at the belt.
        not_for: Uses that it is not made for.
    """

    legal: tuple[Text, ...] = ()
    ethical: tuple[Text, ...] = ()
    technical: tuple[Text, ...] = ()
    not_for: tuple[Text, ...] = ()


class _Judged(Document):
    """What every criterion names.

    Attributes:
        metric: What is measured, as `section.number`: see docs/gate.md.
        class_name: Only this class.
        slice: Only images with this, as `key:value`: `scene:12`, `sequence:3`, or an attribute of
            the dataset, such as `light:dim`.
        confidence: With which the gate must be sure of it, one-sided.
        why: For readers.
    """

    metric: MetricName
    class_name: ClassName | None = None
    slice: str | None = None
    confidence: Confidence = 0.95
    why: str = Field(default="", max_length=2000)

    @model_validator(mode="after")
    def _is_slice(self) -> Self:
        if self.slice is not None and not SLICE.match(self.slice):
            raise ValueError(f"slice must read key:value, such as scene:12, not {self.slice!r}")
        return self

    @property
    def name(self) -> str:
        """How it is told from other criteria."""
        name = self.metric
        if self.class_name is not None:
            name += f" of {self.class_name}"
        return name if self.slice is None else f"{name} on {self.slice}"


class Criterion(_Judged):
    """A floor or a ceiling.

    Attributes:
        at_least: The floor; the interval's lower bound must reach it.
        at_most: The ceiling; the interval's upper bound must not pass it.
    """

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or at_most")
        return self


class ChampionCriterion(_Judged):
    """The candidate may be worse than the champion by less than this.

    Attributes:
        margin: In the metric's unit; 0 asks for a candidate that is better.
        better: Which way the metric is better.
    """

    margin: Annotated[float, Field(ge=0, le=1e9)]
    better: Literal["higher", "lower"] = "higher"


class Charter(Document):
    """The charter of one model.

    Attributes:
        name: Of the project.
        purpose: What the model is for, in sentences.
        users: Who works with it.
        owner: Who answers for it.
        deciders: Who may decide at the gate; empty: whoever gives a name.
        phases: In what steps it is delivered.
        group_by: What the gate draws anew for its intervals: images of one group are alike. An
            attribute of the dataset, `scene`, `sequence` or `image`. With `image` it proves
            something for the scenes in the data only.
        least_groups: With fewer groups nothing counts as measured.
        business: What the business wants.
        labels: What is asked of labels.
        economics: Costs and savings.
        data: What data there must be.
        constraints: What binds besides numbers.
        criteria: Floors and ceilings; each must hold.
        against_champion: Likewise, against the model that is in use.
    """

    format_version: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    purpose: Text
    users: Text
    owner: Text
    deciders: tuple[Text, ...] = Field(default=(), max_length=100)
    phases: tuple[Text, ...] = Field(default=(), max_length=100)
    group_by: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = "scene"
    least_groups: Annotated[int, Field(ge=5, le=1_000_000)] = 10
    business: tuple[BusinessMetric, ...] = Field(default=(), max_length=100)
    labels: Labels
    economics: Economics | None = None
    data: DataNeeds | None = None
    constraints: Constraints = Constraints()
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=500)
    against_champion: tuple[ChampionCriterion, ...] = Field(default=(), max_length=500)


def read_charter(path: Path) -> Charter:
    """Reads a charter.

    Raises:
        InputError: Missing, not TOML, or a field that does not fit.
    """
    return read_document(path, Charter)
