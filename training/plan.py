"""What a run is made of, once its configuration was read and its data opened."""

from dataclasses import dataclass
from pathlib import Path

from beltmark.datasets.dataset import Dataset, LabelledImage
from beltmark.datasets.split import Split
from training.config import TrainConfig


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        config: What it is to do.
        config_path: The file that says so.
        dataset: All images, its classes called as the model will call them.
        split: Which of them are for what.
        folder: Where checkpoint, package, reference and report go.
    """

    config: TrainConfig
    config_path: Path
    dataset: Dataset
    split: Split
    folder: Path

    @property
    def judged_by(self) -> tuple[LabelledImage, ...]:
        """The images for the last evaluation."""
        return self.split.test

    @property
    def chosen_by(self) -> tuple[LabelledImage, ...]:
        """The images for temperature and curve."""
        return self.split.validation or self.split.test

    @property
    def parts(self) -> dict[str, tuple[LabelledImage, ...]]:
        """The images of each part that there is, by its name."""
        named = {
            "train": self.split.train,
            "test": self.split.test,
            "validation": self.split.validation,
        }
        return {name: images for name, images in named.items() if images}
