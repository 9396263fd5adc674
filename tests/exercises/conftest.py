import pytest


@pytest.fixture(autouse=True)
def _progress_in_a_file_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
