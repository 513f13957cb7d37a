// Draws the monitor's charts: what is in them stands in the page, as plots.py made it. The same is in
// the table below each; a chart is drawn when it first comes into view.

import { language, number, percent } from "./words.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const written = (unit) => (unit === "share" ? percent : number);

const common = (unit) => ({
  locale: language,
  maintainAspectRatio: false,
  animation: false,
  spanGaps: true,
  interaction: { mode: "index", intersect: false },
  plugins: {
    legend: { labels: { boxHeight: 2, filter: (item) => item.text } },
    tooltip: {
      filter: (item) => item.dataset.label,
      callbacks: { label: ({ dataset, parsed }) => `${dataset.label}: ${written(unit)(parsed.y)}` },
    },
  },
});

const axes = (unit) => ({
  grid: { color: ink("--line") },
  border: { color: ink("--line") },
  ticks: { callback: (value) => written(unit)(value), maxTicksLimit: 6 },
});

// Two distributions: what there is now as bars, what training saw as the outlines over them.
function shares({ labels, short, reference, current }) {
  const bar = { grouped: false, categoryPercentage: 1, barPercentage: 0.96 };
  const outline = { borderColor: ink("--ink"), borderWidth: 2, backgroundColor: "transparent" };
  const options = common("share");
  return {
    type: "bar",
    data: {
      labels,
      datasets: [
        { label: reference.label, data: reference.values, ...bar, ...outline },
        { label: current.label, data: current.values, ...bar, backgroundColor: ink("--series-2") },
      ],
    },
    options: {
      ...options,
      plugins: { ...options.plugins, legend: {} },
      scales: {
        x: {
          grid: { display: false },
          ticks: { callback: (place) => short[place], maxTicksLimit: 8, maxRotation: 0 },
        },
        y: { ...axes("share"), beginAtZero: true },
      },
    },
  };
}

// How a line is drawn, and in which colour where it has one of its own.
const styles = {
  plain: { borderWidth: 2 },
  dashed: { borderWidth: 2, borderDash: [3, 3] },
  level: { borderWidth: 1.5, borderDash: [8, 4] },
};
const own = { dashed: 1, level: 2 };

function lines(spec) {
  const { times, unit, marks, whole } = spec;
  const at = (values) => times.map((time, place) => ({ x: time, y: values[place] }));
  const datasets = spec.lines.flatMap((line, place) => {
    const color = ink(`--series-${((own[line.style] ?? place) % 6) + 1}`);
    const many = { borderColor: color, backgroundColor: color, pointRadius: times.length > 1 ? 0 : 3 };
    const drawn = { label: line.label, data: at(line.values), ...many, ...styles[line.style] };
    if (!line.low) return [drawn];
    const edge = { pointRadius: 0, borderWidth: 0, backgroundColor: `${color}33` };
    return [
      drawn,
      { ...edge, data: at(line.low) },
      { ...edge, data: at(line.high), fill: "-1" },
    ];
  });
  const long = times.at(-1) - times[0] > 86_400_000;
  const style = long ? { dateStyle: "short" } : { timeStyle: "short" };
  const format = new Intl.DateTimeFormat(language, { ...style, timeZone: "UTC" });
  const options = common(unit);
  options.plugins.tooltip.callbacks.title = ([item]) =>
    new Date(item.parsed.x).toISOString().replace("T", " ").slice(0, 16);
  options.plugins.versions = { marks };
  options.plugins.legend.display = spec.lines.length > 1 || spec.lines[0]?.style === "dashed";
  return {
    type: "line",
    data: { datasets },
    options: {
      ...options,
      scales: {
        x: {
          type: "linear",
          min: times[0],
          max: times.at(-1),
          grid: { display: false },
          ticks: { callback: (time) => format.format(time), maxTicksLimit: 5, maxRotation: 0 },
        },
        y: { ...axes(unit), beginAtZero: whole, suggestedMax: whole ? 0.01 : undefined },
      },
    },
    plugins: [versions],
  };
}

// A line where another version went live.
const versions = {
  id: "versions",
  afterDatasetsDraw({ ctx, scales, chartArea }, _, { marks }) {
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = ink("--quiet");
    for (const [time, label] of marks) {
      const x = scales.x.getPixelForValue(time);
      ctx.beginPath();
      ctx.moveTo(x, chartArea.top);
      ctx.lineTo(x, chartArea.bottom);
      ctx.stroke();
      const left = x - chartArea.left > 70;
      ctx.textAlign = left ? "end" : "start";
      ctx.fillText(label, x + (left ? -4 : 4), chartArea.top + 10);
    }
    ctx.restore();
  },
};

function draw(figure) {
  const spec = JSON.parse(figure.querySelector("script").textContent);
  const canvas = figure.querySelector("canvas");
  Chart.getChart(canvas)?.destroy();
  Chart.defaults.color = ink("--ink");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  new Chart(canvas, { shares, lines }[spec.kind](spec));
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
// Printed, or kept whole as a picture, everything is in view.
addEventListener("beforeprint", () => figures.filter((each) => !seen.has(each)).forEach(draw));
