"""A model is opened while another process saves to its folder."""

from pathlib import Path

import pytest

from course_lib.tasks.saved import open_pretrained
from course_lib.weights import save, swap
from tests.saves import filled


def test_a_config_that_is_a_link_for_a_moment_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, config = tmp_path / "model", tmp_path / "model" / "config.json"
    filled(1.0).save_pretrained(folder)
    with monkeypatch.context() as patched:  # the second save stops before its links become files
        for module in (save, swap):
            patched.setattr(module, "settle", lambda folder: None)
        filled(2.0).save_pretrained(folder)
    real = Path.is_file

    def is_file(path: Path) -> bool:
        if path == config and path.is_symlink():
            swap.settle(folder)
            return False
        return real(path)

    assert config.is_symlink()
    monkeypatch.setattr(Path, "is_file", is_file)
    assert open_pretrained(folder).embedding.weight.unique().tolist() == [2.0]
