"""A package's manifest as far as it is known before training."""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

from beltmark.contract.documents import parse, read_bytes, sha256_of
from beltmark.contract.package import (
    GOLDEN,
    MODEL,
    Calibration,
    Lineage,
    Manifest,
    Postprocess,
    Task,
)
from training.export import outputs_of
from training.plan import Plan
from training.revision import code_revision
from training.sources import input_spec

NOT_YET = "0" * 64
"""Stands for digests in a draft."""

CALIBRATED: Mapping[Task, Calibration] = {
    "detect": Calibration(method="temperature"),
    "classify": Calibration(method="softmax_temperature"),
}
"""How scores are calibrated: as the network makes them, each by itself or all together."""

SCORE_FLOORS: Mapping[Task, float] = {"detect": 0.02, "classify": 0.0}
"""What is less likely is not told. Trackers want more than this, but the curve needs the rest; a
classifier always has an answer."""


def draft_of(plan: Plan) -> Manifest:
    """Returns the manifest as far as it is known before training.

    Raises:
        InputError: The dataset's classes cannot be a model's, or `none_of_these` is not one.
    """
    config = plan.config
    return parse(
        {
            "name": config.name,
            "task": config.task,
            "classes": plan.dataset.class_names,
            "none_of_these": config.none_of_these,
            "input": input_spec(config),
            "outputs": outputs_of(config.task),
            "calibration": CALIBRATED[config.task],
            "postprocess": Postprocess(score_floor=SCORE_FLOORS[config.task]),
            "files": {MODEL: NOT_YET, GOLDEN: NOT_YET},
            "lineage": Lineage(
                created_at=_now(),
                code_revision=code_revision(),
                config_sha256=sha256_of(read_bytes(plan.config_path)),
                dataset=plan.dataset.path.parent.name,
                dataset_sha256=plan.dataset.sha256,
                split_sha256=plan.split.sha256,
                seed=config.training.seed,
                versions={
                    name: version(name)
                    for name in ("torch", "onnx", "onnxruntime", "albumentations", "numpy")
                }
                | {"python": platform.python_version()},
            ),
        },
        Manifest,
        plan.config_path,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
