"""The part of a run's configuration that says how its model becomes int8."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from beltmark.contract.documents import Document

Calibration = Literal[
    "average", "minmax", "percentile_99.9", "percentile_99.99", "percentile_99.999", "entropy"
]
CALIBRATIONS: tuple[Calibration, ...] = get_args(Calibration)


class CompressSettings(Document):
    """How the model becomes int8.

    Attributes:
        calibration_images: Samples, varied as in training, whose activations set the ranges.
        calibration: How ranges follow from activations: the means of each image's extremes, the
            extremes of all, what all but a share lies within, or what keeps the most information;
            `measured` tries all of them and takes what does best on the images to choose by.
        tolerance_points: What int8 may lose against fp32, in points of a hundred of the leading
            measure, before more is done about it.
        tuning_steps: Steps of training with int8's rounding in the loop, where more is lost; 0
            for none.
        most_float_share: Where still more is lost, layers that int8 harms most stay fp32, up to
            this share of all multiplications; each takes about twice as long there.
    """

    calibration_images: Annotated[int, Field(ge=8, le=10_000)] = 256
    calibration: Literal["measured"] | Calibration = "measured"
    tolerance_points: Annotated[float, Field(ge=0, le=100)] = 0.5
    tuning_steps: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    most_float_share: Annotated[float, Field(ge=0, le=1)] = 0.1
