// Judges the answer to an exercise from its payload alone, as course_lib/exercises does. No DOM.
import { parseNumber } from "./number.js";

const SLACK = 1e-9; // a bound is met also by what was rounded on the way

function isBlank(value) {
  return (
    value === null ||
    value === undefined ||
    (typeof value === "string" && ["", "..."].includes(value.trim())) ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" &&
      !Array.isArray(value) &&
      !Object.values(value).some((one) => !isBlank(one)))
  );
}

/** A label before a text, both HTML: with a colon, unless the label ends in a mark of its own. */
export function ledBy(label, text) {
  const [, body, closing] = /^([^]*?)[.:;,]*((?:<\/\w+>)*)\s*$/.exec(label);
  if (!body) return text;
  return `${body}${closing}${/[?!…]$/.test(body) ? "" : ":"} ${text}`;
}

function judgeChoice(part, value) {
  if (!part.multiple) {
    const option = part.options.find(({ id }) => id === value);
    return { status: option.correct ? "correct" : "incorrect", messages: [option.feedback] };
  }
  const wrong = part.options.filter(({ id, correct }) => value.includes(id) !== correct);
  if (!wrong.length)
    return {
      status: "correct",
      messages: part.options.filter(({ correct }) => correct).map(({ feedback }) => feedback),
    };
  // What is left out is counted and not named: naming it would give the answer away.
  const missed = wrong.filter(({ correct }) => correct).length;
  return {
    status: "incorrect",
    messages: [
      ...wrong
        .filter(({ correct }) => !correct)
        .map(({ text, feedback }) => ledBy(`${part.messages.chosen} ${text}`, feedback)),
      ...(missed ? [`${part.messages.missed} ${missed}.`] : []),
    ],
  };
}

function unitFactor(part, unit) {
  if (Object.hasOwn(part.units, unit)) return part.units[unit];
  const name = Object.keys(part.units).find((key) => key.toLowerCase() === unit.toLowerCase());
  return name === undefined ? (unit ? "unit_unknown" : "unit_missing") : part.units[name];
}

function judgeNumber(part, value) {
  const parsed = parseNumber(String(value));
  if (!parsed) return { status: "invalid", messages: [part.messages.not_a_number] };
  const factor = unitFactor(part, parsed.unit);
  if (typeof factor === "string") return { status: "invalid", messages: [part.messages[factor]] };
  const read = parsed.readings.map((reading) => reading * factor);
  const { bare, low, high } = part;
  if (bare && !parsed.unit)
    read.push(
      ...read.filter((one) => bare.low < one && one <= bare.high).map((one) => one * bare.factor),
    );
  const values = read.filter(
    (one) => one >= (low ?? -Infinity) - SLACK && one <= (high ?? Infinity) + SLACK,
  );
  if (!values.length) return { status: "incorrect", messages: [part.messages.implausible] };
  const matches = (target) =>
    values.some(
      (one) =>
        Math.abs(one - target) <=
        part.tolerance * (part.relative ? Math.abs(target) : 1) +
          1e-9 * Math.max(1, Math.abs(target)),
    );
  if (matches(part.key)) return { status: "correct", messages: [part.feedback] };
  const near = part.near.find((one) => matches(one.value));
  return {
    status: "incorrect",
    messages: [
      near ? near.feedback : part.messages[values[0] < part.key ? "too_small" : "too_large"],
    ],
  };
}

function judgeMatch(part, value) {
  const wrong = part.rows.filter((row) => !row.correct.includes(value[row.id]));
  const said = (row) =>
    ledBy(row.text, isBlank(value[row.id]) ? part.messages.blank : row.feedback[value[row.id]]);
  if (!wrong.length) return { status: "correct", messages: part.rows.map(said) };
  return { status: "incorrect", messages: wrong.map(said) };
}

function judgeOrder(part, value) {
  const used = part.items.filter(({ id }) => value.includes(id));
  const extra = value
    .map((id) => part.items.find((item) => item.id === id))
    .find((item) => item.distractor);
  if (extra) return { status: "incorrect", messages: [extra.feedback] };
  if (used.length < part.items.filter(({ distractor }) => !distractor).length)
    return { status: "incorrect", messages: [part.messages.missing] };
  const broken = part.before.find(({ first, then }) => value.indexOf(first) > value.indexOf(then));
  return broken
    ? { status: "incorrect", messages: [broken.feedback] }
    : { status: "correct", messages: [part.feedback] };
}

const PART_JUDGES = {
  choice: judgeChoice,
  number: judgeNumber,
  match: judgeMatch,
  order: judgeOrder,
};

/** Judges one part: {status, messages}. */
export function judgePart(part, value) {
  if (isBlank(value)) return { status: "not_attempted", messages: [part.messages.not_attempted] };
  return PART_JUDGES[part.type](part, value);
}

/** Judges a whole answer {part id: value}: {status, parts: {part id: {status, messages}}}. */
export function judge(payload, answer) {
  const parts = Object.fromEntries(
    payload.parts.map((part) => [part.id, judgePart(part, answer[part.id])]),
  );
  const all = Object.values(parts).map(({ status }) => status);
  let status = "not_attempted";
  if (all.every((one) => one === "correct")) status = "correct";
  else if (all.includes("invalid")) status = "invalid";
  else if (all.includes("incorrect")) status = "incorrect";
  return { status, parts };
}
