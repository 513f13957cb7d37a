// Predictions for every row of a CSV, in order, a part at a time through the JSON API.

import { ask, Refused } from "./ask.js";
import { line, rows } from "./csv.js";
import { value, write } from "./record.js";
import { say } from "./words.js";

const HOPELESS = 20; // faulty rows without a single good one: the file is not of this model

// `told` is called with each part's rows: {number, prediction, faults}. Resolves to
// {parts (of the CSV to download), done, faulty, stopped}.
export async function batch(model, pieces, told, signal) {
  const outcome = { parts: [], done: 0, faulty: 0, stopped: false };
  const source = rows(pieces);
  const delimiter = (await source.next()).value;
  const header = (await source.next()).value;
  if (!header) throw new Refused({ detail: say("There is no row in it.") });
  const fields = taken(
    model,
    header.map((name) => name.trim()),
  );
  outcome.parts.push(`\uFEFF${line([...header, ...added(model)], delimiter)}`);

  let held = [];
  let decimal;
  async function flush() {
    decimal ??= decimalOf(held, delimiter);
    const records = held.map((cells) => record(fields, cells, decimal));
    const answers = await predictions(model, records, signal, outcome);
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

// The answer to each record: {prediction, …} or {faults}. The service refuses all of what it is
// sent if one is faulty, so the others are sent again without it.
async function predictions(model, records, signal, outcome) {
  const answers = new Array(records.length);
  let left = records.map((_, at) => at);
  while (left.length) {
    try {
      const said = await ask(
        model.predict,
        left.map((at) => records[at]),
        signal,
      );
      said.predictions.forEach((one, at) => (answers[left[at]] = one));
      break;
    } catch (error) {
      if (!error.faults?.length) throw error;
      for (const fault of error.faults) {
        const at = left[fault.record];
        answers[at] ??= { faults: [] };
        answers[at].faults.push(fault.field ? `${fault.field}: ${fault.message}` : fault.message);
      }
      const before = left.length;
      left = left.filter((at) => !answers[at]);
      if (left.length === before) throw error;
      const faulty = records.length - left.length;
      if (outcome.done === outcome.faulty && (faulty >= HOPELESS || !left.length)) {
        const faults = answers.find((one) => one).faults.join("; ");
        throw new Refused({ detail: say("The first rows cannot be read: {faults}", { faults }) });
      }
    }
  }
  return answers;
}

// Spreadsheets that write commas in numbers put semicolons between cells.
function decimalOf(held, delimiter) {
  const comma = (cell) => /^\s*-?\d+,\d+\s*$/.test(cell);
  return delimiter !== "," && held.some((cells) => cells.some(comma)) ? "," : ".";
}

// For each column the field that it is sent as; none for one that the model does not take.
function taken(model, columns) {
  const own = new Map(model.fields.map((field) => [field.name, field]));
  const summed = model.fields.filter(({ name }) => !columns.includes(name));
  const parts = summed.flatMap((field) => field.sum_of ?? []).map((name) => [name, { name }]);
  const fields = new Map([...parts, ...own]);
  return columns.map((name) => fields.get(name));
}

function record(fields, cells, decimal) {
  const made = {};
  fields.forEach((field, at) => {
    const sent = field && value(field, (cells[at] ?? "").trim(), decimal);
    if (sent !== undefined) made[field.name] = sent;
  });
  return made;
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
  const warnings = answer.warnings?.map(({ field, message }) => `${field}: ${message}`);
  const cells = [answer.prediction, ...told, warnings?.join("; "), answer.faults?.join("; ")];
  return cells.map((cell) => (cell === undefined ? "" : write(cell, decimal)));
}

function padded(cells, length) {
  return [...cells, ...new Array(Math.max(0, length - cells.length)).fill("")].slice(0, length);
}
