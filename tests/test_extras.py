"""A missing module is named together with the extra that brings it."""

import pytest

from course_lib.extras import needs


def test_the_message_names_the_library_and_the_extra() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, needs("text", "HTML"):
        import no_such_library.inside  # noqa: F401
    assert str(caught.value) == "HTML needs no_such_library: pip install 'course-lib[text]'"
    assert caught.value.name == "no_such_library"


def test_a_block_inside_has_the_last_word_and_no_extra_brings_a_module_of_this_package() -> None:
    with (
        pytest.raises(ModuleNotFoundError, match=r"^a model needs .*\[hub\]"),
        needs("serve", "all"),
    ):
        with needs("hub", "a model"):
            import no_such_library  # noqa: F401
    with pytest.raises(ModuleNotFoundError) as caught, needs("widgets", "a figure"):
        import course_lib.no_such_module  # noqa: F401
    assert str(caught.value) == "No module named 'course_lib.no_such_module'"


def test_what_is_there_is_imported_and_other_errors_pass() -> None:
    with needs("text", "HTML"):
        import json
    assert json
    with pytest.raises(ImportError, match="cannot import name"), needs("text", "HTML"):
        from json import no_such_name  # noqa: F401
