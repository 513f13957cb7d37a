// Why a prediction is as it is: what each field contributes, in words and as bars.

import { element } from "./element.js";
import { factor, measured, number, percent, plusMinus, t, withUnit } from "./words.js";

const MAX_SHOWN = 10;
const NEGLIGIBLE = 1e-3; // of the largest contribution

// The part of an explanation that is about one label, if that was requested; of a number there is one.
export function about(explanation, label) {
  return { ...explanation, ...explanation.others?.find((one) => one.of === label) };
}

// What is shown of an explanation; `predicted` is what the sum stands for, where it is a logarithm.
export function why(explanation, model, predicted) {
  if (explanation.reason) {
    const reason = element("span", { lang: "en" }, explanation.reason);
    return [element("p", {}, t("There is no explanation:"), " ", reason)];
  }
  const scale = scaleOf(explanation, model);
  const { base, output, contributions, rest } = explanation;
  const all = contributions.map((one) => ({ ...one, text: `${one.field} = ${shown(one.value)}` }));
  if (rest) all.push({ contribution: rest, text: t("The sum of all other fields") });
  const sizes = all.map((one) => Math.abs(one.contribution));
  const largest = Math.max(...sizes, 1e-9);
  const items = all.map((one) => item(one, scale, largest));
  const together = all.reduce((sum, one) => sum + one.contribution, 0);
  const sign = together < 0 ? "\u2212" : "+";
  const values = {
    what: scale.what,
    base: scale.output(base),
    sum: sign + scale.sum(together),
    output: scale.output(output) + (scale.isLogarithm ? ` (${predicted})` : ""),
  };
  return [
    element("p", { className: "quiet small" }, scale.reading),
    element("p", { className: "small" }, t("Base, if nothing were known of the record: {base}", values)),
    element("ol", { className: "why" }, ...items.slice(0, MAX_SHOWN)),
    ...more(items.slice(MAX_SHOWN)),
    element("p", { className: "small" }, t("All fields together: {sum}", values)),
    element("p", { className: "small" }, t("Base and fields: {what} is {output}", values)),
    ...notes(explanation, scale),
  ];
}

function more(items) {
  if (!items.length) return [];
  const summary = element("summary", {}, t("Smaller contributions: {count}", { count: items.length }));
  const list = element("ol", { className: "why", start: MAX_SHOWN + 1 }, ...items);
  return [element("details", {}, summary, list)];
}

function item({ text, contribution, standard_error: error }, scale, largest) {
  const values = { field: text, what: scale.what, size: scale.size(contribution, error) };
  const words =
    Math.abs(contribution) < NEGLIGIBLE * largest
      ? t("{field} hardly changes {what}", values)
      : contribution > 0
        ? t("{field} raises {what} by {size}", values)
        : t("{field} lowers {what} by {size}", values);
  const bar = element("span", { className: contribution > 0 ? "up" : "down" });
  bar.style.width = `${(50 * Math.abs(contribution)) / largest}%`;
  const track = element("div", { className: "push" }, bar);
  track.setAttribute("aria-hidden", "true");
  return element("li", {}, words, track);
}

// How contributions and outputs are written: in points of a probability, or in the unit of a number.
function scaleOf({ unit, of }, { unit: measure, decimals }) {
  const amount = (size, error, digits = 2) =>
    error ? plusMinus(Math.abs(size), error) : number(Math.abs(size), digits);
  if (unit === "probability") {
    const points = (size, error, digits) =>
      t("{size} {size:point|points}", { size: amount(100 * size, error && 100 * error, digits) });
    const exactly = (value) => percent(value, 1); // so that base and sum add up
    return {
      what: `P(${of})`,
      size: points,
      sum: (size) => points(size, 0, 3),
      output: exactly,
      reading: t(
        "Each field moves P({label}), the probability of {label}, away from its base: a bar to the right raises it, one to the left lowers it.",
        { label: of },
      ),
    };
  }
  const reading = t(
    "Each field moves the prediction away from its base: a bar to the right raises it, one to the left lowers it.",
  );
  if (unit === "number") {
    const finer = { unit: measure, decimals: decimals && decimals + 1 }; // so that they add up
    const write = (value) => measured(value, finer);
    return {
      what: t("the prediction"),
      size: (size, error) => (error ? withUnit(amount(size, error), measure) : write(Math.abs(size))),
      sum: (size) => write(Math.abs(size)),
      output: write,
      reading,
    };
  }
  const names = {
    "log-odds": t("the log-odds of {label}", { label: of }),
    logarithm: t("the logarithm of the prediction"),
    "logarithm of number + 1": t("the logarithm of the prediction + 1"),
  };
  const size = (value, error) => `${amount(value, error)} (× ${factor(Math.exp(value))})`;
  return {
    what: names[unit],
    reading,
    size,
    sum: size,
    output: (value) => number(value, 3),
    isLogarithm: true,
  };
}

function notes({ unit, of, method }, { isLogarithm }) {
  const texts = [];
  if (unit === "log-odds") {
    texts.push(
      t(
        "Log-odds: this model adds up logarithms of odds. What stands after × is what the odds of {label} are multiplied by.",
        { label: of },
      ),
    );
  } else if (isLogarithm) {
    texts.push(t("This model adds up logarithms. What stands after × is what the prediction is multiplied by."));
  }
  if (method === "sampling") {
    texts.push(t("Estimated by sampling: ± is the standard error of a contribution."));
  }
  texts.push(t("This explains the model, not the world: fields that go together share what they contribute."));
  return texts.map((text) => element("p", { className: "quiet small" }, text));
}

// The value of a field, as people read it.
export function shown(value) {
  if (value === null) return t("(missing)");
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number") return number(value, 6);
  return value.length > 40 ? `${value.slice(0, 40)}…` : value;
}
