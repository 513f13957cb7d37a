// The form, and the record in it.

import { Refused } from "./ask.js";
import { language, t } from "./words.js";

const PLAIN = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
const GROUPED = /^[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/; // 1,234.5
const UNCLEAR = /^[-+]?[1-9]\d{0,2},\d{3}$/; // 1,234, or a number with a decimal comma

// A text with the signs of English numbers.
function english(text, decimal) {
  const swapped = { ",": ".", ".": "," };
  return decimal === "," ? text.trim().replace(/[.,]/g, (sign) => swapped[sign]) : text.trim();
}

// A number where a text is one; any other text stays as it is, and the service reports what is wrong
// with it. Who writes decimal commas may also write points.
export function read(text, decimal = ".") {
  const written = english(text, decimal);
  if (GROUPED.test(written) && !UNCLEAR.test(written)) return Number(written.replaceAll(",", ""));
  if (UNCLEAR.test(written)) return text.trim();
  const plain = text.trim().replace(decimal, ".");
  return PLAIN.test(plain) ? Number(plain) : text.trim();
}

// Refuse texts that may be two numbers each: 1.234 is another one where commas are decimal.
export function refuseUnclear(fields, texts, decimal) {
  const errors = [...texts].flatMap(([field, text]) => {
    const { type = "number", categories } = fields.get(field) ?? {};
    const written = english(text, decimal);
    if (type !== "number" || categories || !UNCLEAR.test(written)) return [];
    const [large, small] = [written.replace(",", ""), written.replace(",", decimal)];
    const values = { text: text.trim(), large, small };
    return [{ field, message: t("{text} may be {large} or {small}: write one of these.", values) }];
  });
  if (errors.length) throw new Refused({ detail: errors[0].message, errors }, language);
}

export function write(value, decimal = ".") {
  return typeof value === "number" ? String(value).replace(".", decimal) : String(value);
}

// A date of a record as an input of the type takes it; of other types, the text as it is.
function moment(text, type) {
  const [day, time = "00:00"] = text.replace(/Z$/, "").split("T");
  return { date: day, "datetime-local": text && `${day}T${time}` }[type] ?? text;
}

// A whole number has no decimals, so 1.234 is a thousand.
function whole(text, decimal) {
  const written = english(text, decimal);
  return UNCLEAR.test(written) ? Number(written.replace(",", "")) : read(text, decimal);
}

// The value that is sent for a field with this text; undefined where it is empty.
export function value(field, text, decimal) {
  if (text === "") return undefined;
  if (field.type === "text") return text;
  if (field.type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  if (field.categories?.includes(text)) return text;
  if (field.type === "integer") return whole(text, decimal);
  return read(text, decimal);
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

  refuseUnclear() {
    refuseUnclear(this.fields, this.texts, this.decimal);
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
  remark(name, message, kind, lang = "en") {
    const input = this.inputs.get(name);
    if (!input) return false;
    const note = this.note(name);
    const heading = kind === "fault" ? t("Invalid") : t("Warning");
    note.textContent = `${heading}: ${message}`;
    note.lang = lang;
    note.className = `note ${kind}`;
    if (kind === "fault") input.setAttribute("aria-invalid", "true");
    return true;
  }

  note(name) {
    return document.getElementById(this.inputs.get(name).dataset.note);
  }
}
