"""Settings for other engines; training with them is tested where the command line is."""

import json
import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import toy

from course_lib.distributed import deepspeed_config, handoff, torchtitan_job

PYTHON = "COURSE_LIB_DEEPSPEED_PYTHON"


def test_torchtitan_job_is_toml_with_what_was_asked():
    job = tomllib.loads(torchtitan_job(seq_len=64, micro_batch=3, steps=7, learning_rate=3e-4))
    assert job["optimizer"] == {"name": "AdamW", "lr": 3e-4}
    assert job["training"] == {"local_batch_size": 3, "seq_len": 64, "steps": 7}
    assert job["parallelism"]["fsdp_reshard_after_forward"] == "always"
    kept = torchtitan_job(seq_len=64, micro_batch=3, steps=7, learning_rate=3e-4, reshard=False)
    assert 'fsdp_reshard_after_forward = "never"' in kept


def test_a_torch_without_exchangeable_collectives_is_refused_before_the_model_is_cut(monkeypatch):
    monkeypatch.setattr(handoff, "exchangeable_collectives", lambda: None)
    monkeypatch.setattr(handoff, "fully_shard", None)  # nothing may be cut
    with pytest.raises(RuntimeError, match="cannot exchange FSDP2's collectives"):
        handoff.to_fsdp2(toy.Toy(), comm=handoff.Comm())


def test_deepspeed_settings_say_what_was_asked():
    config = deepspeed_config(2, micro_batch=3, accumulation=4, learning_rate=1e-3, clip=0.5)
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 4
    assert config["gradient_clipping"] == 0.5
    assert config["optimizer"]["params"]["lr"] == 1e-3
    assert config["zero_optimization"]["stage"] == 2
    with pytest.raises(ValueError, match="stage must be 0, 1, 2 or 3, got 5"):
        deepspeed_config(5, micro_batch=1, learning_rate=1e-3)


@pytest.mark.skipif(not os.environ.get(PYTHON), reason=f"{PYTHON} names no Python with DeepSpeed")
@pytest.mark.processes
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_deepspeed_trains_alike_with_the_settings(stage):
    script = Path(__file__).with_name("deepspeed_ranks.py")
    command = [os.environ[PYTHON], "-m", "torch.distributed.run", "--nproc-per-node=2", str(script)]
    environment = {**os.environ, "STAGE": str(stage)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert ended.returncode == 0, ended.stderr[-3000:]
    line = next(line for line in ended.stdout.splitlines() if line.startswith("{"))
    found = json.loads(line)
    assert found["losses"] < 1e-5 and found["weights"] < 1e-6, found
