"""Settings for other engines; training with them is tested where the command line is."""

import tomllib

import pytest

from course_lib.distributed import deepspeed_config, torchtitan_job


def test_torchtitan_job_is_toml_with_what_was_asked():
    job = tomllib.loads(torchtitan_job(seq_len=64, micro_batch=3, steps=7, learning_rate=3e-4))
    assert job["optimizer"] == {"name": "AdamW", "lr": 3e-4}
    assert job["training"] == {"local_batch_size": 3, "seq_len": 64, "steps": 7}
    assert job["parallelism"]["fsdp_reshard_after_forward"] == "always"
    kept = torchtitan_job(seq_len=64, micro_batch=3, steps=7, learning_rate=3e-4, reshard=False)
    assert 'fsdp_reshard_after_forward = "never"' in kept


def test_deepspeed_settings_say_what_was_asked():
    config = deepspeed_config(2, micro_batch=3, accumulation=4, learning_rate=1e-3, clip=0.5)
    assert config["train_micro_batch_size_per_gpu"] == 3
    assert config["gradient_accumulation_steps"] == 4
    assert config["gradient_clipping"] == 0.5
    assert config["optimizer"]["params"]["lr"] == 1e-3
    assert config["zero_optimization"]["stage"] == 2
    with pytest.raises(ValueError, match="stage must be 0, 1, 2 or 3, got 5"):
        deepspeed_config(5, micro_batch=1, learning_rate=1e-3)
