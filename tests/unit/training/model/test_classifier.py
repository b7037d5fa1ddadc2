"""The classifier, from network to what the edge's detector makes of its package."""

from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch

from beltmark.contract.package import GOLDEN, MODEL, InputSpec, Manifest
from edge_agent.vision.detector import Detector
from training.compress.quantise import quantise
from training.compress.ranges import observe
from training.export import export_core, outputs_of, with_pixels
from training.model.backbones import DEFAULT, make_backbone
from training.model.classifier import EMBEDDING_SIZE, ClassificationNetwork
from training.model.detector import normalised
from training.package import write_package

pytestmark = pytest.mark.xdist_group("classifier")

SPEC = InputSpec(height_px=64, width_px=96, colour_order="BGR")
CLASSES = ("carton", "cup", "tube")


@pytest.fixture(scope="module")
def network() -> ClassificationNetwork:
    torch.manual_seed(0)
    made = ClassificationNetwork(make_backbone(DEFAULT, has_top=True), len(CLASSES))
    made.backbone.load_imagenet()
    torch.nn.init.normal_(made.logit.weight, std=0.2)
    return made.eval()


def pictures(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 8, 12, 3)).astype(np.uint8)
    return list(coarse.repeat(8, axis=1).repeat(8, axis=2))


def package(folder: Path, model: onnx.ModelProto) -> Detector:
    draft = Manifest(
        name="whole",
        task="classify",
        classes=CLASSES,
        input=SPEC,
        outputs=outputs_of("classify"),
        files={MODEL: "0" * 64, GOLDEN: "0" * 64},
    )
    golden = cv2.imencode(".png", pictures(1)[0])[1].tobytes()
    return Detector(write_package(folder, model, draft, [golden]))


def test_pictures_that_are_alike_have_like_embeddings(network: ClassificationNetwork) -> None:
    one, other = (torch.from_numpy(picture)[None] for picture in pictures(2))
    nearly = (one.float() * 0.97).to(torch.uint8)
    with torch.no_grad():
        a, b, c = (network(normalised(x)).embedding for x in (one, nearly, other))
    assert a.shape == (1, EMBEDDING_SIZE)
    assert (a - b).norm() < 0.5 * (a - c).norm()


def test_the_packages_answer_as_the_network_does(
    network: ClassificationNetwork, tmp_path: Path
) -> None:
    core = export_core(network, SPEC)
    exact = package(tmp_path / "fp32", with_pixels(core, SPEC))
    inputs = [picture[None] for picture in pictures(16)]
    ranges = observe(core, inputs, ["average"])["average"]
    int8 = package(tmp_path / "int8", quantise(core, ranges, SPEC))
    agreed = 0
    for picture in pictures(24):
        with torch.no_grad():
            logits = network(normalised(torch.from_numpy(picture)[None])).logits
        (found,) = exact.detect(picture)
        assert found.box_xyxy_px == (0, 0, 96, 64)
        assert found.class_scores == pytest.approx(logits.softmax(1)[0].numpy(), abs=2e-3)
        (rough,) = int8.detect(picture)
        agreed += rough.class_name == found.class_name
    assert agreed >= 18


def test_the_whole_image_is_the_box_whatever_its_shape(
    network: ClassificationNetwork, tmp_path: Path
) -> None:
    detector = package(tmp_path / "fp32", with_pixels(export_core(network, SPEC), SPEC))
    (found,) = detector.detect(np.zeros((300, 200, 3), np.uint8))
    assert found.box_xyxy_px == (0, 0, 200, 300)
