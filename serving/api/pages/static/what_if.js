// What would be predicted if a field had another value; nothing of it is recorded.

import { ask } from "./ask.js";
import { element } from "./element.js";
import { about, shown, why } from "./explanation.js";
import { failure } from "./failure.js";
import { read, recordOf, refuseUnclear, value, write } from "./record.js";
import { rule } from "./result.js";
import { measured, percent, t } from "./words.js";

const PAUSE = 150; // milliseconds without a change, before the service is asked
const STEPS = 50; // of a slider, at least

export class WhatIf {
  constructor(section, model, form) {
    Object.assign(this, { section, model, form });
    this.part = (name) => section.querySelector(`[data-part="${name}"]`);
    this.part("field").addEventListener("change", () => this.offer());
    this.part("reset").addEventListener("click", () => this.start(this.before, this.first));
  }

  // Begin with a prediction, and with the texts of the form that it was made from.
  start(response, texts) {
    this.stop();
    [this.before, this.first, this.texts] = [response, texts, new Map(texts)];
    const largest = response.explanation.contributions?.map((one) => one.field) ?? [];
    const names = new Set([...largest, ...texts.keys()]);
    const options = [...names].map((name) => element("option", {}, name));
    this.part("field").replaceChildren(...options);
    this.part("result").replaceChildren();
    this.part("why").replaceChildren();
    this.part("reset").hidden = true;
    this.section.hidden = false;
    this.offer();
  }

  stop() {
    clearTimeout(this.timer);
    this.running?.abort();
  }

  // Show the input of the chosen field: the form's own, and a slider for a number.
  offer() {
    const name = this.part("field").value;
    const own = this.form.inputs.get(name);
    const input = own.cloneNode(true);
    for (const attribute of ["data-name", "data-note", "aria-describedby", "aria-invalid"]) {
      input.removeAttribute(attribute);
    }
    input.id = "what-if-value";
    input.value = this.texts.get(name);
    const label = element("label", { htmlFor: input.id }, t("New value"));
    const limits = document.getElementById(`${own.id}-limits`).textContent.trim();
    const note = element("p", { className: "quiet small", id: "what-if-limits" }, limits);
    input.setAttribute("aria-describedby", note.id);
    input.addEventListener("input", () => this.move(name, input.value));
    const range = slider(this.form.fields.get(name), input, this.form.decimal);
    this.part("control").replaceChildren(label, input, ...range, note);
  }

  move(name, text) {
    this.stop();
    this.texts.set(name, text);
    this.running = new AbortController();
    this.timer = setTimeout(() => this.predict(this.running.signal), PAUSE);
  }

  async predict(signal) {
    const { fields, decimal } = this.form;
    this.part("reset").hidden = false;
    try {
      refuseUnclear(fields, this.texts, decimal);
      const url = `${this.model.what_if}?explain&explain_classes=all`;
      const response = await ask(url, recordOf(fields, this.texts, decimal), signal);
      this.show(response);
    } catch (error) {
      if (signal.aborted) return;
      this.part("result").replaceChildren(failure(error));
      this.part("why").replaceChildren();
    }
  }

  show(response) {
    const { before, model } = this;
    const of = before.prediction; // its probability is followed, also where another is predicted
    const write = (one) => (one.probabilities ? percent(one.probabilities[of], 1) : plain(one, model));
    const values = { label: of, after: write(response), before: write(before) };
    const change = before.probabilities
      ? t("P({label}) is {after} instead of {before}", values)
      : t("{after} instead of {before}", values);
    const warnings = response.warnings.map((one) =>
      element("p", { className: "warning", lang: "en" }, `${one.field} ${one.message}`),
    );
    const moved = [...this.texts].filter(([name, text]) => text !== this.first.get(name));
    const read = (name, text) => value(this.form.fields.get(name), text, this.form.decimal) ?? null;
    const fields = moved.map(([name, text]) => `${name} = ${shown(read(name, text))}`).join(", ");
    const changed = element("p", { className: "quiet small" }, t("Changed: {fields}", { fields }));
    const predicted = element("p", { className: "would" }, plain(response, model));
    const threshold = model.threshold ? [element("p", { className: "quiet small" }, rule(model.threshold))] : [];
    this.part("result").replaceChildren(
      predicted,
      element("p", {}, change),
      ...threshold,
      changed,
      ...warnings,
    );
    const part = about(response.explanation, of);
    this.part("why").replaceChildren(...why(part, model, write(response)));
  }
}

function plain({ prediction }, model) {
  return typeof prediction === "number" ? measured(prediction, model) : prediction;
}

// A slider over the values in training, beside the input of a number; nothing for other fields.
function slider({ type = "number", seen }, input, decimal) {
  if (!["number", "integer"].includes(type) || !seen || seen[0] === seen[1]) return [];
  const [min, max] = seen;
  const step = type === "integer" ? 1 : 10 ** Math.floor(Math.log10((max - min) / STEPS));
  const range = element("input", { type: "range", min, max, step });
  range.setAttribute("aria-label", t("New value, as a slider"));
  const follow = () => {
    range.value = read(input.value, decimal);
    range.setAttribute("aria-valuetext", input.value);
  };
  input.addEventListener("input", follow);
  range.addEventListener("input", () => {
    input.value = write(Number(range.value), decimal);
    input.dispatchEvent(new Event("input"));
  });
  follow();
  return [range];
}
