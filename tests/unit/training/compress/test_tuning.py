"""A core in torch answers as onnxruntime does, rounded and not, and training for int8 helps."""

import numpy as np
import torch
from tiny_core import tiny_core, tiny_inputs
from torch import Tensor

from training.compress.noise import answers_of, closeness_db, signal_to_noise_db
from training.compress.quantise import quantise_core
from training.compress.ranges import core_input, observe
from training.compress.torch_core import TorchCore, with_weights
from training.compress.tuning import Rounding, rounded_tensors, rounded_weights, tune

INPUTS = tiny_inputs(32)


def images(count: int = 32) -> Tensor:
    return torch.from_numpy(np.concatenate([core_input(each) for each in INPUTS[:count]]))


def scores_of(ends: dict[str, Tensor]) -> np.ndarray:
    return ends["logits"].softmax(1).detach().numpy()[:, None]


def test_torch_answers_as_onnxruntime() -> None:
    core = tiny_core()
    network = TorchCore(core)
    assert network.ends == ["logits", "pooled"]
    exact = answers_of(core, INPUTS)["scores"]
    given = dict(zip(network.ends, network(images()), strict=True))
    np.testing.assert_allclose(scores_of(given), exact, atol=1e-5)
    again = with_weights(core, network)
    np.testing.assert_array_equal(answers_of(again, INPUTS)["scores"], exact)


def test_what_the_quantiser_rounds_is_rounded_alike() -> None:
    core = tiny_core(spread=8.0)
    ranges = observe(core, INPUTS, ["average"])["average"]
    assert sorted(rounded_tensors(core, ranges)) == ["b", "d", "e", "f", "h"]
    assert len(rounded_weights(core)) == 4
    network, rounding = TorchCore(core), Rounding(core, ranges)
    learnt = rounding.ranges()
    assert {name: learnt[name] for name in ranges} == {
        name: (min(low, 0), max(high, 0)) if name in "bdefh" else (low, high)
        for name, (low, high) in ranges.items()
    }
    exact = answers_of(core, INPUTS)["scores"]
    int8 = answers_of(quantise_core(core, ranges), INPUTS)["scores"]
    given = dict(zip(network.ends, network(images(), rounding), strict=True))
    fake = scores_of(given)
    assert signal_to_noise_db(int8, fake) > signal_to_noise_db(exact, int8) + 10


def test_training_for_int8_brings_answers_closer() -> None:
    core = tiny_core(spread=60.0)
    ranges = observe(core, INPUTS, ["minmax"])["minmax"]
    exact = answers_of(core, INPUTS)
    before = closeness_db(exact, answers_of(quantise_core(core, ranges), INPUTS))
    tuned = tune(core, ranges, [images()] * 60, 60)
    after = closeness_db(exact, answers_of(quantise_core(tuned.core, tuned.ranges), INPUTS))
    assert after > before + 1
    assert np.mean(tuned.losses[-5:]) < 0.8 * np.mean(tuned.losses[:5])
    assert tuned.ranges["b"] != ranges["b"]
