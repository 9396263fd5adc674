"""Mutants that were read one by one and change nothing that anyone could see, each with the reason.

They count as left all the same: the list tells a reader of the survivors which ones are no hole.
"""

SAME: dict[str, str] = {
    "model.attention.attention_weights: "
    "return scores.masked_fill(blind, 1.0).softmax(-1).masked_fill(blind, 0.0)": (
        "any number does, as long as the whole row has it; the row ends as zeros"
    ),
    "generation.beam._search: "
    "n_candidates = min(max(3, 1 + len(ends)) * n_beams, n_beams * n_vocab)": (
        "more candidates than can be taken are looked at, behind the same best ones"
    ),
    "generation.speculative.ModelDraft.propose: "
    "self.cache.crop(min(self.cache.length, len(text) - 2))": (
        "a token more is read again, with the same result"
    ),
    "generation.speculative.LookupDraft.propose: "
    "runs = text[:-1].unfold(-1, self.n_match, 1)": "a text has one dimension, first and last",
    "objectives.span_corruption._draw_spans: "
    "kept_lengths = _segments(length - noise + 2 * free, spans + free, n + 2, generator)": (
        "one column more, of empty parts, which is cut off again"
    ),
    "objectives.masked.masked_example: "
    "inputs = torch.where(chosen & (kind <= masked), mask_id, inputs)": (
        "differs where a drawn number is the share itself: once in 16 million"
    ),
    "objectives.masked._whole_words: goes_on = "
    "continues_word.to(rows.device)[rows.clamp(min=-1, max=len(continues_word) - 1)]": (
        "looks padding up elsewhere, and padding is no candidate"
    ),
    "data.curation.repetition._share_in_duplicates: left out: if len(first) == len(hashes):": (
        "a way out that is quicker: where nothing comes again, nothing is counted"
    ),
}
