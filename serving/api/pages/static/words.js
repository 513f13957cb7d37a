// Texts and numbers in the reader's language; the English text is the key of its translation.

const words = JSON.parse(document.getElementById("words").textContent);

export const language = words.language;
export const decimal = language === "pt-BR" ? "," : ".";

export function t(text, values = {}) {
  const translated = words.translations[text] ?? text;
  return translated.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const grouping = { useGrouping: "min2" }; // none in numbers of four digits, which may be years

// A number with so many significant digits, and with all before the point.
export function number(value, digits = 4) {
  const size = Math.abs(value);
  if (size && !(size >= 1e-4 && size < 1e15)) {
    const options = { notation: "scientific", maximumSignificantDigits: digits };
    return value.toLocaleString(language, options);
  }
  const whole = size >= 1 ? Math.trunc(size).toString().length : 1;
  const options = { maximumSignificantDigits: Math.max(digits, whole), ...grouping };
  return value.toLocaleString(language, options);
}

// A number beside its unit: the signs of money stand before it.
export function measured(value, unit) {
  return withUnit(number(value), unit);
}

export function withUnit(written, unit) {
  if (/\p{Sc}/u.test(unit)) return `${unit}\u00A0${written}`; // no break between them
  return `${written} ${unit}`.trim();
}

export function percent(share) {
  const write = (value) =>
    `${(100 * value).toLocaleString(language, { maximumFractionDigits: 1 })}\u00A0%`;
  const smallest = 0.0005; // only 0 and 1 look like 0 and 1
  if (share > 0 && share < smallest) return `< ${write(0.001)}`;
  if (share < 1 && share >= 1 - smallest) return `> ${write(0.999)}`;
  return write(share);
}
