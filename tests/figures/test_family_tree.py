from dataclasses import replace

import pytest

from course_lib import presets
from course_lib.figures.family_tree import RELEASES, Release, differing, family_tree, nearest


def test_the_lines_are_counted_on_the_configs() -> None:
    figure = family_tree()
    rows = {row[0]: row for row in figure.table[1:]}
    assert list(rows) == [one.name for one in RELEASES]
    assert rows["BLOOM"][3:5] == ["Jurassic-1", "2"]
    assert rows["RoBERTa"][3:5] == ["BERT", "0"]
    assert rows["BERT"][2] == "335 million" and rows["BLOOM"][2] == "176.2 billion"
    assert "Jurassic-1 from GPT-3" in figure.alt and "BloombergGPT from BLOOM" in figure.alt
    assert figure.png() == family_tree().png()


def test_lines_of_one_lane_that_would_run_along_each_other_bow_differently() -> None:
    (axes,) = family_tree().figure.axes
    bows: dict[tuple[float, float], list[float]] = {}
    for note in axes.texts:
        style = getattr(note, "arrowprops", None) or {}
        if style.get("connectionstyle", "").startswith("arc3"):
            (x, low), (_, high) = note.xy, note.get_position()
            rad = float(style["connectionstyle"].partition("=")[2])
            for half in range(int(2 * low), int(2 * high)):  # each step between two models
                bows.setdefault((x, half), []).append(rad)
    assert max(map(len, bows.values())) >= 2
    assert all(len(set(one)) == len(one) for one in bows.values())


def test_sizes_are_no_choices() -> None:
    small, large = presets["gpt2"], presets["gpt3-175b"]
    assert differing(small, large) == []
    assert differing(small, replace(small, n_kv_heads=2)) == ["shared_keys"]
    assert differing(small, replace(small, n_kv_heads=small.n_heads)) == []
    assert differing(small, replace(small, position="alibi", norm="rms")) == ["position", "norm"]


def test_of_equals_the_latest_is_nearest() -> None:
    gpt2, gpt3, jurassic = (r for r in RELEASES if r.name in ("GPT-2", "GPT-3", "Jurassic-1"))
    assert nearest(jurassic, [gpt2, gpt3]) is gpt3


def test_what_makes_no_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="earlier is empty: nothing came before T"):
        nearest(Release("T", "gpt2", (2019, 1), "", "", ""), [])
    with pytest.raises(
        ValueError, match=r"two or more in order of date, got dates \[\(2017, 6\)\]"
    ):
        family_tree(RELEASES[:1])
    with pytest.raises(ValueError, match="in order of date"):
        family_tree(RELEASES[::-1])
