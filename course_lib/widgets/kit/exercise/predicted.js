// Reads what a reader predicted, a number or a percentage, or says why it cannot be one. No DOM.
import { parseDecimal } from "./decimal.js";

const PERCENT = /^(?:%|per ?cent|pct\.?)$/i;
const PERCENT_RANGE = "A percentage lies between 0 and 100 %";

/**
 * A percentage as a share: `31 %`, `31` and `0.31` are the same, `1` is one percent, `3/4` is 75 %.
 */
function shareOf(given, parsed) {
  if (parsed.unit !== "" && !PERCENT.test(parsed.unit)) {
    return { error: `Write a percentage, such as 40 %: “${given}” has another unit.` };
  }
  const [value] = parsed.readings;
  const plain = parsed.unit === "" && (given.includes("/") || (value > 0 && value < 1));
  const share = plain ? value : value / 100;
  if (!(share >= 0 && share <= 1)) return { error: `${PERCENT_RANGE}: you wrote “${given}”.` };
  return { value: share };
}

/**
 * One typed prediction: {value} or {error}. A field says what it takes: `kind` is "percent" or
 * "number"; a number may have `units` (name to factor), must be `whole`, and lies between `low` and
 * `high`.
 */
export function readPrediction(
  text,
  { kind, units = {}, whole, low = -Infinity, high = Infinity },
) {
  const given = text.trim();
  const parsed = parseDecimal(given);
  if (!parsed) return { error: given ? `“${given}” is not a number I can read.` : null };
  if (kind === "percent") return shareOf(given, parsed);
  const named = Object.keys(units).find((name) => name.toLowerCase() === parsed.unit.toLowerCase());
  const factor = parsed.unit === "" ? 1 : (units[parsed.unit] ?? units[named]);
  if (factor === undefined) {
    const known = Object.keys(units);
    const help = known.length ? `Write ${known.join(", ")} or no unit` : "Write a number alone";
    return { error: `${help}: “${given}” has another unit.` };
  }
  const readings = parsed.readings.map((reading) => reading * factor);
  const fits = (one) => one >= low && one <= high && !(whole && !Number.isInteger(one));
  const value = readings.find(fits);
  if (value !== undefined) return { value };
  if (readings[0] < low) return { error: `It cannot be less than ${low}: you wrote “${given}”.` };
  if (readings[0] > high) return { error: `It cannot be more than ${high}: you wrote “${given}”.` };
  return { error: `It is a whole number: you wrote “${given}”.` };
}
