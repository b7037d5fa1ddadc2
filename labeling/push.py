"""Makes tasks of images: the most useful first, with the champion's boxes to correct.

A push that was killed, or was run on another machine, is gone on with by running it again; see
`making`. What speaks for an image is said in `selection`. What models see is kept in files, and of
images no more is in memory than their names, and what they are weighed by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import MAX_IMAGE_BYTES
from labeling.gold import mixed, truth_of
from labeling.gold_registers import keep_gold
from labeling.looks import Eyes
from labeling.making import There, make_tasks, tasks_there
from labeling.samples import Sample, decode_sample, sample_of, task_data
from labeling.selection import Candidate, Choice, Labelled, Reason, choose, draw
from labeling.studio.port import Studio
from labeling.views import Models, Views


@dataclass(frozen=True)
class PushPlan:
    """What to push.

    Attributes:
        budget: At most so many new tasks.
        random_share: Part of them that is drawn at random.
        seed: Of the draw.
        reason: Why all of the images are worth it; then the first ones are chosen, in their order.
    """

    budget: int
    random_share: float = 0.2
    seed: int = 0
    reason: Reason | None = None


@dataclass(frozen=True)
class Gold:
    """Images whose truth is known.

    Attributes:
        dataset: Which, and what is in them.
        share: So many go with the new tasks, as a part of these; at least one.
    """

    dataset: Dataset
    share: float


@dataclass
class Pushed:
    """What came of it.

    Attributes:
        there: How many of the images were tasks before.
        made: How many tasks were made.
        waiting: How many images are left for another time.
        problems: Images that can't be tasks, and why.
        gold: How many of the tasks are gold.
        known: How many images are gold themselves: what is in them is known already.
    """

    there: int = 0
    made: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)
    gold: int = 0
    known: int = 0

    def __add__(self, other: "Pushed") -> "Pushed":
        return Pushed(
            self.there + other.there,
            self.made + other.made,
            self.waiting + other.waiting,
            self.problems + other.problems,
            self.gold + other.gold,
            self.known + other.known,
        )


def push(
    studio: Studio,
    project: int,
    dataset: Dataset,
    plan: PushPlan,
    *,
    eyes: Eyes | Models | None = None,
    gold: Gold | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Pushed:
    """Makes tasks of a dataset's images.

    Args:
        studio: Where.
        project: In which project.
        dataset: Whose images; what it says of them is not shown to people.
        plan: How many.
        eyes: Who looks at them; without anybody all are drawn at random and nothing is predicted.
        gold: What to mix among them.
        advance: Is told how many images more were looked at.

    Raises:
        InputError: The server does not answer; what was made stays.
    """
    models = eyes if isinstance(eyes, Models) or eyes is None else Models(eyes)
    views = None if models is None else Views(models)
    pushed = Pushed()
    there = tasks_there(studio, project)
    golden = {} if gold is None else _golden(gold.dataset, there, pushed.problems)
    if views is not None:
        views.begin(pushed.problems, advance)
    samples: dict[str, Sample] = {}
    candidates: list[Candidate] = []
    for image in dataset.images:
        try:
            sample, content = sample_of(image, dataset)
            if sample.digest in there.digests:
                pushed.there += 1
                if views is not None:
                    views.recall(sample.digest)
            elif sample.digest in golden:
                pushed.known += 1
            elif sample.digest not in samples:
                pixels = decode_sample(content, image)
                candidates.append(
                    Candidate(sample.digest)
                    if views is None
                    else views.candidate(sample.digest, pixels)
                )
                samples[sample.digest] = sample
        except InputError as error:
            pushed.problems.append(f"{error}: left out")
        advance(1)
    labelled = None if views is None else views.labelled
    choices = _choose(candidates, plan, labelled)
    pushed.waiting = len(candidates) - len(choices)
    candidates.clear()
    if gold is not None and choices:
        count = max(1, round(len(choices) * gold.share))
        hidden = _drawn(golden, count, plan.seed, views, pushed.problems)
        # Known as gold before they are tasks: killed in between, none is taken for another.
        keep_gold(studio, project, [truth_of(e.image, e.digest, gold.dataset) for e in hidden])
        samples |= {each.digest: each for each in hidden}
        choices = _among(choices, hidden, plan.seed)
        pushed.gold = len(hidden)
    reasons = {each.digest: each.reason for each in choices}

    def build(sample: Sample, address: str) -> dict[str, Any]:
        data = task_data(sample, address, reasons[sample.digest], there.names)
        there.names.add(sample.file_name)
        if views is None:
            return {"data": data}
        seen = views.shown(sample)
        data["uncertainty"] = round(seen.uncertainty, 6)
        return {"data": data, "predictions": [seen.prediction]}

    chosen = [samples[each.digest] for each in choices]
    pushed.made = make_tasks(studio, project, chosen, build, there=there, problems=pushed.problems)
    return pushed


def _choose(
    candidates: Sequence[Candidate], plan: PushPlan, labelled: Labelled | None
) -> list[Choice]:
    if plan.reason is not None:
        return [Choice(each.digest, plan.reason) for each in candidates][: plan.budget]
    return choose(candidates, plan.budget, plan.random_share, plan.seed, labelled)


def _golden(dataset: Dataset, there: There, problems: list[str]) -> dict[str, Sample]:
    """Returns the gold that is no task yet, by digest."""
    found: dict[str, Sample] = {}
    for image in dataset.images:
        try:
            sample, _ = sample_of(image, dataset)
        except InputError as error:
            problems.append(f"{error}: left out")
        else:
            if sample.digest not in there.digests:
                # What else is told of it would tell it from the others.
                name = PurePosixPath(sample.file_name).name
                bare = replace(image, scene=name, sequence=name, attributes={})
                found[sample.digest] = Sample(sample.digest, name, bare)
    return found


def _drawn(
    golden: dict[str, Sample], count: int, seed: int, views: Views | None, problems: list[str]
) -> list[Sample]:
    """Draws gold, and looks at it as at all others."""
    found: list[Sample] = []
    for digest in sorted(golden, key=lambda each: draw(each, seed)):
        if len(found) == count:
            break
        try:
            sample = golden[digest]
            decode_sample(read_bytes(sample.image.path, limit=MAX_IMAGE_BYTES), sample.image)
            if views is not None:
                views.shown(sample)
            found.append(sample)
        except InputError as error:
            problems.append(f"{error}: left out")
    return found


def _among(choices: Sequence[Choice], hidden: Sequence[Sample], seed: int) -> list[Choice]:
    """Mixes gold among what was chosen: it looks like what chance drew, so that is mixed in too."""
    ranked = [each for each in choices if each.reason != "random"]
    drawn = [each for each in choices if each.reason == "random"]
    drawn += [Choice(each.digest, "random") for each in hidden]
    return mixed(ranked, drawn, seed)
