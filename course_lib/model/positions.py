"""How order enters a transformer: three hooks, and one scheme in each class.

Chapter: 05_positions
"""

import math
from typing import TypeAlias

import torch
from torch import Tensor, nn

from course_lib.checks import check_floats, check_ids, check_lists, check_numbers, check_sizes
from course_lib.config import TransformerConfig
from course_lib.shapes import Float, Int

Angles: TypeAlias = tuple[Tensor, Tensor]


class Positions(nn.Module):
    """No order at all, and the three places where a scheme may add it.

    Each hook is asked once in a forward pass. *Positions* number the real tokens of a text;
    *slots* number the columns of the batch, padding included. Schemes that compare two tokens
    use slots, because a difference does not care where counting starts.
    """

    limit: int | None = None  #: positions it knows; None for a scheme that never ends
    offset = 0  #: rows of its table before that of position 0

    def embed(self, positions: Int[Tensor, "..."]) -> Float[Tensor, "... D"] | None:
        """Return what is added to the token embeddings, or None."""
        return None

    def angles(self, slots: Int[Tensor, "..."]) -> Angles | None:
        """Return the cosines and sines, each (..., K), that turn queries and keys, or None."""
        return None

    def rotate(
        self, x: Float[Tensor, "B H T K"], slots: Int[Tensor, "..."]
    ) -> Float[Tensor, "B H T K"]:
        """Turn queries or keys by the angles of their slots; unchanged where there are none."""
        angles = self.angles(slots)
        return x if angles is None else turn(x, angles)

    def bias(
        self, query_slots: Int[Tensor, " T"], key_slots: Int[Tensor, " S"]
    ) -> Float[Tensor, "H T S"] | None:
        """Return what is added to the scores, or None."""
        return None


class Sinusoidal(Positions):
    """Waves of growing length, added to the embeddings.

    The first half of the vector holds the sines, the second the cosines (as published
    translation models do); the paper interleaves them, which is a permutation of the columns.

    Args:
        d_model: Width of the vectors, D, even.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If it is odd, or not positive.

    Source: Vaswani et al. 2017, section 3.5.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        [d_model] = check_sizes(d_model=d_model)
        if d_model % 2:
            raise ValueError(f"d_model must be even for a sine and a cosine each, got {d_model}")
        self.frequencies = rotary_frequencies(d_model, 10_000.0)

    def embed(self, positions: Int[Tensor, "..."]) -> Float[Tensor, "... D"]:
        """Return sin and cos of position times each frequency."""
        phase = _phases(positions, self.frequencies)
        return torch.cat((phase.sin(), phase.cos()), dim=-1)


class Learned(Positions):
    """One trained vector for each position, added to the embeddings.

    Args:
        max_seq_len: Positions it knows.
        d_model: Width of the vectors, D.
        offset: Rows at the start that counting does not reach.

    Source: Devlin et al. 2019, section 3.2 (and GPT); the offset: RoBERTa, BART.
    """

    def __init__(self, max_seq_len: int, d_model: int, offset: int = 0) -> None:
        super().__init__()
        self.offset, self.limit = offset, max_seq_len
        self.table = nn.Embedding(max_seq_len + offset, d_model)

    def embed(self, positions: Int[Tensor, "..."]) -> Float[Tensor, "... D"]:
        """Look the positions up in the table."""
        return self.table(positions + self.offset if self.offset else positions)


class Rotary(Positions):
    """Queries and keys turned by an angle that grows with the slot.

    The score of two turned vectors depends on their distance only. Pairs are (i, i + K/2), as in
    files of today; the first LLaMA files pair neighbours, a permutation of the rows.

    Args:
        frequencies: Radians per token of each pair, K/2 of them, from `rotary_frequencies`.

    Raises:
        TypeError: If they are no list of numbers.

    Source: Su et al. 2021, section 3.2.
    """

    def __init__(self, frequencies: tuple[float, ...]) -> None:
        super().__init__()
        check_lists(frequencies=frequencies)
        named = {f"frequencies[{place}]": one for place, one in enumerate(frequencies)}
        self.frequencies = tuple(map(float, check_numbers(**named)))

    def angles(self, slots: Int[Tensor, "..."]) -> Angles:
        """Return cosines and sines, the K/2 angles twice over."""
        phase = _phases(slots, self.frequencies)
        phase = torch.cat((phase, phase), dim=-1)  # (..., K)
        if slots.ndim == 2:
            phase = phase.unsqueeze(1)  # (B, 1, T, K)
        return phase.cos(), phase.sin()


class ALiBi(Positions):
    """Scores lowered in proportion to distance, each head with its own slope.

    Nothing is learned, and nothing ends: longer texts than in training only lower scores further.

    Args:
        n_heads: Heads, H.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If there is no head.

    Source: Press et al. 2022, section 3; head counts that are no power of two: their code.
    """

    def __init__(self, n_heads: int) -> None:
        super().__init__()
        self.slopes = alibi_slopes(n_heads)

    def bias(
        self, query_slots: Int[Tensor, " T"], key_slots: Int[Tensor, " S"]
    ) -> Float[Tensor, "H T S"]:
        """Return slope times (key slot - query slot)."""
        distance = _distances(query_slots, key_slots)  # (T, S)
        slopes = torch.tensor(self.slopes, dtype=torch.float64, device=distance.device)
        return slopes[:, None, None] * distance


class Relative(Positions):
    """A trained number for each head and each bucket of distances, added to the scores.

    Args:
        n_heads: Heads, H.
        n_buckets: Buckets, near ones one distance wide, far ones ever wider.
        max_distance: Distance from which all share the last bucket.
        bidirectional: Whether keys may lie ahead; half of the buckets are then for those.

    Source: Raffel et al. 2020, section 2.1.
    """

    def __init__(
        self, n_heads: int, n_buckets: int, max_distance: int, *, bidirectional: bool
    ) -> None:
        super().__init__()
        self.max_distance, self.bidirectional = max_distance, bidirectional
        self.table = nn.Embedding(n_buckets, n_heads)

    def bias(
        self, query_slots: Int[Tensor, " T"], key_slots: Int[Tensor, " S"]
    ) -> Float[Tensor, "H T S"]:
        """Look the bucket of each distance up in the table."""
        buckets = relative_bucket(
            _distances(query_slots, key_slots),
            self.table.num_embeddings,
            self.max_distance,
            bidirectional=self.bidirectional,
        )
        return self.table(buckets).permute(2, 0, 1)  # (H, T, S)


def make_positions(config: TransformerConfig, *, bidirectional: bool) -> Positions:
    """Build the scheme a config names.

    Args:
        config: Reads `position` and the fields of that scheme.
        bidirectional: Whether the stack sees tokens ahead.

    Returns:
        The scheme, for one stack.
    """
    makers = {
        "none": lambda: Positions(),
        "sinusoidal": lambda: Sinusoidal(config.d_model),
        "learned": lambda: Learned(config.max_seq_len, config.d_model, config.position_offset),
        "rotary": lambda: Rotary(
            slow_frequencies(
                rotary_frequencies(config.head_dim, config.rope_theta),
                config.rope_factor,
                config.rope_low_frequency,
                config.rope_high_frequency,
                config.rope_original_length,
            )
        ),
        "alibi": lambda: ALiBi(config.n_heads),
        "relative": lambda: Relative(
            config.n_heads,
            config.relative_buckets,
            config.relative_max_distance,
            bidirectional=bidirectional,
        ),
    }
    return makers[config.position]()


def turn(x: Float[Tensor, "B H T K"], angles: Angles) -> Float[Tensor, "B H T K"]:
    """Rotate each pair (i, i + K/2) of every head by its angle.

    Raises:
        TypeError: If ``x`` is no tensor of floats.
        ValueError: If it has another width than the angles, or another number of tokens.
    """
    cos, sin = angles
    check_floats("x", x)
    one_for_all = cos.shape[-2] == 1  # a single angle turns every token
    if x.shape[-1] != cos.shape[-1] or not (one_for_all or x.shape[-2] == cos.shape[-2]):
        asked = ", ".join(map(str, cos.shape[-2:]))
        raise ValueError(f"x must be (B, H, {asked}) for these angles, got {tuple(x.shape)}")
    first, second = x.chunk(2, dim=-1)
    return x * cos.to(x.dtype) + torch.cat((-second, first), dim=-1) * sin.to(x.dtype)


def rotary_frequencies(width: int, theta: float) -> tuple[float, ...]:
    """Return theta ** (-2i / width) for each pair i: radians turned per token.

    Raises:
        TypeError: If the width is no whole number, or theta no number.
        ValueError: If the width is odd, or one of them not positive.
    """
    [width], [theta] = check_sizes(width=width), check_numbers(theta=theta)
    if width % 2:
        raise ValueError(f"width must be even to hold pairs, got {width}")
    if not 0 < theta < math.inf:
        raise ValueError(f"theta must be positive and finite, got {theta}")
    return tuple(theta ** (-2 * i / width) for i in range(width // 2))


def slow_frequencies(
    frequencies: tuple[float, ...], factor: float, low: float, high: float, original_length: int
) -> tuple[float, ...]:
    """Slow the rotations that do not complete enough turns within the original context.

    Args:
        frequencies: Radians per token.
        factor: Divisor of the slowest.
        low: At fewer turns than this in `original_length` tokens a rotation is divided in full.
        high: At more turns than this it is left alone; between, the two are blended.
        original_length: Context in tokens before slowing.

    Returns:
        The new frequencies.

    Source: Llama 3.1 reference code (2024).
    """
    slowed = []
    for frequency in frequencies:
        turns = original_length * frequency / (2 * math.pi)
        share = min(max((turns - low) / (high - low), 0.0), 1.0)
        slowed.append(share * frequency + (1 - share) * frequency / factor)
    return tuple(slowed)


def alibi_slopes(n_heads: int) -> tuple[float, ...]:
    """Return each head's slope: a geometric series, and for heads beyond a power of two another.

    Args:
        n_heads: Heads, H.

    Returns:
        H slopes: for n, the largest power of two in H, 2 ** (-8i / n); the rest from between.

    Raises:
        TypeError: If it is no whole number.
        ValueError: If there is no head.

    Source: Press et al. 2022, section 3 and code.
    """
    [n_heads] = check_sizes(n_heads=n_heads)
    n = 2 ** math.floor(math.log2(n_heads))
    slopes = [2.0 ** (-8 * i / n) for i in range(1, n + 1)]
    slopes += [2.0 ** (-4 * (2 * i - 1) / n) for i in range(1, n_heads - n + 1)]
    return tuple(slopes)


def relative_bucket(
    distance: Int[Tensor, "..."], n_buckets: int, max_distance: int, *, bidirectional: bool
) -> Int[Tensor, "..."]:
    """Sort distances into buckets: near ones exactly, far ones by their logarithm.

    Args:
        distance: Key slot minus query slot.
        n_buckets: How many buckets there are.
        max_distance: Distance from which all share the last bucket.
        bidirectional: Whether keys ahead get the upper half of the buckets; if not, they share
            bucket 0 with distance 0.

    Returns:
        The bucket of each distance.

    Raises:
        TypeError: If distances are no tensor of integers, or a number is no whole one.
        ValueError: If there are too few buckets, or none is left for far distances.

    Source: Raffel et al. 2020, section 2.1 and code.
    """
    distance = check_ids("distance", distance)
    [n_buckets, max_distance] = check_sizes(n_buckets=n_buckets, max_distance=max_distance)
    if n_buckets < (least := 4 if bidirectional else 2):
        raise ValueError(f"n_buckets must be at least {least}, got {n_buckets}")
    if max_distance <= (exact := n_buckets // (4 if bidirectional else 2)):
        raise ValueError(f"max_distance must exceed the {exact} exact ones, got {max_distance}")
    upper = torch.zeros_like(distance)
    if bidirectional:
        n_buckets //= 2
        upper = (distance > 0) * n_buckets
        back = distance.abs()
    else:
        back = (-distance).clamp(min=0)
    n_exact = n_buckets // 2
    ratio = torch.log(back.clamp(min=1).float() / n_exact) / math.log(max_distance / n_exact)
    far = (n_exact + (ratio * (n_buckets - n_exact)).long()).clamp(max=n_buckets - 1)
    return upper + torch.where(back < n_exact, back, far)


def _distances(query_slots: Int[Tensor, " T"], key_slots: Int[Tensor, " S"]) -> Int[Tensor, "T S"]:
    queries, keys = (
        check_ids("query_slots", query_slots, "T"),
        check_ids("key_slots", key_slots, "S"),
    )
    return keys[None, :] - queries[:, None]


def _phases(at: Int[Tensor, "..."], frequencies: tuple[float, ...]) -> Float[Tensor, "... K2"]:
    if not isinstance(at, Tensor) or at.dtype == torch.bool or at.is_complex():
        check_ids("positions", at)  # fractions will do: between two positions there is an angle
    table = torch.tensor(frequencies, dtype=torch.float32, device=at.device)
    return at.unsqueeze(-1) * table
