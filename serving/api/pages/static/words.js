// What is said in the reader's language; the English text is what a translation is found by.

const words = JSON.parse(document.getElementById("words").textContent);

export const language = words.language;

export function say(text, values = {}) {
  const said = words.translations[text] ?? text;
  return said.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// A number with a readable few digits, and with all that stand before the point.
export function number(value, digits = 4) {
  const size = Math.abs(value);
  if (size && !(size >= 1e-4 && size < 1e15)) {
    const options = { notation: "scientific", maximumSignificantDigits: digits };
    return value.toLocaleString(language, options);
  }
  const whole = size >= 1 ? Math.trunc(size).toString().length : 1;
  return value.toLocaleString(language, { maximumSignificantDigits: Math.max(digits, whole) });
}

// A number beside its unit: the signs of money stand before it.
export function measured(value, unit) {
  const written = number(value);
  if (/\p{Sc}/u.test(unit)) return `${unit} ${written}`;
  return unit === "%" ? `${written}%` : `${written} ${unit}`.trim();
}

export function percent(share) {
  const options = { style: "percent", maximumFractionDigits: 1 };
  const least = 0.0005; // what is not 0 or 1 does not look as if it were
  if (share > 0 && share < least) return `< ${(0.001).toLocaleString(language, options)}`;
  if (share < 1 && share >= 1 - least) return `> ${(0.999).toLocaleString(language, options)}`;
  return share.toLocaleString(language, options);
}
