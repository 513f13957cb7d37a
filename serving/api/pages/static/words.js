// Texts and numbers in the reader's language; the English text is the key of its translation.

const words = JSON.parse(document.getElementById("words").textContent);

export const language = words.language;
export const decimal = language === "pt-BR" ? "," : ".";

// `{rows:row|rows}` is the word for a number of rows.
export function t(text, values = {}) {
  const translated = words.translations[text] ?? text;
  return translated.replace(/\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}/g, (whole, name, one, many) => {
    if (one === undefined) return values[name] ?? whole;
    return String(values[name]) === "1" ? one : many;
  });
}

const grouping = { useGrouping: "min2" }; // none in numbers of four digits, which may be years

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Write what stands for a power of ten as one, as in 2.1 × 10⁻⁹.
function power(written) {
  const raised = (exponent) => exponent.replace("-", "⁻").replace(/\d/g, (digit) => RAISED[digit]);
  return written.replace(/E(-?\d+)$/, (_, exponent) => `\u00A0×\u00A010${raised(exponent)}`);
}

// A number with so many significant digits, and with all before the point.
export function number(value, digits = 4) {
  const size = Math.abs(value);
  if (size && !(size >= 1e-4 && size < 1e15)) {
    const options = { notation: "scientific", maximumSignificantDigits: digits };
    return power(value.toLocaleString(language, options));
  }
  const whole = size >= 1 ? Math.trunc(size).toString().length : 1;
  const options = { maximumSignificantDigits: Math.max(digits, whole), ...grouping };
  return value.toLocaleString(language, options);
}

// A number with at most so many decimals, but with two significant digits at least; as
// serving/figures.py writes it on the server.
function rounded(value, decimals) {
  const size = Math.abs(value);
  if (!(size >= 1e-4 && size < 1e15)) return number(value);
  const digits = Math.max(0, decimals, 1 - Math.floor(Math.log10(size)));
  return value.toLocaleString(language, { maximumFractionDigits: digits, ...grouping });
}

// A number with its standard error, whose first digit is the last of both.
export function plusMinus(value, error) {
  const rough = Number(error.toPrecision(1));
  if (rough < 1e-4) return `${number(value, 2)} ± ${number(rough, 1)}`;
  const digits = Math.max(0, -Math.floor(Math.log10(rough)));
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits, ...grouping };
  return [value, rough].map((each) => each.toLocaleString(language, options)).join(" ± ");
}

// What something is multiplied by, with the digits by which it differs from 1.
export function factor(value) {
  const differs = Math.ceil(-Math.log10(Math.abs(value - 1))) + (value >= 1);
  return number(value, Math.min(6, Math.max(2, differs)));
}

// A number beside its unit: the signs of money stand before it. `decimals` are those that suffice
// for a model's predictions, where these are known.
export function measured(value, { unit, decimals }) {
  return withUnit(decimals === null ? number(value) : rounded(value, decimals), unit);
}

export function withUnit(written, unit) {
  if (/\p{Sc}/u.test(unit)) return `${unit}\u00A0${written}`; // no break between them
  return `${written} ${unit}`.trim();
}

// A probability: in whole per cents, unless it is near an end or more digits are wanted.
export function percent(share, digits = Math.min(share, 1 - share) < 0.1 ? 1 : 0) {
  const write = (value) =>
    `${(100 * value).toLocaleString(language, { maximumFractionDigits: digits })}\u00A0%`;
  const smallest = 0.0005; // only 0 and 1 look like 0 and 1
  if (digits < 2 && share > 0 && share < smallest) return `< ${write(0.001)}`;
  if (digits < 2 && share < 1 && share >= 1 - smallest) return `> ${write(0.999)}`;
  return write(share);
}

// How many digits shares need so that those that differ look different.
export function digitsApart(...shares) {
  const differ = (digits) => new Set(shares.map((each) => percent(each, digits))).size;
  return [undefined, 1, 2, 3].find((digits) => differ(digits) === new Set(shares).size);
}
