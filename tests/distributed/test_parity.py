"""Against torch's own engines: close to them, and equal where they use our collectives."""

import parity_cases
import pytest


@pytest.mark.parametrize("world_size", [2, 4])
def test_parity_with_ddp_and_fsdp2(pools, world_size):
    for result in pools(world_size).run(parity_cases.run, timeout=300):
        exact = {name for name in result if name.startswith(("ours", "zero"))}
        exact.add("fsdp2 with our collectives")
        assert len(exact) == 8
        assert {name: result[name] for name in exact} == dict.fromkeys(exact, 0.0)
        close = {name: value for name, value in result.items() if name not in exact}
        assert len(close) == 6  # DDP, FSDP2, and four stages over the backend's own collectives
        assert all(value < 5e-5 for value in close.values()), close
