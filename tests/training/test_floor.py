"""Stories of known probability: no honest model beats their maker, so whoever does is cheating."""

import math
from collections.abc import Callable

import pytest
import torch

from course_lib.data import Batches, one_per_row
from course_lib.data.grammar import Story, floor, stories, vocabulary
from course_lib.model.transformer import Transformer
from course_lib.objectives import IGNORE, causal_example, token_losses
from course_lib.training import adamw, train, warmup_cosine


@pytest.fixture(scope="module")
def held_out() -> tuple[list[Story], torch.Tensor]:
    ids = {word: index for index, word in enumerate(vocabulary())}
    made = stories(300, torch.Generator().manual_seed(1), most_events=2)
    return made, one_per_row([[ids[w] for w in one.words] for one in made], 34, ids[""])


def excess(model: Transformer, held_out: tuple[list[Story], torch.Tensor]) -> tuple[float, float]:
    """Loss above the floor, in nats a token, and the standard error of that difference.

    Model and maker are compared on the very same tokens, so most of the chance cancels.
    """
    made, rows = held_out
    example = causal_example(rows)
    with torch.inference_mode():
        losses = token_losses(model(example.inputs), example.targets).double()
    differences = []
    for one, row, targets in zip(made, losses, example.targets, strict=True):
        maker = torch.tensor([*(-p for p in one.log_probabilities), 0.0])
        differences += (row[targets != IGNORE] - maker).tolist()
    spread = torch.tensor(differences)
    return spread.mean().item(), spread.std().item() / math.sqrt(len(differences))


def trained(model: Transformer, batches: Batches, steps: int) -> Transformer:
    train(
        model,
        batches,
        optimizer=adamw(model, lr=5e-3, betas=(0.9, 0.98)),
        schedule=warmup_cosine(steps=steps, warmup=20, final=0.02),
        steps=steps,
        progress=False,
    )
    return model.eval()


@pytest.mark.slow
def test_a_causal_model_comes_near_the_floor_and_stays_above_it(
    make_model: Callable[..., Transformer],
    serve: Callable[..., Batches],
    held_out: tuple[list[Story], torch.Tensor],
) -> None:
    model = trained(make_model(n_decoder_layers=2), serve(16), 150)
    above, error = excess(model, held_out)
    assert above > -4 * error
    assert above < 1.0 * floor(held_out[0])


@pytest.mark.slow
def test_a_model_that_sees_the_future_falls_through_the_floor(
    make_model: Callable[..., Transformer],
    serve: Callable[..., Batches],
    held_out: tuple[list[Story], torch.Tensor],
) -> None:
    # The planted fault: an encoder has no causal mask, so each place sees its own answer.
    leaky = make_model(n_decoder_layers=0, n_encoder_layers=2)
    above, error = excess(trained(leaky, serve(16), 300), held_out)
    assert above < -4 * error


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_with_more_steps_the_floor_is_almost_reached(
    seed: int,
    make_model: Callable[..., Transformer],
    held_out: tuple[list[Story], torch.Tensor],
) -> None:
    ids = {word: index for index, word in enumerate(vocabulary())}
    made = stories(8000, torch.Generator().manual_seed(10 + seed), most_events=2)
    rows = one_per_row([[ids[w] for w in one.words] for one in made], 34, ids[""])
    batches = Batches(rows, 16, generator=torch.Generator().manual_seed(seed))
    # matrices that start with a spread of 1 / root of their inputs
    model = make_model(seed, n_decoder_layers=2, norm="rms", scale_scores=False)
    above, error = excess(trained(model, batches, 800), held_out)
    assert -4 * error < above < 0.025 * floor(held_out[0])
