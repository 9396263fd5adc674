// Reads a number that a person typed, by the grammar of
// course_lib/exercises/answers/number_grammar.py. No DOM.
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";
const DECIMAL =
  "[+-]? ?(?:" +
  "[0-9]{1,3}(?:[ _'’][0-9]{3})+(?:[.,][0-9]+)?" +
  "|[0-9]{1,3}(?:,[0-9]{3})+(?:\\.[0-9]+)?" +
  "|[0-9]{1,3}(?:\\.[0-9]{3}){2,}(?:,[0-9]+)?" +
  "|[0-9]{1,3}(?:\\.[0-9]{3})+,[0-9]+" +
  "|[0-9]+(?:[.,][0-9]*)?" +
  "|[.,][0-9]+" +
  ")(?:[eE][+-]?[0-9]+)?(?![0-9]|[.,][0-9])";
const POWER = "([+-]?)(2|10) ?(?:\\^|\\*\\*) ?([+-]?[0-9]{1,4})(?![0-9]|[.,][0-9])";
const PRODUCT_FORM = new RegExp(`^(${DECIMAL}) ?[x*×·] ?${POWER}`);
const POWER_FORM = new RegExp(`^${POWER}`);
const FRACTION_FORM = new RegExp(`^(${DECIMAL}) ?/ ?(${DECIMAL})`);
const DECIMAL_FORM = new RegExp(`^${DECIMAL}`);

function plainForm(text) {
  return text
    .replace(
      /[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+/g,
      (run) => "^" + [...run].map((sign) => "0123456789-"[SUPERSCRIPTS.indexOf(sign)]).join(""),
    )
    .replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/[ \t\r\n\u00a0\u2000-\u200a\u202f\u205f\u3000]+/g, " ")
    .replace(/^ +| +$/g, "");
}

/** Every value of one decimal; `1,152` may be 1152 or 1.152, the first reading first. */
function decimalReadings(decimal) {
  const plain = decimal.replace(/[ _'’]/g, "");
  const grouped = /^[+-]?([0-9]{1,3}),[0-9]{3}$/.exec(plain);
  const commas = plain.split(",").length - 1;
  const dots = plain.split(".").length - 1;
  if (grouped && !grouped[1].startsWith("0"))
    return [Number(plain.replace(",", "")), Number(plain.replace(",", "."))];
  if (commas > 1 || (commas && plain.indexOf(",") < plain.indexOf(".")))
    return [Number(plain.replaceAll(",", ""))];
  if (dots > 1 || (commas && dots)) return [Number(plain.replaceAll(".", "").replace(",", "."))];
  return [Number(plain.replace(",", "."))];
}

/** The values a text may stand for and its unit text, or null where there is no finite number. */
export function parseNumber(given) {
  if ([...given].length > 80) return null;
  const text = plainForm(given).replace(/^(?:[=~≈]|about ) */i, "");
  const power = (sign, base, exponent) =>
    (sign === "-" ? -1 : 1) * Number(base) ** Number(exponent);
  let match;
  let readings;
  if ((match = PRODUCT_FORM.exec(text)))
    readings = decimalReadings(match[1]).map(
      (value) => value * power(match[2], match[3], match[4]),
    );
  else if ((match = POWER_FORM.exec(text))) readings = [power(match[1], match[2], match[3])];
  else if ((match = FRACTION_FORM.exec(text)))
    readings = [decimalReadings(match[1])[0] / decimalReadings(match[2])[0]];
  else if ((match = DECIMAL_FORM.exec(text))) readings = decimalReadings(match[0]);
  else return null;
  if (!readings.every(Number.isFinite)) return null;
  const unit = text
    .slice(match[0].length)
    .replace(/^ +| +$/g, "")
    .replace(/\.$/, "")
    .replace(/ +$/, "");
  return { readings, unit };
}
