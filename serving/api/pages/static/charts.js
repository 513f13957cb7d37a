// Draws every figure.chart of a page from the JSON that stands in it:
//
// {"kind": "line" or "bar",
//  "x": {"title", "min", "max", "labels": [a text for each place] or none where x is a number},
//  "y": {"title", "min", "max"},
//  "across": true for bars that lie,
//  "series": [{"label", "points": [[x, y], …] or with labels [y, …], "low", "high": [y, …] for
//              a range at each place, "dashed": true, "dots": true, "quiet": true}, …]}

import { language } from "./words.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function dataset(series, at, kind) {
  const ink = colour(series.quiet ? "--quiet" : `--series-${(at % 6) + 1}`);
  const points = series.points.map((point) =>
    Array.isArray(point) ? { x: point[0], y: point[1] } : point,
  );
  return {
    label: series.label,
    data: points,
    range: series.low && { low: series.low, high: series.high },
    borderColor: ink,
    backgroundColor: ink,
    borderWidth: kind === "bar" ? 0 : 2,
    borderDash: series.dashed ? [5, 5] : [],
    pointRadius: series.dots ? 4 : 0,
    pointHitRadius: 12,
    clip: 6, // dots on the edge are whole
    maxBarThickness: 26,
  };
}

// A thin line from low to high at each place of a series that has both.
const ranges = {
  id: "ranges",
  afterDatasetsDraw(chart) {
    const { ctx, scales } = chart;
    const across = chart.options.indexAxis === "y";
    const scale = across ? scales.x : scales.y;
    chart.data.datasets.forEach(({ range }, at) => {
      if (!range) return;
      ctx.save();
      ctx.strokeStyle = colour("--ink");
      ctx.lineWidth = 1.5;
      chart.getDatasetMeta(at).data.forEach((element, place) => {
        const [low, high] = [range.low[place], range.high[place]].map((value) =>
          scale.getPixelForValue(value),
        );
        ctx.beginPath();
        ctx.moveTo(...(across ? [low, element.y] : [element.x, low]));
        ctx.lineTo(...(across ? [high, element.y] : [element.x, high]));
        ctx.stroke();
      });
      ctx.restore();
    });
  },
};

function axis(spec, labelled) {
  return {
    type: labelled ? "category" : "linear",
    min: spec.min,
    max: spec.max,
    title: { display: Boolean(spec.title), text: spec.title },
    grid: { color: colour("--line") },
    border: { color: colour("--line") },
  };
}

export function config(spec) {
  const { kind, x, y, across = false } = spec;
  const [along, up] = [axis(x, Boolean(x.labels)), axis(y, false)];
  const ends = spec.series.flatMap(({ low = [], high = [] }) => [...low, ...high]);
  if (ends.length) [up.suggestedMin, up.suggestedMax] = [Math.min(...ends), Math.max(...ends)];
  return {
    type: kind,
    data: {
      labels: x.labels,
      datasets: spec.series.map((series, at) => dataset(series, at, kind)),
    },
    options: {
      indexAxis: across ? "y" : "x",
      locale: language,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "nearest", axis: across ? "y" : "x", intersect: false },
      scales: across ? { x: up, y: along } : { x: along, y: up },
      plugins: { legend: { display: spec.series.length > 1, labels: { boxHeight: 2 } } },
    },
    plugins: [ranges],
  };
}

export function draw(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const canvas = figure.querySelector("canvas");
  Chart.getChart(canvas)?.destroy();
  new Chart(canvas, config(spec));
}

function drawAll() {
  Chart.defaults.color = colour("--ink");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  document.querySelectorAll("figure.chart").forEach(draw);
}

drawAll();
dark.addEventListener("change", drawAll);
