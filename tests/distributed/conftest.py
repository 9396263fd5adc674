"""One pool of ranks per world size for the whole run: starting ranks costs more than a case."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the ranks import the cases from here

from course_lib.distributed import Ranks


class Pools:
    """Starts a pool when a test first asks for it, and again after a failure has ended it."""

    def __init__(self):
        self.pools = {}

    def __call__(self, nprocs):
        pool = self.pools.get(nprocs)
        if pool is None or not pool._connections:
            # generous: a loaded machine may stop a rank for a while
            self.pools[nprocs] = Ranks(nprocs, collective_timeout=120, echo=False)
        return self.pools[nprocs]

    def close(self):
        for pool in self.pools.values():
            pool.close()


@pytest.fixture(scope="session")
def pools():
    made = Pools()
    yield made
    made.close()
