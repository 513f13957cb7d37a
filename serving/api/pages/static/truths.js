// What was true, as a table: the service reports what would be recorded, then the reader confirms.

import { ask } from "./ask.js";
import { element } from "./element.js";
import { failure } from "./failure.js";
import { number, t } from "./words.js";

const { target, feedback } = JSON.parse(document.getElementById("list").textContent);
const section = document.getElementById("truths");
const find = (part) => section.querySelector(`[data-part="${part}"]`);
const columns = document.getElementById("truths-columns");
const actions = document.getElementById("truths-actions");
const place = document.getElementById("truths-report");
const progress = section.querySelector("progress");

let file = null;
let running = null;

// Send the file; `query` is what is to be done with it. Undefined if another request took its place.
async function send(query, accept) {
  running?.abort();
  const own = (running = new AbortController());
  progress.hidden = false;
  try {
    const url = `${feedback}&${new URLSearchParams(query)}`;
    return await ask(url, file, own.signal, "application/octet-stream", accept);
  } catch (error) {
    if (error.name === "AbortError") return undefined;
    actions.hidden = true;
    place.replaceChildren(failure(error));
    return undefined;
  } finally {
    if (running === own) progress.hidden = true;
  }
}

function chosen() {
  return { [find("kind").value]: find("by").value, actual: find("actual").value };
}

async function check() {
  find("record").disabled = true; // what it counts was of other columns
  const report = await send({ record: false, ...chosen() });
  if (!report) return;
  show(report, t("{recorded} of {rows} {rows:row|rows} can be recorded.", counts(report)));
  find("record").textContent = t("Record {recorded} rows", counts(report));
  find("record").disabled = !report.recorded;
  actions.hidden = false;
}

async function choose(picked) {
  file = picked;
  columns.hidden = actions.hidden = true;
  place.replaceChildren(element("p", {}, t("Reading {name} …", { name: file.name })));
  const report = await send({ record: false });
  if (!report) return;
  const names = report.columns;
  for (const part of ["by", "actual"])
    find(part).replaceChildren(...names.map((name) => element("option", {}, name)));
  const { id, own_id: own, actual } = report.read;
  find("kind").value = id || !own ? "id" : "own_id";
  find("by").value = id ?? own ?? names[0];
  find("actual").value = actual ?? (names.includes(target) ? target : names.at(-1));
  columns.hidden = false;
  await check();
}

function counts(report) {
  const figures = Object.entries(report).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(figures.map(([name, value]) => [name, number(value)]));
}

const KINDS = () => ({
  refused: t("refused"),
  unmatched: t("without a prediction"),
  repeated: t("repeated"),
});

function show(report, sentence) {
  const facts = [
    [t("rows"), report.rows],
    [t("with a prediction"), report.matched],
    [t("without a prediction"), report.unmatched],
    [t("refused"), report.refused],
    [t("repeated"), report.repeated],
    [t("skipped: no value"), report.skipped],
  ].map(([title, value]) =>
    element("div", {}, element("dt", {}, title), element("dd", {}, value === null ? "–" : number(value))),
  );
  const sheet = report.sheet && ` ${t("Read from the sheet {sheet}.", report)}`;
  place.replaceChildren(
    element("p", {}, element("strong", {}, sentence), sheet),
    element("dl", { className: "facts" }, ...facts),
    ...problems(report),
  );
  find("problems").hidden = !report.problems.length;
}

function problems({ problems: listed, refused, unmatched, repeated }) {
  if (!listed.length) return [];
  const kinds = KINDS();
  const heads = [t("line"), t("id"), t("actual"), t("kind"), t("reason")];
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const rows = listed.map(({ line, id, actual, kind, message }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, line),
      ...[id, actual, kinds[kind]].map((text) => element("td", {}, text)),
      element("td", { lang: "en" }, message),
    ),
  );
  const shown = { shown: number(listed.length), all: number(refused + unmatched + repeated) };
  const title = t("Problems: {shown} of {all}", shown);
  const table = element("table", {}, element("caption", {}, title));
  table.append(element("thead", {}, head), element("tbody", {}, ...rows));
  const scroll = element("div", { className: "scroll", tabIndex: 0, ariaLabel: title }, table);
  scroll.setAttribute("role", "group");
  return [scroll];
}

find("record").addEventListener("click", async () => {
  find("record").disabled = true;
  const report = await send(chosen());
  if (!report) return;
  columns.hidden = true;
  show(report, t("Recorded: {recorded} rows. The list shows them in a moment.", counts(report)));
  const again = element("a", { href: location.href }, t("Show the list again"));
  place.firstElementChild.append(" ", again);
});

find("problems").addEventListener("click", async () => {
  const made = await send({ record: false, ...chosen() }, "text/csv");
  if (!made) return;
  const link = element("a", { href: URL.createObjectURL(made), download: "problems.csv" });
  link.click();
  URL.revokeObjectURL(link.href);
});

for (const select of columns.querySelectorAll("select")) select.addEventListener("change", check);
document.getElementById("truths-file").addEventListener("change", (event) => {
  const [picked] = event.target.files;
  if (picked) choose(picked);
  event.target.value = ""; // the same file may be chosen again
});
section.addEventListener("dragover", (event) => {
  event.preventDefault();
  section.classList.add("over");
});
section.addEventListener("dragleave", () => section.classList.remove("over"));
section.addEventListener("drop", (event) => {
  event.preventDefault();
  section.classList.remove("over");
  const [picked] = event.dataTransfer.files;
  if (picked) choose(picked);
});
