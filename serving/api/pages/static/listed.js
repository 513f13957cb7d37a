// The list of predictions: its times in the reader's zone, and the columns that are shown.

import { element } from "./element.js";

const { name } = JSON.parse(document.getElementById("list").textContent);
const HOUR = 3_600_000;

// Times: what the form sends is in UTC, so that an address means the same to everybody.

const form = document.getElementById("filters");

function local(moment) {
  const shifted = new Date(moment.getTime() - 60_000 * moment.getTimezoneOffset());
  return shifted.toISOString().slice(0, 16);
}

// A time without a zone is UTC, as in the API.
function parsed(text) {
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text);
  return new Date(isDay || /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text) ? text : `${text}Z`);
}

for (const picker of form.querySelectorAll("[data-utc]")) {
  const sent = element("input", { type: "hidden", name: picker.name, value: picker.dataset.utc });
  picker.removeAttribute("name");
  picker.after(sent);
  const moment = parsed(sent.value);
  picker.value = Number.isNaN(moment.getTime()) ? "" : local(moment);
  picker.addEventListener("change", () => {
    sent.value = picker.value && new Date(picker.value).toISOString();
  });
}
for (const note of form.querySelectorAll("[data-zone-note]")) note.hidden = true;

function since(choice) {
  const now = new Date();
  if (choice === "hour") return new Date(now.getTime() - HOUR);
  if (choice === "week") return new Date(now.getTime() - 7 * 24 * HOUR);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate());
}

// On a phone the list is seen without scrolling past the filters, unless some are set.
const more = form.querySelector(".more");
if (matchMedia("(max-width: 40rem)").matches) more.open = "filtered" in more.dataset;

// What is not valid has to be in view for the browser to name it.
const unfold = ({ target }) => {
  for (let part = target; part; part = part.parentElement.closest("details")) part.open = true;
};
form.addEventListener("invalid", unfold, true);

form.querySelector("[data-quick]").hidden = false;
for (const button of form.querySelectorAll("[data-since]")) {
  button.addEventListener("click", () => {
    const choice = button.dataset.since;
    form.elements.namedItem("since").value = choice && since(choice).toISOString();
    form.elements.namedItem("until").value = "";
    form.requestSubmit();
  });
}

// An address without what is left empty.
form.addEventListener("submit", () => {
  for (const each of form.elements) if (each.name && !each.value) each.disabled = true;
});
addEventListener("pageshow", () => {
  for (const each of form.elements) each.disabled = false; // also when the reader goes back
});

// Columns: a reader's choice for a model stays in the browser.

const table = document.getElementById("predictions");
const KEY = `columns of ${name}`;

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function keep(choices) {
  try {
    localStorage.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Without storage, the choice holds until the page is left.
  }
}

function show(at, isShown) {
  for (const row of table.rows) row.cells[at].hidden = !isShown;
}

if (table) {
  const choices = kept();
  const choice = document.getElementById("choice");
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    if (!at) return; // the time, which is the link to the prediction
    const column = head.dataset.column;
    const usual = !column.startsWith("P("); // the probability stands beside the prediction
    const box = element("input", { type: "checkbox", checked: choices[column] ?? usual });
    box.addEventListener("change", () => {
      choices[column] = box.checked;
      keep(choices);
      show(at, box.checked);
    });
    show(at, box.checked);
    choice.lastElementChild.append(element("label", {}, box, head.textContent));
  });
  choice.hidden = false;
}
