"""Eight ranks: bits and checkpoints as with fewer."""

import checkpoint_cases as cases
import toy


def test_bit_identical_to_single_process_on_eight_ranks(pools):
    names, stages = ["plain"], [0, 1, 2, 3]
    results = pools(8).run(toy.run_cases, names, stages, 20, timeout=600)
    toy.assert_exact(results, 8, names, stages)


def test_checkpoints_to_and_from_eight_ranks(pools, tmp_path):
    for saved_by, loaded_by in ((8, 2), (2, 8), (8, 8)):
        folder = str(tmp_path / f"{saved_by} to {loaded_by}")
        [(digest, later), *_] = pools(saved_by).run(cases.save_at, folder, 3, timeout=300)
        results = pools(loaded_by).run(cases.load_at, folder, 2, timeout=300)
        assert {result[0] for result in results} == {digest}
        if saved_by == loaded_by:
            assert {result[1] for result in results} == {later}
