// Numbers and tokens as text, the same as course_lib/widgets/markup.py writes them. No DOM.

/** Fixed decimals, halves away from zero, a true minus sign, no minus zero. */
export function fixed(value, decimals = 2) {
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** As `fixed`, without the zeros at the end. */
export function short(value, decimals = 2) {
  const text = fixed(value, decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A share as percent: one decimal below 10 %, none above, "under 0.1 %" for the rest. */
export function percent(share) {
  if (share === 0) return "0 %";
  if (share < 0.001) return "under 0.1 %";
  const value = 100 * share;
  return `${value < 9.95 ? short(value, 1) : fixed(value, 0)} %`;
}

/** A token as a reader can see it: spaces at the ends and line breaks get a sign. */
export function seen(token) {
  const text = token.replace(/\n/g, "↵").replace(/\t/g, "⇥");
  return text.trim() === "" ? "␣".repeat(Math.max(1, text.length)) : text.trim();
}

/** "a, b and c" */
export function listed(parts) {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Shade 0 to 10 of a value between `low` and `high`. */
export function shade(value, low = 0, high = 1) {
  if (!Number.isFinite(value) || high <= low) return 0;
  return Math.min(10, Math.max(0, Math.floor((10 * (value - low)) / (high - low) + 0.5)));
}

/** A number with its thousands apart, as in 4,294,967,295. */
export function grouped(number) {
  return number.toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** Why a text is no number for this field, or "". */
export function faultOf(text, { low, high, whole }) {
  const value = Number(text);
  const range = `from ${grouped(low)} to ${grouped(high)}`;
  const wanted = whole ? `Write a whole number ${range}` : `Write a number ${range}`;
  if (text.trim() === "" || !Number.isFinite(value)) return wanted;
  return value < low || value > high || (whole && !Number.isInteger(value)) ? wanted : "";
}

/**
 * The class of a heat cell: shades of one hue from `low` to `high`, or, where the values have both
 * signs, one hue for each sign with zero the lightest.
 */
export function shadeClass(value, low = 0, high = 1) {
  if (!(low < 0 && high > 0)) return `sh${shade(value, low, high)}`;
  const level = shade(Math.abs(value), 0, Math.max(-low, high));
  return value < 0 && level ? `ng${level}` : `sh${level}`;
}
