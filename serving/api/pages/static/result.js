// A prediction, as people read it.

import { measured, percent, t } from "./words.js";

const MAX_BARS = 10;

export function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

export function outcome(model, response, warnings) {
  const shown = response.probabilities ? labelled(model, response) : numeric(model, response);
  return [
    ...shown,
    ...warnings.map((one) =>
      element("p", { className: "warning", lang: "en" }, `${one.field} ${one.message}`),
    ),
    element(
      "p",
      { className: "quiet small" },
      t("{model}, version {version}; prediction ", response),
      element("code", {}, response.id),
    ),
  ];
}

function labelled({ threshold }, { prediction, probabilities }) {
  const likeliest = Object.entries(probabilities).sort((one, other) => other[1] - one[1]);
  const rows = likeliest.slice(0, MAX_BARS).map(([label, share]) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * share}%`;
    const track = element("td", { className: "track" }, element("div", {}, bar));
    if (label === threshold?.label) {
      const mark = element("span", { className: "threshold" });
      mark.style.left = `${100 * threshold.value}%`;
      track.firstChild.append(mark);
    }
    const chosen = label === prediction ? "chosen" : "";
    return element(
      "tr",
      { className: chosen },
      element("th", { scope: "row" }, label),
      track,
      element("td", { className: "number" }, percent(share)),
    );
  });
  const shown = [element("p", { className: "prediction" }, prediction), bars(rows)];
  if (threshold) {
    const values = { label: threshold.label, share: percent(threshold.value) };
    const rule = t("Decision threshold: {label} when P({label}) ≥ {share}", values);
    shown.push(element("p", { className: "quiet small" }, rule));
  }
  return shown;
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
  const shown = [element("p", { className: "prediction" }, measured(prediction, model.unit))];
  if (interval) {
    const { low, high, coverage } = interval;
    const values = {
      low: measured(low, model.unit),
      high: measured(high, model.unit),
      share: percent(coverage),
    };
    shown.push(
      ranged(model.scale, prediction, interval),
      element("p", {}, t("{share} prediction interval: {low} to {high}", values)),
    );
  }
  return shown;
}

// The interval, and the prediction in it, on the range of the predictions in training.
function ranged([lowest = Infinity, highest = -Infinity], prediction, { low, high }) {
  const from = Math.min(lowest, low);
  const place = (value) => `${(100 * (value - from)) / (Math.max(highest, high) - from)}%`;
  const range = element("span", { className: "range" });
  range.style.left = place(low);
  range.style.right = `calc(100% - ${place(high)})`;
  const point = element("span", { className: "point" });
  point.style.left = place(prediction);
  const track = element("div", { className: "interval" }, range, point);
  track.setAttribute("aria-hidden", "true");
  return track;
}
