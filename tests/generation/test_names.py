"""The table of names is what the libraries say, where they are at hand."""

import inspect

import course_lib.generation
from course_lib.generation.loop import generate
from course_lib.generation.names import SETTINGS, names_and_defaults


def test_our_names_are_ours() -> None:
    known = {*inspect.signature(generate).parameters, *course_lib.generation.__all__}
    assert {setting.course for setting in SETTINGS} - known == {"rows of the batch", "-"}
    rows = names_and_defaults()
    assert ["draw at all", "sample=False", "do_sample=False", "-", "-"] in rows
    assert {len(row) for row in rows} == {5}


def test_names_and_defaults_of_transformers() -> None:
    from transformers import GenerationConfig

    config = GenerationConfig()
    defaults = config._get_default_generation_params()
    for setting in SETTINGS:
        if setting.transformers is not None:
            name, default = setting.transformers
            assert hasattr(config, name), name
            assert defaults.get(name) == default, name


def test_the_service_takes_the_names_of_the_api() -> None:
    from course_lib.serve.protocol import ChatFields

    fields = ChatFields.model_fields
    assert all(setting.openai[0] in fields for setting in SETTINGS if setting.openai)
