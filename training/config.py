"""The training configuration: one TOML file, checked once, frozen.

Paths are relative to the folder that the command is started in.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from beltmark.contract.documents import Document
from beltmark.contract.package import ClassName, Probability, Task
from training.compress.settings import CompressSettings

Side = Annotated[int, Field(ge=64, le=1024, multiple_of=32)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]

DEFAULT_BACKBONE = "efficientnet_lite0"


class Simulated(Document):
    """A dataset that is drawn rather than photographed.

    Attributes:
        images: How many.
        seed: Of the drawing.
    """

    images: Annotated[int, Field(ge=6, le=1_000_000)]
    seed: Count


class DataSettings(Document):
    """Where images come from and which are put aside: by a split file, by scene, or as they came.

    Attributes:
        annotations: A dataset of any format that can be read; either this or `simulated`.
        simulated: What to draw.
        validation_scenes: For temperature and curve; where none are put aside, the test scenes
            serve, and the report says so.
        test_scenes: Never seen before the last evaluation.
        validation_share: Share of scenes drawn for validation, in place of naming them. Of whole
            images, of groups: what shares an item, a session or a scene, or looks nearly the same.
        test_share: Likewise for test.
        split: A file that `beltmark-train data split` wrote, in place of scenes and shares.
        fold: Where that has folds: which judges; the next one chooses, the others teach.
        own_parts: The dataset came in parts, such as `train` and `val`; a single other one judges.
    """

    annotations: Path | None = None
    simulated: Simulated | None = None
    validation_scenes: tuple[str | int, ...] = ()
    test_scenes: tuple[str | int, ...] = ()
    validation_share: Annotated[float, Field(ge=0, lt=0.5)] = 0
    test_share: Annotated[float, Field(ge=0, lt=0.5)] = 0
    split: Path | None = None
    fold: Annotated[int, Field(ge=0, lt=100)] | None = None
    own_parts: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.annotations is None) == (self.simulated is None):
            raise ValueError("give either annotations or simulated")
        named = bool(self.validation_scenes or self.test_scenes)
        drawn = bool(self.validation_share or self.test_share)
        if named and drawn:
            raise ValueError("name scenes or give shares, not both")
        if self.split is not None and (named or drawn):
            raise ValueError("a split says which images are put aside: name no scenes or shares")
        if self.own_parts and (named or drawn or self.split or self.simulated):
            raise ValueError("own_parts takes the parts as they came: name no others")
        if self.fold is not None and self.split is None:
            raise ValueError("fold is one of a split's: name the split")
        if not (self.split or self.test_scenes or self.test_share or self.own_parts):
            raise ValueError(
                "put images aside to be judged by: split, test_scenes, test_share or own_parts"
            )
        return self


class InputSettings(Document):
    """The size of the model's input."""

    width_px: Side
    height_px: Side


class TrainingSettings(Document):
    """How long and how fast to learn.

    Attributes:
        steps: Optimiser steps.
        batch_size: Images per step.
        learning_rate: Peak for neck and head.
        backbone_rate: Share of it for the ImageNet-initialised backbone.
        frozen_stages: Backbone stages, from the first, that stay as they are (the stem with them);
            the coarse features they hold are general, and most of the time would go into them.
        weight_decay: Of AdamW.
        warmup_steps: Steps of rising rate; from then on it falls as a cosine.
        gradient_limit: Norm to which gradients are cut.
        average_decay: Of the running average of weights that is kept as the result.
        seed: Of everything random.
        workers: Processes that prepare images; 0 prepares them in the training process.
        threads: Threads of torch.
        save_every_s: Time between checkpoints.
        backbone: `efficientnet_lite0` to `2`, or a classification model of torchvision.
        context: Of detectors: what the image as a whole shows speaks in what each place is. For
            pictures of one kind of thing, shelves and crates; on mixed belts it has little to say.
        dropout: Of classifiers: share of the features left out before the last layer.
        label_smoothing: Of classifiers: share of each answer that is spread over all classes.
        mixup: Of classifiers: how much images are laid over each other, as the parameter of a beta
            distribution; 0 mixes none, 0.2 usually a little, 1 anything between two images.
        first_size: Of classifiers: share of the input's sides that images are shown at in the
            beginning (`growing`); 1 shows all at their whole size.
        check_every: Steps between two looks at the images of validation; 0 never looks.
        patience: After so many looks without a better one the run ends, and the best network is
            its result; 0 goes on to the last step, whatever they say.
    """

    steps: Annotated[int, Field(ge=1, le=10_000_000)]
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 16
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-3
    backbone_rate: Annotated[float, Field(ge=0, le=1)] = 0.25
    frozen_stages: Annotated[int, Field(ge=0, le=6)] = 2
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.02
    warmup_steps: Count = 100
    gradient_limit: Annotated[float, Field(gt=0)] = 10.0
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.998
    seed: Count = 0
    workers: Annotated[int, Field(ge=0, le=64)] = 1
    threads: Annotated[int, Field(ge=1, le=256)] = 2
    save_every_s: Annotated[float, Field(gt=0)] = 120.0
    backbone: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")] = DEFAULT_BACKBONE
    context: bool = False
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0
    mixup: Annotated[float, Field(ge=0, le=100)] = 0
    first_size: Annotated[float, Field(ge=0.25, le=1)] = 1
    check_every: Count = 0
    patience: Annotated[int, Field(ge=0, le=1000)] = 0

    @model_validator(mode="after")
    def _looks(self) -> Self:
        if self.patience and not self.check_every:
            raise ValueError("patience counts looks at validation: set check_every, too")
        return self


class Transform(Document):
    """One albumentations transform: its class name, probability, and further arguments."""

    name: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    p: Probability = 0.5
    params: dict[str, Any] = Field(default_factory=dict)


class AugmentSettings(Document):
    """How images are varied.

    Attributes:
        mosaic_share: Share of samples made of four images.
        paste_share: Share of samples made by laying cut-out objects on a background.
        max_pasted: At most so many objects on one background.
        simulated_backgrounds: Rendered belts with foreign objects, to paste on and to learn from.
        preset: A pipeline to begin with: `light`, `belt`, `strong`, `photographs`, or a TOML
            file.
        pipeline: Albumentations transforms, in this order, for every sample. One that the preset
            has too takes its place there, the others follow; p = 0 leaves one out.
    """

    mosaic_share: Probability = 0
    paste_share: Probability = 0
    max_pasted: Annotated[int, Field(ge=1, le=32)] = 8
    simulated_backgrounds: Annotated[int, Field(ge=0, le=10_000)] = 0
    preset: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    pipeline: tuple[Transform, ...] = ()


class BalanceSettings(Document):
    """What is done for classes that have few images.

    Attributes:
        sampling: `repeat` shows images of rare classes more often (repeat factor sampling: Gupta
            et al., LVIS, CVPR 2019, section 5.2), `off` each once a round, `auto` repeats where
            the most frequent class is in more than ten times as many images as the rarest.
        repeat_below: Share of images below which a class is rare; without it, the median class's.
        loss: `effective` weighs what is learnt of a class by its effective number of objects (Cui
            et al., CVPR 2019, equation 3), `off` not.
        beta: How far objects of a class are taken to be alike: 0 weighs all classes the same,
            almost 1 by one over their number.
    """

    sampling: Literal["off", "repeat", "auto"] = "auto"
    repeat_below: Annotated[float, Field(gt=0, le=1)] | None = None
    loss: Literal["off", "effective"] = "off"
    beta: Annotated[float, Field(ge=0, lt=1)] = 0.999


class CacheSettings(Document):
    """Where pictures that are larger than training needs are kept scaled down; changes no result.

    Attributes:
        folder: Runs may share it; without it, `pictures` in the run's folder.
        limit_mb: At most so much is kept; 0 keeps nothing.
    """

    folder: Path | None = None
    limit_mb: Annotated[int, Field(ge=0, le=10_000_000)] = 8192


class DistillSettings(Document):
    """Networks that a classifier learns from, besides the data (`training.teachers`).

    Attributes:
        teachers: Checkpoints (`last.pt`) of runs on the same classes; of several, the mean counts.
        share: Of the loss that goes by the teachers; the rest goes by the data.
        temperature: Divides the logits of both: above 1, what is unlikely is learned, too.
    """

    teachers: tuple[Path, ...] = ()
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    temperature: Annotated[float, Field(gt=0, le=100)] = 2.0


class TrackingSettings(Document):
    """Whether and where a run is kept in MLflow; the server's address is MLFLOW_TRACKING_URI.

    Attributes:
        enabled: Off: nothing is recorded, MLflow is never loaded.
        experiment: Under which the run is filed; without it, the package's name.
        sweep: Name of a sweep that the run belongs to: its runs share a parent.
    """

    enabled: bool = True
    experiment: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    sweep: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")] | None = None


class TrainConfig(Document):
    """One training run, from data to package.

    Attributes:
        name: Of the package.
        task: `detect` finds objects, `classify` says what an image as a whole is.
        none_of_these: The class that means that an item is no product.
        target_precision: Share of printed labels that must be right; sets the suggested threshold.
        golden_images: How many test images go into the package, with what it found on them.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
    task: Task = "detect"
    none_of_these: ClassName | None = None
    target_precision: Probability = 0.995
    golden_images: Annotated[int, Field(ge=1, le=64)] = 4
    data: DataSettings
    input: InputSettings
    training: TrainingSettings
    augment: AugmentSettings = AugmentSettings()
    balance: BalanceSettings = BalanceSettings()
    distill: DistillSettings = DistillSettings()
    cache: CacheSettings = CacheSettings()
    compress: CompressSettings = CompressSettings()
    tracking: TrackingSettings = TrackingSettings()

    @model_validator(mode="after")
    def _fits_its_task(self) -> Self:
        training, augment = self.training, self.augment
        of_classifiers: dict[str, object] = {
            "training.dropout": training.dropout,
            "training.label_smoothing": training.label_smoothing,
            "training.mixup": training.mixup,
            "training.first_size": 1 - training.first_size,
            "distill.teachers": self.distill.teachers,
        }
        of_detectors: dict[str, object] = {
            "training.context": training.context,
            "augment.mosaic_share": augment.mosaic_share,
            "augment.paste_share": augment.paste_share,
            "augment.simulated_backgrounds": augment.simulated_backgrounds,
            "data.simulated": self.data.simulated,
        }
        other, of_other = (
            ("classify", of_classifiers) if self.task == "detect" else ("detect", of_detectors)
        )
        for field, value in of_other.items():
            if value:
                raise ValueError(f'{field} is for task = "{other}" only, and this is {self.task}')
        return self
