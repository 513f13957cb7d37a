// The page at /: one record by its form, many by a CSV.

import { ask } from "./ask.js";
import { element } from "./element.js";
import { why } from "./explanation.js";
import { offer } from "./feedback.js";
import { Kept } from "./kept.js";
import { offerMany } from "./many.js";
import { Form } from "./record.js";
import { outcome } from "./result.js";
import { snippets } from "./snippets.js";
import { WhatIf } from "./what_if.js";
import { decimal, measured, percent, t } from "./words.js";

const find = (id) => document.getElementById(id);
const model = JSON.parse(find("model").textContent);
const form = new Form(find("form"), model.fields, decimal);
const whatIf = new WhatIf(find("what-if"), model, form);
const kept = new Kept(model);
const url = new URL(model.predict, location.href).href;

function showSnippets() {
  for (const [name, write] of Object.entries(snippets)) {
    find(`code-${name}`).textContent = write(url, form.record, model.is_keyed);
  }
}

async function predict() {
  form.clear();
  find("stale").hidden = true;
  const result = find("result");
  const button = find("predict");
  button.disabled = true;
  try {
    const texts = form.texts;
    const response = await ask(`${model.predict}?explain`, form.record);
    kept.write(texts, response);
    show(response, texts);
    find("result").parentElement.scrollIntoView({ block: "nearest" });
  } catch (error) {
    const faults = error.faults ?? [];
    const others = faults.filter((one) => !form.remark(one.field, one.message, "fault"));
    const summary = faults.length
      ? t("Not predicted: see the messages beside the fields.")
      : error.message;
    for (const id of ["why", "what-if", "right"]) find(id)?.setAttribute("hidden", "");
    whatIf.stop();
    kept.write(form.texts);
    result.replaceChildren(element("p", { className: "fault" }, summary));
    result.append(...others.map((one) => element("p", { lang: "en" }, one.message)));
    find("form").querySelector("[aria-invalid]")?.focus();
  } finally {
    button.disabled = false;
  }
}

// Show what the form with these texts resulted in.
function show(response, texts) {
  const others = response.warnings.filter((one) => !form.remark(one.field, one.message, "warning"));
  find("result").replaceChildren(...outcome(model, response, others));
  if (find("right")) offer(find("right"), model, response);
  explain(response);
  whatIf.start(response, texts);
}

// The form has other values: those are kept, and the prediction is no longer theirs.
function change() {
  showSnippets();
  kept.write(form.texts);
  find("stale").hidden = !find("result").querySelector(".prediction");
}

function explain({ explanation, prediction, probabilities }) {
  const predicted = probabilities
    ? percent(probabilities[prediction], 1)
    : measured(prediction, model);
  find("reasons").replaceChildren(...why(explanation, model, predicted));
  find("why").hidden = false;
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  predict();
});
find("form").addEventListener("input", change);
for (const button of document.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    form.fill(JSON.parse(button.dataset.example));
    change();
    predict();
  });
}
for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copies).textContent);
    find("copied").textContent = t("Copied.");
  });
}
const before = kept.read();
if (before.texts) form.texts = before.texts;
if (before.response) show(before.response, form.texts);
showSnippets();
const examples = [...document.querySelectorAll("[data-example]")];
offerMany(model, examples.map((button) => JSON.parse(button.dataset.example)));
