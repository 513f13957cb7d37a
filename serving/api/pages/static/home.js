// The page at /: one record by its form, many by a CSV.

import { ask } from "./ask.js";
import { element, enable } from "./element.js";
import { why } from "./explanation.js";
import { failure } from "./failure.js";
import { offer } from "./feedback.js";
import { Kept } from "./kept.js";
import { offerMany } from "./many.js";
import { Form } from "./record.js";
import { outcome } from "./result.js";
import { snippets } from "./snippets.js";
import { WhatIf } from "./what_if.js";
import { decimal, measured, percent, t } from "./words.js";

const PATIENCE = 500; // milliseconds, after which a reader is told that a prediction takes longer

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
  const button = find("predict");
  button.disabled = true;
  const waiting = setTimeout(() => {
    replace(element("p", { className: "quiet" }, t("Predicting …")));
  }, PATIENCE);
  try {
    form.refuseUnclear();
    const texts = form.texts;
    const response = await ask(`${model.predict}?explain`, form.record);
    kept.write(texts, response);
    show(response, texts);
    find("result").parentElement.scrollIntoView({ block: "nearest" });
  } catch (error) {
    kept.write(form.texts);
    const { lang, faults = [] } = error;
    const others = faults.filter((one) => !form.remark(one.field, one.message, "fault", lang));
    const summary = t("Not predicted: see the messages beside the fields.");
    replace(
      faults.length ? element("p", { className: "fault" }, summary) : failure(error),
      ...others.map((one) => element("p", { lang }, one.message)),
    );
    find("form").querySelector("[aria-invalid]")?.focus();
  } finally {
    clearTimeout(waiting);
    enable(button);
  }
}

// Show something else than a prediction.
function replace(...shown) {
  for (const id of ["why", "what-if", "right"]) find(id)?.setAttribute("hidden", "");
  whatIf.stop();
  find("result").replaceChildren(...shown);
}

// Show what the form with these texts resulted in, and what is known to be true.
function show(response, texts, actual) {
  const others = response.warnings.filter((one) => !form.remark(one.field, one.message, "warning"));
  find("result").replaceChildren(...outcome(model, response, others));
  const recorded = (given) => kept.write(texts, response, given);
  if (find("right")) offer(find("right"), model, response, actual, recorded);
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
if (before.response) show(before.response, form.texts, before.actual);
showSnippets();
const examples = [...document.querySelectorAll("[data-example]")];
offerMany(model, examples.map((button) => JSON.parse(button.dataset.example)));
