// Predictions for every row of a CSV, in order, a part at a time: the service reads the rows as it
// reads those of any CSV, and as training read its file.

import { ask, Refused } from "./ask.js";
import { line, raw, rows } from "./csv.js";
import { write } from "./record.js";
import { say } from "./words.js";

// `told` is called with each part's rows: {number, prediction, faults}. Resolves to
// {parts (of the CSV to download), done, faulty, stopped}.
export async function batch(model, pieces, told, signal) {
  const outcome = { parts: [], done: 0, faulty: 0, stopped: false };
  const source = rows(pieces);
  const delimiter = (await source.next()).value;
  const header = (await source.next()).value;
  if (!header) throw new Refused({ detail: say("There is no row in it.") });
  outcome.parts.push(`\uFEFF${line([...header, ...added(model)], delimiter)}`);

  let held = [];
  let decimal;
  async function flush() {
    decimal ??= decimalOf(held, delimiter);
    const sent = [header, ...held].map((cells) => raw(filled(cells, header.length), delimiter));
    const answers = await predictions(model, sent.join(""), signal);
    if (!outcome.done && answers.every(({ faults }) => faults)) throw hopeless(answers[0].faults);
    const numbered = answers.map((answer, at) => ({ number: outcome.done + at + 2, ...answer }));
    const text = answers.map((answer, at) =>
      line([...padded(held[at], header.length), ...cellsOf(model, answer, decimal)], delimiter),
    );
    outcome.parts.push(new Blob(text)); // a Blob need not stay in memory
    outcome.done += held.length;
    outcome.faulty += answers.filter(({ faults }) => faults).length;
    held = [];
    told(numbered);
  }

  try {
    for await (const cells of source) {
      held.push(cells);
      if (held.length === model.rows_at_once) await flush();
    }
    if (held.length) await flush();
  } catch (error) {
    if (error.name !== "AbortError") throw Object.assign(error, { outcome });
    outcome.stopped = true;
  }
  return outcome;
}

// The answer to each row: {prediction, …} or {faults}.
async function predictions(model, table, signal) {
  const inline = `${model.predict}?faults=inline`;
  try {
    const said = await ask(inline, table, signal, "text/csv; charset=utf-8");
    return said.predictions.map((one) => (one.errors ? { faults: one.errors.map(sentence) } : one));
  } catch (error) {
    throw error.faults?.length ? hopeless(error.faults.map(sentence)) : error;
  }
}

function hopeless(said) {
  const faults = said.join("; ");
  return new Refused({ detail: say("The first rows cannot be read: {faults}", { faults }) });
}

function sentence({ field, message }) {
  return field ? `${field}: ${message}` : message;
}

// Spreadsheets that write commas in numbers put semicolons between cells.
function decimalOf(held, delimiter) {
  const comma = (cell) => /^\s*-?\d[\d.]*,\d+\s*$/.test(cell);
  return delimiter !== "," && held.some((cells) => cells.some(comma)) ? "," : ".";
}

// Names of columns are for programs too: in every language the same.
function added(model) {
  const told = model.classes.map((label) => `probability of ${label}`);
  if (model.interval) told.push("low", "high");
  return ["prediction", ...told, "warnings", "faults"];
}

function cellsOf(model, answer, decimal) {
  const told = model.classes.map((label) => answer.probabilities?.[label]);
  if (model.interval) told.push(answer.interval?.low, answer.interval?.high);
  const warnings = answer.warnings?.map(sentence);
  const cells = [answer.prediction, ...told, warnings?.join("; "), answer.faults?.join("; ")];
  return cells.map((cell) => (cell === undefined ? "" : write(cell, decimal)));
}

function filled(cells, length) {
  return [...cells, ...new Array(Math.max(0, length - cells.length)).fill("")];
}

function padded(cells, length) {
  return filled(cells, length).slice(0, length);
}
