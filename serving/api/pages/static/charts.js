// Draws every figure.chart of a page when it first comes into view. What is drawn stands in the page
// as JSON, which charts.py describes; the same is in the table below each chart.

import { timeTicks, toMinutes } from "./times.js";
import { language, number, percent } from "./words.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const styles = {
  plain: {},
  dots: { pointRadius: 4 },
  dashed: { borderDash: [3, 3] },
  quiet: { borderDash: [8, 4], borderWidth: 1.5 },
  outline: { backgroundColor: "transparent", borderWidth: 2 },
  density: { yAxisID: "density", fill: "origin", borderWidth: 0, pointHitRadius: 0, order: 1 },
};
const inks = { quiet: "--quiet", outline: "--ink", dashed: "--series-2", density: "--line" };
const kinds = {
  line: { borderWidth: 2 },
  bar: { borderWidth: 0, maxBarThickness: 26 },
  histogram: { borderWidth: 0, grouped: false, categoryPercentage: 1, barPercentage: 0.96 },
};

// A series as Chart.js takes it; an interval around a line is a band between two more.
function datasets({ kind, x }, { label, points, style = "plain", low, high }, at) {
  const along = x.times ?? (Array.isArray(points[0]) ? points.map(([place]) => place) : null);
  const placed = (values) =>
    along ? values.map((value, place) => ({ x: along[place], y: value?.[1] ?? value })) : values;
  const ink = colour(inks[style] ?? `--series-${(at % 6) + 1}`);
  const drawn = {
    label,
    data: placed(points),
    borderColor: ink,
    backgroundColor: ink,
    pointRadius: points.length > 1 ? 0 : 3,
    pointHitRadius: 12,
    clip: 6, // dots on the edge are whole
    ...kinds[kind],
    ...styles[style],
  };
  if (!low) return [drawn];
  if (kind === "bar") return [{ ...drawn, low, high }];
  const edge = { pointRadius: 0, borderWidth: 0, backgroundColor: `${ink}33` };
  return [drawn, { ...edge, data: placed(low) }, { ...edge, data: placed(high), fill: "-1" }];
}

// A thin line from low to high over each lying bar.
const intervals = {
  id: "intervals",
  afterDatasetsDraw(chart) {
    const { ctx, scales } = chart;
    ctx.save();
    ctx.strokeStyle = colour("--ink");
    ctx.lineWidth = 1.5;
    chart.data.datasets.forEach(({ low, high }, at) => {
      if (!low) return;
      chart.getDatasetMeta(at).data.forEach(({ y }, place) => {
        ctx.beginPath();
        ctx.moveTo(scales.x.getPixelForValue(low[place]), y);
        ctx.lineTo(scales.x.getPixelForValue(high[place]), y);
        ctx.stroke();
      });
    });
    ctx.restore();
  },
};

// A line at each marked place, as where another version went live.
const marked = (marks = []) => ({
  id: "marks",
  afterDatasetsDraw({ ctx, scales, chartArea }) {
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("--quiet");
    for (const [place, text] of marks) {
      const x = scales.x.getPixelForValue(place);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      const left = x - chartArea.left > 70;
      ctx.textAlign = left ? "end" : "start";
      ctx.fillText(text, x + (left ? -4 : 4), chartArea.top + 10);
    }
    ctx.restore();
  },
});

function axis({ title, min, max, labels, ticks, times, share, zero }) {
  const write = share ? (value) => percent(value, 1) : number;
  const named = ticks ?? labels;
  let placed = null; // ticks of times
  return {
    type: labels ? "category" : "linear",
    min: times ? times[0] : min,
    max: times ? times.at(-1) : max,
    beginAtZero: zero,
    suggestedMax: zero ? 0.01 : undefined,
    title: { display: Boolean(title), text: title },
    grid: { color: colour("--line"), display: !times && !labels, offset: false },
    border: { color: colour("--line") },
    afterBuildTicks(scale) {
      if (times) scale.ticks = placed = timeTicks(times[0], times.at(-1), scale.chart.width);
    },
    ticks: {
      callback: (value, at) => placed?.[at].label ?? (named ? named[value] : write(value)),
      autoSkip: !labels || Boolean(ticks),
      maxTicksLimit: ticks ? 8 : 11,
      maxRotation: 0,
    },
  };
}

function config(drawing) {
  const { kind, x, y, series, marks } = drawing;
  const [along, up] = [axis(x), axis(y)];
  const lies = kind === "bar";
  if (lies) {
    const ends = series.flatMap(({ low = [], high = [] }) => [...low, ...high]);
    [up.suggestedMin, up.suggestedMax] = [Math.min(...ends), Math.max(...ends)];
  }
  const write = y.share ? (value) => percent(value, 1) : number;
  const shown = ({ dataset, parsed }) => {
    const written = dataset.yAxisID ? number : write;
    return `${dataset.label}: ${written(lies ? parsed.x : parsed.y)}`;
  };
  const scales = lies ? { x: up, y: along } : { x: along, y: up };
  if (series.some(({ style }) => style === "density")) {
    scales.density = { display: false, min: 0, grace: "200%" }; // the lower third
  }
  const when = ([{ parsed }]) => toMinutes(parsed.x);
  return {
    type: kind === "line" ? "line" : "bar",
    data: { labels: x.labels, datasets: series.flatMap((each, at) => datasets(drawing, each, at)) },
    options: {
      indexAxis: lies ? "y" : "x",
      locale: language,
      maintainAspectRatio: false,
      animation: false,
      spanGaps: true,
      interaction: { mode: "nearest", axis: lies ? "y" : "x", intersect: false },
      scales,
      plugins: {
        legend: {
          display: series.length > 1 || series[0]?.style === "dashed",
          labels: { boxWidth: 20, boxHeight: kind === "line" ? 2 : undefined, filter: (item) => item.text },
        },
        tooltip: {
          filter: ({ dataset }) => dataset.label,
          callbacks: { label: shown, ...(x.times && { title: when }) },
        },
      },
    },
    plugins: [intervals, marked(marks)],
  };
}

function draw(figure) {
  const drawing = JSON.parse(figure.querySelector("script").textContent);
  const canvas = figure.querySelector("canvas");
  Chart.getChart(canvas)?.destroy();
  Chart.defaults.color = colour("--ink");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  new Chart(canvas, config(drawing));
}

const figures = [...document.querySelectorAll("figure.chart")];
const seen = new Set();
const watch = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    watch.unobserve(target);
    seen.add(target);
    draw(target);
  }
});
figures.forEach((figure) => watch.observe(figure));
dark.addEventListener("change", () => seen.forEach(draw));
// On paper all of a page is in view, and light.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.prints = "";
  figures.forEach(draw);
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.prints;
  figures.forEach(draw);
});
