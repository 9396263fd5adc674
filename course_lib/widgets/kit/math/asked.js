// What differs between a strip as filled in and the strip of an objective, and why. No DOM.

export const MASK = "[MASK]";

const isMark = (word) => /^[<[]/.test(word);

/** The first fault of the input strip: {place, kind}, or null. */
export function inputFault(kind, given, draw, words) {
  const place = draw.input.findIndex((right, i) => given[i] !== right);
  if (place < 0) return null;
  const [got, right] = [given[place], draw.input[place]];
  if (got === "") return { place, kind: "blank" };
  if (kind === "causal") return { place, kind: "text-as-it-is" };
  if (kind === "masked") {
    if (!draw.states[place]) return { place, kind: "not-chosen" };
    if (draw.states[place] === "hidden") return { place, kind: "left-in" };
    return { place, kind: got === MASK ? "always-hidden" : "shown-otherwise" };
  }
  if (isMark(got) && given.indexOf(got) < place && kind === "span")
    return { place, kind: "one-mark-a-span" };
  if (isMark(got) && place && isMark(given[place - 1])) return { place, kind: "one-mark-a-span" };
  if (isMark(right) && !isMark(got)) return { place, kind: right === "</s>" ? "end" : "left-in" };
  return { place, kind: words.includes(got) && words.includes(right) ? "order" : "not-cut" };
}

/** The first fault of the target strip: {place, kind}, or null; "-" stands for no loss. */
export function targetFault(kind, given, draw) {
  const place = draw.target.findIndex((right, i) => given[i] !== (right ?? "-"));
  if (place < 0) return null;
  const [got, right] = [given[place], draw.target[place]];
  if (got === "") return { place, kind: "blank" };
  if (kind === "masked") {
    if (right === null) return { place, kind: "loss-everywhere" };
    if (got === "-")
      return { place, kind: draw.states[place] === "hidden" ? "no-loss" : "only-hidden" };
    return { place, kind: got === MASK ? "asks-for-mask" : "another-word" };
  }
  if (got === "-") return { place, kind: "every-place" };
  if (kind === "causal") {
    if (got === draw.input[place]) return { place, kind: "not-shifted" };
    return { place, kind: got === draw.input[place - 1] ? "shifted-back" : "another-word" };
  }
  if (kind === "denoising") return { place, kind: isMark(got) ? "asks-for-mask" : "whole-text" };
  if (right === "</s>") return { place, kind: "end" };
  if (isMark(right)) return { place, kind: place > draw.target.length - 3 ? "last-mark" : "mark" };
  return { place, kind: draw.input.includes(got) ? "says-what-stayed" : "another-word" };
}

/** What is read, what is asked, what carries loss: the same as describe_draw in the widget. */
export function describeDraw({ input, decoder, target, states }) {
  const parts = decoder
    ? [
        `the encoder reads ${input.join(" ")}`,
        ...decoder.map(
          (one, i) => `decoder position ${i + 1}: reads ${one}, asked for ${target[i]}`,
        ),
      ]
    : input.map(
        (one, i) =>
          `position ${i + 1}: reads ${one}${states[i] ? ` (${states[i]})` : ""}, ` +
          (target[i] ? `asked for ${target[i]}` : "no loss"),
      );
  const counted = target.filter((one) => one !== null).length;
  return `${parts.join("; ")}. ${counted} of ${target.length} positions carry loss.`;
}
