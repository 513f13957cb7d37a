// Predictions for every row of a CSV, in order, a part at a time: the service reads the rows as it
// reads those of any CSV, and as training read its file. What comes back are the columns of the file
// and those of the API's CSV, so that feedback can be given by the ids.

import { ask, inOneLine, Refused } from "./ask.js";
import { line, raw, rows } from "./csv.js";
import { write } from "./record.js";
import { language, t } from "./words.js";

// `show` is called with each part's rows: {number, prediction, faults}. Resolves to
// {parts (of the CSV to download), renamed (columns of the file, and to what), done, faulty, stopped}.
export async function batch(model, pieces, show, signal) {
  const outcome = { parts: [], renamed: [], done: 0, faulty: 0, stopped: false };
  const source = rows(pieces);
  const delimiter = (await source.next()).value;
  const header = (await source.next()).value;
  if (!header) await predictions(model, "", signal); // the service reports what is wrong
  const own = added(model);
  const names = distinct(header, own);
  const pairs = header.map((name, at) => (name === names[at] ? [] : `${name} → ${names[at]}`));
  outcome.renamed = pairs.flat();
  outcome.parts.push(`\uFEFF${line([...names, ...own], delimiter)}`);

  let held = [];
  let decimal;
  async function flush() {
    decimal ??= decimalOf(held, delimiter);
    const sent = [header, ...held].map((cells) => raw(filled(cells, header.length), delimiter));
    const results = await predictions(model, sent.join(""), signal);
    if (!outcome.done && results.length && results.every(({ faults }) => faults)) {
      const detail = t("Of the first rows none can be read. Row {at}:", { at: held[0].at });
      const refused = new Refused({ detail, errors: results[0].faults }, language);
      throw Object.assign(refused, { of: "rows", delimiter });
    }
    const numbered = results.map((result, at) => ({ number: held[at].at, ...result }));
    const text = results.map((result, at) =>
      line([...padded(held[at], header.length), ...cellsOf(model, result, decimal)], delimiter),
    );
    outcome.parts.push(new Blob(text)); // a Blob need not stay in memory
    outcome.done += held.length;
    outcome.faulty += results.filter(({ faults }) => faults).length;
    held = [];
    show(numbered);
  }

  try {
    for await (const cells of source) {
      held.push(cells);
      if (held.length === model.rows_at_once) await flush();
    }
    if (held.length || !outcome.done) await flush();
  } catch (error) {
    if (error.name !== "AbortError") throw Object.assign(error, { outcome });
    outcome.stopped = true;
  }
  return outcome;
}

// The result of each row: {prediction, …} or {faults}.
async function predictions(model, table, signal) {
  const inline = `${model.predict}?faults=inline`;
  const { predictions: made } = await ask(inline, table, signal, "text/csv; charset=utf-8");
  return made.map((one) => (one.errors ? { faults: one.errors } : one));
}

// Spreadsheets that write commas in numbers put semicolons between cells.
function decimalOf(held, delimiter) {
  const comma = (cell) => /^\s*-?\d[\d.]*,\d+\s*$/.test(cell);
  return delimiter !== "," && held.some((cells) => cells.some(comma)) ? "," : ".";
}

// The columns of the API's CSV: for programs too, so the same in every language.
function added(model) {
  const columns = model.classes.map((label) => `P(${label})`);
  if (model.interval) columns.push("low", "high");
  return ["id", "prediction", ...columns, "warnings", "error"];
}

// The names of a file's columns beside others: one that is taken is x.1, as the service reads it.
function distinct(header, taken) {
  const plain = header.map((name) => name.trim());
  const all = new Set([...taken, ...plain]);
  return header.map((name, at) => {
    if (!taken.includes(plain[at])) return name;
    let copy = 1;
    while (all.has(`${plain[at]}.${copy}`)) copy += 1;
    all.add(`${plain[at]}.${copy}`);
    return `${plain[at]}.${copy}`;
  });
}

function cellsOf(model, { id, prediction, probabilities, interval, warnings, faults }, decimal) {
  const figures = model.classes.map((label) => probabilities?.[label]);
  if (model.interval) figures.push(interval?.low, interval?.high);
  const remarks = [warnings && inOneLine(warnings), faults && inOneLine(faults)];
  const cells = [id, prediction, ...figures, ...remarks];
  return cells.map((cell) => (cell === undefined ? "" : write(cell, decimal)));
}

function filled(cells, length) {
  return [...cells, ...new Array(Math.max(0, length - cells.length)).fill("")];
}

function padded(cells, length) {
  return filled(cells, length).slice(0, length);
}
