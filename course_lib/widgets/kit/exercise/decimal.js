// Reads one decimal that a person typed, with its unit: what a prediction needs. number.js reads
// sums, powers and words on top of it. No DOM.
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
export const LEAD_IN =
  /^(?:[=~≈]+|(?:about|approximately|approx\.?|around|roughly|circa|ca\.?) ) */i;
export const DECIMAL = new RegExp(
  "(?:" +
    "[0-9]{1,3}(?:[ _'’][0-9]{3})+(?:[.,][0-9]+)?" +
    "|[0-9]{1,3}(?:,[0-9]{3})+(?:\\.[0-9]+)?" +
    "|[0-9]{1,3}(?:\\.[0-9]{3}){2,}(?:,[0-9]+)?" +
    "|[0-9]{1,3}(?:\\.[0-9]{3})+,[0-9]+" +
    "|[0-9]+(?:[.,][0-9]*)?" +
    "|[.,][0-9]+" +
    ")(?:[eE][+-]?[0-9]+)?(?![0-9]|[.,][0-9])",
  "y",
);
const NO_UNIT = /^[-+*/^×·÷()=0-9]/;

/** A text with one form of each sign, space and digit. */
export function plainForm(text) {
  return text
    .replace(/\p{Cf}/gu, "")
    .replace(/[¼-¾⅐-⅞]/g, " $&")
    .replace(
      /[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g,
      (run) => "^" + [...run].map((sign) => "0123456789-"[SUPERSCRIPTS.indexOf(sign)]).join(""),
    )
    .normalize("NFKC")
    .replace(/[\u2044\u2215]/g, "/")
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+/g, " ")
    .replace(/^ +| +$/g, "");
}

/** Every value of one decimal, the likelier first: `1,152` and `1.152` have two. */
export function decimalReadings(decimal) {
  const plain = decimal.replace(/[ _'’]/g, "");
  const commas = plain.split(",").length - 1;
  const dots = plain.split(".").length - 1;
  if (/^[1-9][0-9]{0,2},[0-9]{3}$/.test(plain))
    return [Number(plain.replace(",", "")), Number(plain.replace(",", "."))];
  if (/^[1-9][0-9]{0,2}\.[0-9]{3}$/.test(plain))
    return [Number(plain), Number(plain.replace(".", ""))];
  if (commas > 1 || (commas && plain.indexOf(",") < plain.indexOf(".")))
    return [Number(plain.replaceAll(",", ""))];
  if (dots > 1 || (commas && dots)) return [Number(plain.replaceAll(".", "").replace(",", "."))];
  return [Number(plain.replace(",", "."))];
}

/** The unit behind a number, or null where the number goes on. */
export function unitOf(text) {
  const unit = text.trim();
  return NO_UNIT.test(unit) ? null : unit.replace(/ *\.$/, "");
}

/** The values of a decimal or of a ratio of two, and the unit text, or null: as parseNumber. */
export function parseDecimal(given) {
  let text = plainForm(given).replace(LEAD_IN, "");
  const take = () => {
    DECIMAL.lastIndex = 0;
    const [found = null] = DECIMAL.exec(text) ?? [];
    text = text.slice((found ?? "").length);
    return found && decimalReadings(found);
  };
  const [sign] = /^[+-]? ?/.exec(text);
  text = text.slice(sign.length);
  let readings = take();
  if (!readings) return null;
  const divided = /^ ?[/÷] ?/.exec(text);
  if (divided) {
    text = text.slice(divided[0].length);
    const below = take();
    readings = below && readings.map((above, i) => above / (below[i] ?? below[0]));
  }
  if (!readings?.every(Number.isFinite)) return null;
  const unit = unitOf(text);
  if (sign.startsWith("-")) readings = readings.map((one) => -one);
  return unit === null ? null : { readings, unit };
}
