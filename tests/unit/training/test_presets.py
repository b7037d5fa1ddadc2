from pathlib import Path

import pytest

from beltmark.contract.errors import InputError
from training.config import Transform
from training.data.augment import Augmenter
from training.presets import PRESETS, extended, preset_names, read_config, read_preset

CONFIG = """
name = "small"
data = {{ annotations = "a.json", test_scenes = [1] }}
input = {{ width_px = 96, height_px = 64 }}
training = {{ steps = 10 }}
[augment]
preset = "{preset}"
[[augment.pipeline]]
name = "HorizontalFlip"
p = 0.0
[[augment.pipeline]]
name = "Affine"
p = 0.25
[[augment.pipeline]]
name = "Solarize"
"""


def config(folder: Path, preset: str) -> Path:
    path = folder / "config.toml"
    path.write_text(CONFIG.format(preset=preset))
    return path


@pytest.mark.parametrize("name", ["belt", "light", "photographs", "strong"])
def test_the_presets_can_be_built(name: str) -> None:
    assert name in preset_names()
    preset = read_preset(name)
    assert preset.told
    Augmenter(preset.pipeline, PRESETS / f"{name}.toml")


def test_own_transforms_replace_follow_and_leave_out(tmp_path: Path) -> None:
    pipeline = read_config(config(tmp_path, "light")).augment.pipeline
    names = [given.name for given in pipeline]
    assert names == ["Affine", "ColorJitter", "ImageCompression", "Solarize"]
    assert pipeline[0].p == 0.25
    assert pipeline[0].params == {}
    assert extended((), (Transform(name="Affine"),)) == (Transform(name="Affine"),)


def test_a_preset_may_be_a_file(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('told = "mine"\npipeline = [{ name = "ToGray" }]\n')
    pipeline = read_config(config(tmp_path, str(own))).augment.pipeline
    assert [given.name for given in pipeline] == ["ToGray", "Affine", "Solarize"]


def test_an_unknown_preset_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = config(tmp_path, "../belt")
    with pytest.raises(InputError, match="belt, light, photographs, strong") as caught:
        read_config(path)
    assert (caught.value.file, caught.value.field) == (path, "augment.preset")
