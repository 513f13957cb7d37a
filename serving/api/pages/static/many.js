// Many records at once: a file that is dropped or chosen, or rows that are pasted.

import { inOneLine } from "./ask.js";
import { batch } from "./batch.js";
import { line } from "./csv.js";
import { element } from "./element.js";
import { open } from "./files.js";
import { write } from "./record.js";
import { decimal, language, measured, number, percent, t } from "./words.js";

const find = (id) => document.getElementById(id);

let model = null;
let kinds = new Map(); // of faults
let running = null;
let download = null;

function show(rows) {
  const body = find("rows").querySelector("tbody");
  for (const { number: at, prediction, probabilities, interval, warnings, faults } of rows) {
    if (faults) list(at, inOneLine(faults));
    if (body.children.length >= 50) continue;
    const probability = probabilities && percent(probabilities[prediction]);
    const range = interval && `${measured(interval.low, model)} – ${measured(interval.high, model)}`;
    const shown = typeof prediction === "number" ? measured(prediction, model) : prediction;
    const remarks = inOneLine(faults ?? warnings);
    const cells = [shown ?? "–", probability ?? range ?? "", remarks].map((cell) =>
      element("td", {}, cell),
    );
    body.append(element("tr", {}, element("th", { scope: "row" }, at), ...cells));
  }
  find("rows").hidden = !body.children.length;
  find("faults").hidden = !find("faulty").children.length;
}

// A message without the values in it.
function kindOf(message) {
  return message.replace(/"(?:[^"\\]|\\.)*"|[\d.,]+/g, "…");
}

// Name a row that could not be read; rows with the same fault share a line.
function list(at, faults) {
  const kind = kindOf(faults);
  if (!kinds.has(kind)) {
    if (kinds.size >= 50) return;
    kinds.set(kind, { rows: [], count: 0, item: find("faulty").appendChild(element("li")) });
  }
  const found = kinds.get(kind);
  found.count += 1;
  if (found.rows.length < 5) found.rows.push(at);
  const more = found.count > found.rows.length ? ` … (${number(found.count)})` : "";
  const values = { at: found.rows.join(", ") + more };
  const title = found.count === 1 ? t("Row {at}:", values) : t("Rows {at}, such as:", values);
  found.faults ??= element("span", { lang: "en" }, faults);
  found.item.replaceChildren(title, " ", found.faults);
}

// Why a file is not read, once, with a line for each kind of fault and the fields that have it.
function refused(error) {
  const faults = error.faults ?? [];
  const hasTitle = !faults.length || error.of === "rows";
  const title = hasTitle ? error.message : t("The file cannot be read:");
  const alike = new Map();
  for (const { field, message } of faults) {
    const found = alike.get(kindOf(message)) ?? { fields: [], message };
    if (field) found.fields.push(field);
    alike.set(kindOf(message), found);
  }
  const items = [...alike.values()].map(({ fields, message }) => {
    const sentence = inOneLine([{ field: fields.join(", "), message }]);
    return element("li", { lang: "en" }, sentence);
  });
  const hasCommas = error.delimiter === "," && faults.some(({ message }) => /^"-?\d+,\d+"/.test(message));
  const hint = t("Numbers have decimal commas: put semicolons between the cells, or write points.");
  return [
    element("p", { className: "fault", lang: hasTitle ? error.lang : language }, title),
    ...(items.length ? [element("ul", { className: "small" }, ...items)] : []),
    ...(hasCommas ? [element("p", {}, hint)] : []),
  ];
}

function summary({ done, faulty, renamed, stopped }) {
  const counts = { done: number(done), faulty: number(faulty) };
  const text = stopped
    ? t("Stopped after {done} {done:row|rows}.", counts)
    : t("Done: {done} {done:row|rows}.", counts);
  const names = { columns: renamed.join(", ") };
  return [
    text,
    ...(faulty ? [t("{faulty} of them could not be read.", counts)] : []),
    ...(renamed.length ? [t("Renamed in the download, as predictions have them too: {columns}", names)] : []),
  ].join(" ");
}

async function score(file) {
  running?.abort();
  const own = (running = new AbortController());
  const status = find("status");
  find("rows").querySelector("tbody").replaceChildren();
  find("faulty").replaceChildren();
  kinds = new Map();
  show([]);
  find("cancel").hidden = find("progress").hidden = false;
  find("download").hidden = true;
  status.textContent = t("Predicting the rows of {name} …", { name: file.name });
  let made = null;
  try {
    const seen = (share) => (find("progress").value = share);
    find("progress").removeAttribute("value");
    const { pieces, note } = await open(file, model.sheet, seen, own.signal);
    made = await batch(model, pieces, (rows) => running === own && show(rows), own.signal);
    if (running === own) status.textContent = `${summary(made)} ${note}`.trim();
  } catch (error) {
    made = error.outcome;
    if (running === own && error.name === "AbortError") status.textContent = t("Stopped.");
    else if (running === own) status.replaceChildren(...refused(error));
  }
  if (running !== own) return;
  running = null;
  find("cancel").hidden = find("progress").hidden = true;
  if (made?.done) offer(made.parts, file.name);
}

function offer(parts, name) {
  if (download) URL.revokeObjectURL(download);
  download = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  find("download").href = download;
  find("download").download = `${name.replace(/\.[^.]*$/, "")}-${model.name}.csv`;
  find("download").hidden = false;
}

// A file with the columns that are needed, and the examples of the form.
function offerTemplate(examples) {
  const delimiter = decimal === "," ? ";" : ",";
  const names = model.fields.map(({ name }) => name);
  const cells = (record) => names.map((name) => write(record[name] ?? "", decimal));
  const rows = [names, ...examples.map(cells)].map((row) => line(row, delimiter));
  find("template").href = URL.createObjectURL(new Blob(["\uFEFF", ...rows], { type: "text/csv" }));
  find("template").download = `${model.name}.csv`;
}

export function offerMany(of, examples) {
  model = of;
  offerTemplate(examples);
  const zone = find("zone");
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    const [file] = event.dataTransfer.files;
    if (file) score(file);
  });
  find("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) score(file);
    event.target.value = ""; // the same file may be chosen again
  });
  find("score").addEventListener("click", () => score(new File([find("pasted").value], "rows.csv")));
  find("cancel").addEventListener("click", () => running?.abort());
}
