// The form, and the record in it.

import { t } from "./words.js";

// A number where a text is one; any other text stays as it is, and the service reports what is wrong with it.
export function read(text, decimal = ".") {
  // With decimal commas 1.234 may have a point for thousands, unlike 0.995: the service reports it.
  if (decimal === "," && /^\s*[-+]?[1-9]\d{0,2}(\.\d{3})+\s*$/.test(text)) return text.trim();
  const plain = text.trim().replace(decimal, ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : text.trim();
}

export function write(value, decimal = ".") {
  return typeof value === "number" ? String(value).replace(".", decimal) : String(value);
}

// A date of a record as an input of the type takes it; of other types, the text as it is.
function moment(text, type) {
  const [day, time = "00:00"] = text.replace(/Z$/, "").split("T");
  return { date: day, "datetime-local": text && `${day}T${time}` }[type] ?? text;
}

// The value that is sent for a field with this text; undefined where it is empty.
export function value(field, text, decimal) {
  if (text === "") return undefined;
  if (field.type === "text") return text;
  if (field.type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  return field.categories?.includes(text) ? text : read(text, decimal);
}

// The record that the texts of the fields stand for.
export function recordOf(fields, texts, decimal) {
  const record = [];
  for (const [name, text] of texts) {
    const sent = value(fields.get(name) ?? {}, text, decimal);
    if (sent !== undefined) record.push([name, sent]);
  }
  return Object.fromEntries(record); // a field may be called __proto__
}

export class Form {
  constructor(form, fields, decimal) {
    this.form = form;
    this.decimal = decimal;
    this.fields = new Map(fields.map((field) => [field.name, field]));
    this.inputs = new Map(
      [...form.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one]),
    );
  }

  get texts() {
    return new Map([...this.inputs].map(([name, input]) => [name, input.value]));
  }

  // Write texts into the fields; those of fields that are not there any more are left out.
  set texts(texts) {
    for (const [name, text] of texts) {
      const input = this.inputs.get(name);
      if (!input) continue;
      const before = input.value;
      input.value = text;
      if (input.value !== text) input.value = before; // a choice that is not there any more
    }
  }

  get record() {
    return recordOf(this.fields, this.texts, this.decimal);
  }

  fill(record) {
    for (const [name, input] of this.inputs) {
      const has = Object.hasOwn(record, name) && record[name] !== null;
      const text = has ? write(record[name], this.decimal) : "";
      input.value = moment(text, input.type);
    }
    this.clear();
  }

  clear() {
    for (const [name, input] of this.inputs) {
      const note = this.note(name);
      note.textContent = "";
      note.className = "note";
      input.removeAttribute("aria-invalid");
    }
  }

  // Show a message beside a field; false where there is no such field.
  remark(name, message, kind) {
    const input = this.inputs.get(name);
    if (!input) return false;
    const note = this.note(name);
    const heading = kind === "fault" ? t("Invalid") : t("Warning");
    note.textContent = `${heading}: ${message}`;
    note.lang = "en";
    note.className = `note ${kind}`;
    if (kind === "fault") input.setAttribute("aria-invalid", "true");
    return true;
  }

  note(name) {
    return document.getElementById(this.inputs.get(name).dataset.note);
  }
}
