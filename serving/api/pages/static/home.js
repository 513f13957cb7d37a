// The page at /: one record by its form, many by a CSV.

import { ask } from "./ask.js";
import { batch } from "./batch.js";
import { text } from "./csv.js";
import { why } from "./explanation.js";
import { Form } from "./record.js";
import { element, outcome } from "./result.js";
import { snippets } from "./snippets.js";
import { WhatIf } from "./what_if.js";
import { language, measured, number, percent, t } from "./words.js";

const find = (id) => document.getElementById(id);
const model = JSON.parse(find("model").textContent);
const decimal = language === "pt-BR" ? "," : ".";
const form = new Form(find("form"), model.fields, decimal);
const whatIf = new WhatIf(find("what-if"), model, form);
const url = new URL(model.predict, location.href).href;

function showSnippets() {
  for (const [name, write] of Object.entries(snippets)) {
    find(`code-${name}`).textContent = write(url, form.record, model.is_keyed);
  }
}

async function predict() {
  form.clear();
  const result = find("result");
  const button = find("predict");
  button.disabled = true;
  try {
    const texts = form.texts;
    const response = await ask(`${model.predict}?explain`, form.record);
    const others = response.warnings.filter((one) => !form.remark(one.field, one.message, "warning"));
    result.replaceChildren(...outcome(model, response, others));
    explain(response);
    whatIf.start(response, texts);
    result.parentElement.scrollIntoView({ block: "nearest" });
  } catch (error) {
    const faults = error.faults ?? [];
    const others = faults.filter((one) => !form.remark(one.field, one.message, "fault"));
    const summary = faults.length
      ? t("Not predicted: see the messages beside the fields.")
      : error.message;
    find("why").hidden = find("what-if").hidden = true;
    whatIf.stop();
    result.replaceChildren(element("p", { className: "fault" }, summary));
    result.append(...others.map((one) => element("p", { lang: "en" }, one.message)));
    find("form").querySelector("[aria-invalid]")?.focus();
  } finally {
    button.disabled = false;
  }
}

function explain({ explanation, prediction, probabilities }) {
  const predicted = probabilities
    ? percent(probabilities[prediction])
    : measured(prediction, model.unit);
  find("reasons").replaceChildren(...why(explanation, model.unit, predicted));
  find("why").hidden = false;
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
find("form").addEventListener("input", showSnippets);
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    form.fill(JSON.parse(button.dataset.example));
    showSnippets();
    predict();
  });
}
for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copies).textContent);
    find("copied").textContent = t("Copied.");
  });
}
showSnippets();

// Many at once

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
    const range = interval && `${number(interval.low)} – ${number(interval.high)}`;
    const shown = typeof prediction === "number" ? number(prediction) : prediction;
    const remarks = (faults ?? warnings.map((one) => `${one.field}: ${one.message}`)).join("; ");
    const cells = [shown ?? "–", probability ?? range ?? "", remarks].map((cell) =>
      element("td", {}, cell),
    );
    body.append(element("tr", {}, element("th", { scope: "row" }, at), ...cells));
  }
  find("rows").hidden = !body.children.length;
  find("faults").hidden = !find("faulty").children.length;
}

function summary({ done, faulty, stopped }) {
  const counts = { done: done.toLocaleString(language), faulty: faulty.toLocaleString(language) };
  const text = stopped
    ? t("Stopped after {done} rows.", counts)
    : t("Done: {done} rows.", counts);
  return faulty ? `${text} ${t("{faulty} of them could not be read.", counts)}` : text;
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
