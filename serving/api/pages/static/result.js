// A prediction, as people read it.

import { element } from "./element.js";
import { digitsApart, measured, percent, t } from "./words.js";

const MAX_BARS = 10;

// What was predicted, and where it is recorded; `warnings` are those that stand beside no field.
export function outcome(model, response, warnings) {
  const id = element("code", {}, response.id);
  const href = model.recorded && model.recorded + encodeURIComponent(response.id);
  return [
    ...predicted(model, response),
    ...warnings.map((one) =>
      element("p", { className: "warning", lang: "en" }, `${one.field} ${one.message}`),
    ),
    element(
      "p",
      { className: "quiet small" },
      t("{model}, version {version}; prediction ", response),
      href ? element("a", { href }, id) : id,
    ),
  ];
}

// A label with a bar for each probability, or a number with its interval on a scale.
export function predicted(model, response) {
  return response.probabilities ? labelled(model, response) : numeric(model, response);
}

// How the probability of a label is written: as different from the others, and from the threshold,
// as it is.
function writer({ threshold }, likeliest) {
  const shares = likeliest.slice(0, 2).map(([, share]) => share);
  const own = threshold ? likeliest.filter(([label]) => label === threshold.label) : [];
  const digits = [digitsApart(...shares), ...own.map(([, share]) => digitsApart(share, threshold.value))];
  const most = Math.max(...digits.filter((each) => each !== undefined), -1);
  return (share) => percent(share, most < 0 ? undefined : most);
}

function labelled(model, { prediction, probabilities }) {
  const { threshold } = model;
  const likeliest = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const write = writer(model, likeliest);
  const rows = likeliest.slice(0, MAX_BARS).map(([label, share]) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * share}%`;
    const track = element("td", { className: "track" }, element("div", {}, bar));
    if (label === threshold?.label) track.firstChild.append(...mark(threshold.value));
    return element(
      "tr",
      { className: label === prediction ? "chosen" : "" },
      element("th", { scope: "row" }, label),
      track,
      element("td", { className: "number" }, write(share)),
    );
  });
  const shown = [element("p", { className: "prediction" }, prediction), bars(rows)];
  if (threshold) {
    const key = element("span", { className: "key" });
    shown.push(element("p", { className: "quiet small" }, key, rule(threshold)));
  }
  return shown;
}

// From which probability on a label is predicted.
export function rule({ label, value }) {
  const values = { label, share: percent(value) };
  return t("Decision threshold: {label} when P({label}) ≥ {share}", values).replace("≥ ", "≥\u00A0");
}

// The decision threshold on the bar of its label, with its number above it.
function mark(value) {
  const line = element("span", { className: "threshold" });
  line.style.left = `${100 * value}%`;
  const text = element("span", { className: "at", ariaHidden: "true" }, percent(value));
  text.style.left = `${Math.min(92, Math.max(8, 100 * value))}%`; // within the track
  return [line, text];
}

function bars(rows) {
  const head = [t("label"), "", t("probability")].map((name) =>
    name ? element("th", { scope: "col" }, name) : element("td"),
  );
  return element(
    "table",
    { className: "bars" },
    element("caption", { className: "unseen" }, t("Probabilities")),
    element("thead", { className: "unseen" }, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function numeric(model, { prediction, interval }) {
  const write = (value) => measured(value, model);
  const shown = [element("p", { className: "prediction" }, write(prediction))];
  const ends = [...model.scale, ...(interval ? [interval.low, interval.high] : [])];
  if (ends.length) shown.push(...scale(ends, prediction, interval, write));
  if (interval) {
    const { low, high, coverage } = interval;
    const values = { low: write(low), high: write(high), share: coverage && percent(coverage) };
    const text = coverage
      ? t("{share} prediction interval: {low} to {high}", values)
      : t("Prediction interval: {low} to {high}", values); // of a version that is gone
    shown.push(element("p", {}, text));
  }
  if (model.scale.length) {
    const note = t("The scale has the range of this model's predictions in training.");
    shown.push(element("p", { className: "quiet small" }, note));
  }
  return shown;
}

// The prediction and its interval on a scale, which has a number at each of its ends.
function scale(values, prediction, interval, write) {
  const [from, to] = [Math.min(...values, prediction), Math.max(...values, prediction)];
  const place = (value) => `${(100 * (value - from)) / (to - from || 1)}%`;
  const track = element("div", { className: "interval", ariaHidden: "true" });
  if (interval) {
    const range = element("span", { className: "range" });
    range.style.left = place(interval.low);
    range.style.right = `calc(100% - ${place(interval.high)})`;
    track.append(range);
  }
  const point = element("span", { className: "point" });
  point.style.left = place(prediction);
  track.append(point);
  const ends = [from, to].map((value) => element("span", {}, write(value)));
  const unseen = element("span", { className: "unseen" }, t("Scale:"), " ");
  return [track, element("p", { className: "ends quiet small" }, unseen, ends[0], " ", ends[1])];
}
