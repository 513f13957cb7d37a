// What is said in the reader's language; the English text is what a translation is found by.

const words = JSON.parse(document.getElementById("words").textContent);

export const language = words.language;

export function say(text, values = {}) {
  const said = words.translations[text] ?? text;
  return said.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function number(value, digits = 4) {
  return value.toLocaleString(language, { maximumSignificantDigits: digits });
}

export function percent(share) {
  return share.toLocaleString(language, { style: "percent", maximumFractionDigits: 1 });
}
