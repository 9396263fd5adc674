// Reads a number that a person typed, by the grammar of
// course_lib/exercises/answers/number_grammar.py. No DOM.
import { DECIMAL, LEAD_IN, decimalReadings, plainForm, unitOf } from "./decimal.js";

const NAME = /^[a-z]{1,12} ?[=:] ?/i;
const SIGN_WORD = /^(?:minus|negative) /i;
const MIXED = /([0-9]{1,15}) ([0-9]{1,2}) ?\/ ?([0-9]{1,2})(?![0-9/^*]|[.,][0-9])/y;
const TIMES_SIGN = / ?(?:(\*)(?!\*)|([×·])|([/÷])|(x)(?= ?[0-9(])) ?/y;
const EXPONENT = "([+-]?[0-9]{1,4})";
const POWER_SIGN = new RegExp(
  ` ?(?:\\^|\\*\\*) ?(?:\\(${EXPONENT}\\)|\\{${EXPONENT}\\}|${EXPONENT}(?![0-9]|[.,][0-9]))`,
  "y",
);
const PLUS_SIGN = / ([+-]) /y;
const PLUS_INSIDE = / ?([+-]) ?/y;
const MINUS_TIGHT = /-(?=[0-9.,])/y;

const ONES = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen " +
  "fifteen sixteen seventeen eighteen nineteen"
).split(" ");
const TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split(" ");
const BELOW_100 = {
  ...Object.fromEntries(ONES.map((word, value) => [word, value])),
  ...Object.fromEntries(TENS.map((word, place) => [word, 10 * (place + 2)])),
  ...Object.fromEntries(
    ["-", " "].flatMap((between) =>
      TENS.flatMap((tens, place) =>
        ONES.slice(1, 10).map((one, number) => [
          `${tens}${between}${one}`,
          10 * (place + 2) + number + 1,
        ]),
      ),
    ),
  ),
};
const NUMBER_WORDS = {
  ...BELOW_100,
  half: 1 / 2,
  "a half": 1 / 2,
  "one half": 1 / 2,
  "a third": 1 / 3,
  "one third": 1 / 3,
  "a quarter": 1 / 4,
  "one quarter": 1 / 4,
  "a fourth": 1 / 4,
  "one fourth": 1 / 4,
  "two thirds": 2 / 3,
  "two-thirds": 2 / 3,
  "three quarters": 3 / 4,
  "three-quarters": 3 / 4,
};
const oneOf = (words) => words.sort((one, other) => other.length - one.length).join("|");
const NUMBER_WORD = new RegExp(`^(?:${oneOf(Object.keys(NUMBER_WORDS))})(?![a-z-])`, "i");
const HUNDREDS = new RegExp(
  `^(a|${oneOf(ONES.slice(1, 10))}) hundred` +
    `(?:(?: and)? (${oneOf(Object.keys(BELOW_100))}))?(?![a-z-])`,
  "i",
);

const A_SCALE = "an? (?=(?:dozen|hundred|thousand|million|billion|trillion)(?![a-z-]))";
const ONE_SCALE = new RegExp(`^${A_SCALE}`, "i");
const OF_A = new RegExp(`^ (?:of )?${A_SCALE}`, "i");
const MANY = /^ ?(?:(dozen)|hundred)s?(?![a-z-])/i;
// A scale behind a sum would count for its last term alone: it is left to be an unknown unit.
const SUM = /[0-9)] ?[-+*x^] ?[0-9(]|[0-9]{3} ?\//;

class NoNumber extends Error {}

/** Reads one expression from the left; of a decimal with two readings, the one asked for. */
class NumberReader {
  constructor(text, second) {
    Object.assign(this, { text, second, place: 0, depth: 0 });
  }

  take(pattern) {
    pattern.lastIndex = this.place;
    const match = pattern.exec(this.text);
    if (match) this.place = pattern.lastIndex;
    return match;
  }

  sum() {
    let value = this.product();
    for (;;) {
      const before = this.place;
      const sign = this.depth
        ? this.take(PLUS_INSIDE)
        : (this.take(PLUS_SIGN) ?? this.take(MINUS_TIGHT));
      if (!sign) return value;
      const other = this.product();
      if (!this.depth && sign[0].includes("-") && other >= value) {
        this.place = before; // a range
        return value;
      }
      value = sign[0].includes("+") ? value + other : value - other;
    }
  }

  product() {
    let value = this.power();
    for (let sign = this.take(TIMES_SIGN); sign; sign = this.take(TIMES_SIGN)) {
      const other = this.power();
      if (sign[3] && other === 0) throw new NoNumber();
      value = sign[3] ? value / other : value * other;
    }
    return value;
  }

  power() {
    const sign = this.take(/([+-]) ?/y);
    let value = this.atom();
    const exponent = this.take(POWER_SIGN);
    if (exponent) value **= Number(exponent[1] ?? exponent[2] ?? exponent[3]);
    if (!Number.isFinite(value)) throw new NoNumber();
    return sign?.[1] === "-" ? -value : value;
  }

  atom() {
    if (this.take(/\( ?/y)) {
      this.depth += 1;
      const value = this.sum();
      this.depth -= 1;
      if (!this.take(/ ?\)/y)) throw new NoNumber();
      return value;
    }
    const mixed = this.take(MIXED);
    if (mixed) {
      const [whole, above, below] = mixed.slice(1).map(Number);
      if (!(above > 0 && above < below)) throw new NoNumber();
      return whole + above / below;
    }
    const match = this.take(DECIMAL);
    if (!match) throw new NoNumber();
    return decimalReadings(match[0]).at(this.second ? -1 : 0);
  }
}

function readValue(text, second) {
  if (/^0x/i.test(text)) throw new NoNumber(); // of base sixteen
  const large = HUNDREDS.exec(text);
  if (large) {
    const [hundreds, rest] = [large[1], large[2] ?? ""].map((one) => BELOW_100[one.toLowerCase()]);
    return { value: 100 * (hundreds ?? 1) + (rest ?? 0), end: large[0].length };
  }
  const word = (NUMBER_WORD.exec(text) ?? ONE_SCALE.exec(text))?.[0];
  const reader = new NumberReader(text, second);
  const value = word ? (NUMBER_WORDS[word.toLowerCase()] ?? 1) : reader.sum();
  let end = word?.length ?? reader.place;
  if (SUM.test(text.slice(0, end))) return { value, end };
  if (value > 0 && value < 1) end += OF_A.exec(text.slice(end))?.[0].length ?? 0;
  const many = MANY.exec(text.slice(end));
  if (!many) return { value, end };
  return { value: value * (many[1] ? 12 : 100), end: end + many[0].length };
}

/** The values a text may stand for and its unit text, or null where there is no finite number. */
export function parseNumber(given) {
  if ([...given].length > 80) return null;
  let text = plainForm(given).replace(NAME, "").replace(LEAD_IN, "");
  const sign = SIGN_WORD.exec(text);
  if (sign) text = text.slice(sign[0].length);
  let found;
  try {
    found = [false, true].map((second) => readValue(text, second));
  } catch (error) {
    if (error instanceof NoNumber) return null;
    throw error;
  }
  const readings = [...new Set(found.map(({ value }) => (sign ? -value : value)))];
  if (sign && readings.some((one) => one > 0)) return null; // a sign by word and one by sign
  if (!readings.every(Number.isFinite)) return null;
  const unit = unitOf(text.slice(found[1].end));
  return unit === null ? null : { readings, unit };
}
