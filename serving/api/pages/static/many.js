// Many records at once: a file that is dropped or chosen, or rows that are pasted.

import { batch } from "./batch.js";
import { text } from "./csv.js";
import { element } from "./result.js";
import { measured, number, percent, t } from "./words.js";

const find = (id) => document.getElementById(id);

let model = null;
let running = null;
let download = null;

function show(rows) {
  const body = find("rows").querySelector("tbody");
  for (const { number: at, prediction, probabilities, interval, warnings, faults } of rows) {
    if (faults && find("faulty").children.length < 50) {
      const text = t("Row {at}: {faults}", { at, faults: faults.join("; ") });
      find("faulty").append(element("li", { lang: "en" }, text));
    }
    if (body.children.length >= 50) continue;
    const probability = probabilities && percent(probabilities[prediction]);
    const range = interval && `${measured(interval.low, model)} – ${measured(interval.high, model)}`;
    const shown = typeof prediction === "number" ? measured(prediction, model) : prediction;
    const remarks = (faults ?? warnings.map((one) => `${one.field}: ${one.message}`)).join("; ");
    const cells = [shown ?? "–", probability ?? range ?? "", remarks].map((cell) =>
      element("td", {}, cell),
    );
    body.append(element("tr", {}, element("th", { scope: "row" }, at), ...cells));
  }
  find("rows").hidden = !body.children.length;
  find("faults").hidden = !find("faulty").children.length;
}

function summary({ done, faulty, renamed, stopped }) {
  const counts = { done: number(done), faulty: number(faulty) };
  const text = stopped
    ? t("Stopped after {done} rows.", counts)
    : t("Done: {done} rows.", counts);
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
  show([]);
  find("cancel").hidden = find("progress").hidden = false;
  find("download").hidden = true;
  status.textContent = t("Predicting the rows of {name} …", { name: file.name });
  let made = null;
  try {
    const seen = (share) => (find("progress").value = share);
    made = await batch(
      model,
      text(file, seen),
      (rows) => running === own && show(rows),
      own.signal,
    );
    if (running === own) status.textContent = summary(made);
  } catch (error) {
    made = error.outcome;
    if (running === own) status.textContent = error.message;
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

export function offerMany(of) {
  model = of;
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
