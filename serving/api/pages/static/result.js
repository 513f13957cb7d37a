// What the service answered, as people read it.

import { measured, percent, say } from "./words.js";

const MOST_BARS = 10;

export function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

export function outcome(model, answer, warnings) {
  const shown = answer.probabilities ? labelled(model, answer) : numeric(model, answer);
  return [
    ...shown,
    ...warnings.map((one) =>
      element("p", { className: "warning", lang: "en" }, `${one.field} ${one.message}`),
    ),
    element(
      "p",
      { className: "quiet small" },
      say("{model}, version {version}; prediction ", answer),
      element("code", {}, answer.id),
    ),
  ];
}

function labelled(model, answer) {
  const likeliest = Object.entries(answer.probabilities).sort((one, other) => other[1] - one[1]);
  const rows = likeliest.slice(0, MOST_BARS).map(([label, share]) => {
    const bar = element("span", { className: "bar" });
    bar.style.width = `${100 * share}%`;
    const chosen = label === answer.prediction ? "chosen" : "";
    return element(
      "tr",
      { className: chosen },
      element("th", { scope: "row" }, label),
      element("td", { className: "track" }, bar),
      element("td", { className: "number" }, percent(share)),
    );
  });
  const told = [element("p", { className: "answer" }, answer.prediction), bars(rows)];
  if (model.threshold) {
    const { label, value } = model.threshold;
    told.push(
      element(
        "p",
        { className: "quiet small" },
        say("{label} is predicted from {share} on.", { label, share: percent(value) }),
      ),
    );
  }
  return told;
}

function bars(rows) {
  const head = [say("label"), "", say("probability")].map((name) =>
    name ? element("th", { scope: "col" }, name) : element("td"),
  );
  return element(
    "table",
    { className: "bars" },
    element("caption", { className: "unseen" }, say("Probabilities")),
    element("thead", { className: "unseen" }, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
}

function numeric(model, answer) {
  const told = [
    element("p", { className: "answer" }, measured(answer.prediction, model.unit)),
  ];
  if (answer.interval) {
    const { low, high, coverage } = answer.interval;
    const values = {
      low: measured(low, model.unit),
      high: measured(high, model.unit),
      share: percent(coverage),
    };
    told.push(
      ranged(model.scale, answer),
      element("p", {}, say("{share} of true values lie between {low} and {high}.", values)),
    );
  }
  return told;
}

// The interval, and the prediction in it, on the range of what is predicted.
function ranged([lowest = Infinity, highest = -Infinity], { prediction, interval: { low, high } }) {
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
