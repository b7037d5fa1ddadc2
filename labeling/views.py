"""What models see in the images of a push, and what is labelled already; `selection` chooses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beltmark.contract.documents import read_bytes
from beltmark.contract.errors import InputError
from beltmark.datasets.dataset import Dataset
from beltmark.datasets.images import MAX_IMAGE_BYTES
from labeling.looks import Eyes, Looks, View
from labeling.samples import Sample, Seen, decode_sample, sample_of
from labeling.selection import Candidate, Labelled
from labeling.valuing import add_counts, add_seen, candidate_of


@dataclass(frozen=True)
class Models:
    """Who looks at images.

    Attributes:
        champion: Its boxes are shown to people.
        looks: What it saw before; without it that is forgotten after the push.
        challenger: What it sees otherwise speaks for an image.
        challengers_looks: What it saw before.
        labelled: What is labelled already: what differs from it, and classes of which it has
            little, speak for an image. Without it, those images that are tasks already and were
            looked at.
    """

    champion: Eyes
    looks: Looks | None = None
    challenger: Eyes | None = None
    challengers_looks: Looks | None = None
    labelled: Dataset | None = None


class Views:
    """What models see. For use from one thread."""

    def __init__(self, models: Models) -> None:
        self._champion = View(models.champion, models.looks)
        self._challenger: View | None = None
        if models.challenger is not None:
            self._challenger = View(models.challenger, models.challengers_looks)
        self._given = models.labelled
        self.labelled = Labelled()

    def begin(self, problems: list[str], advance: Callable[[int], None]) -> None:
        """Looks at what was given as labelled; images that cannot be read are told."""
        if self._given is None:
            return
        names = self._given.class_names
        for image in self._given.images:
            add_counts(self.labelled, (names[each.class_index] for each in image.objects))
            if image.class_index is not None:
                add_counts(self.labelled, [names[image.class_index]])
            try:
                sample, _ = sample_of(image, self._given)
                embedding = self.shown(sample).embedding
                if embedding is not None:
                    self.labelled.embeddings.append(embedding)
            except InputError as error:
                problems.append(f"{error}: not compared with")
            advance(1)

    def recall(self, digest: str) -> None:
        """Counts an image that is a task already."""
        if self._given is None and (seen := self._champion.known(digest)) is not None:
            add_seen(self.labelled, seen)

    def candidate(self, digest: str, pixels: NDArray[np.uint8]) -> Candidate:
        """Looks at an image, uint8 [H, W, 3] 0..255 BGR."""
        seen = self._champion.see(digest, lambda: pixels)
        others = None
        if self._challenger is not None:
            others = self._challenger.see(digest, lambda: pixels)
        return candidate_of(digest, seen, others)

    def shown(self, sample: Sample) -> Seen:
        """Returns what the champion sees in a sample.

        Raises:
            InputError: It was not looked at before, and is no image now.
        """

        def decode() -> NDArray[np.uint8]:
            content = read_bytes(sample.image.path, limit=MAX_IMAGE_BYTES)
            return decode_sample(content, sample.image)

        return self._champion.see(sample.digest, decode)
