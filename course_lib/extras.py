"""What is missing is named together with the extra that brings it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Import inside this block what an extra of the package brings.

    The package alone asks for torch, numpy, safetensors, regex and tqdm. So what needs more imports
    it where it is used, in such a block, and a reader without it is told what to install.

    Args:
        extra: as `pyproject.toml` names it.
        what: what cannot be done without it, as the beginning of a sentence.

    Raises:
        ModuleNotFoundError: a module is missing; its `name` says which, its text how to get it.
            A module of this package, and what a block inside has named already, stay as they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "course_lib") or isinstance(error.__cause__, ModuleNotFoundError):
            raise
        raise ModuleNotFoundError(
            f"{what} needs {library}: pip install 'course-lib[{extra}]'", name=error.name
        ) from error
