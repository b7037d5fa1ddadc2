"""Two processes learn together as `torchrun` starts them, over gloo."""

import os
import subprocess
import sys
from pathlib import Path

import learning_together
import pytest
import torch
from learning_together import CONFIG, learn, samples

from training.checkpoints import CHECKPOINT
from training.data.batches import batches
from training.ranks import Ranks

pytestmark = pytest.mark.xdist_group("training")


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"},
    )


@pytest.mark.long
def test_two_learn_what_one_does_and_stop_together(tmp_path: Path) -> None:
    learn(tmp_path / "alone")
    told = torchrun(str(learning_together.__file__), str(tmp_path / "both"), "2")
    assert told.returncode == 0, told.stderr
    assert told.stdout.split() == ["stopped", "stopped"]
    assert torch.load(tmp_path / "both" / CHECKPOINT)["step"] == 2
    told = torchrun(str(learning_together.__file__), str(tmp_path / "both"), "0")
    assert told.returncode == 0, told.stderr
    alone, both = (torch.load(tmp_path / name / CHECKPOINT) for name in ("alone", "both"))
    assert both["step"] == alone["step"] == CONFIG.training.steps
    # Of gradients that are almost nothing Adam makes whole steps: others may differ by rounding.
    for name in ("logit.weight", "logit.bias"):
        torch.testing.assert_close(both["network"][name], alone["network"][name], rtol=0, atol=1e-4)


def test_each_gets_its_share_of_every_batch() -> None:
    steps = {"first_step": 1, "steps": 3, "batch_size": 4, "workers": 0}
    whole = list(batches(samples(), **steps))
    shares = [list(batches(samples(), **steps, ranks=Ranks(rank, 2))) for rank in (0, 1)]
    assert len(whole) == len(shares[0]) == len(shares[1]) == 2
    for batch, *parts in zip(whole, *shares, strict=True):
        assert torch.cat([part.classes for part in parts]).equal(batch.classes)
