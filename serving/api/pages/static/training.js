// The page of one training: follows it, and shows each state as the service writes it.

import { Refused, ask } from "./ask.js";
import { columns } from "./columns.js";
import { live } from "./live.js";
import { localise } from "./times.js";
import { t } from "./words.js";

const WORKS = new Set(["reading", "queued", "training"]);
const EVERY = 1_000; // milliseconds
const find = (id) => document.getElementById(id);
const news = find("news"); // what a screen reader announces
let form = null;
let timer = null;

function announce(text, lang = document.documentElement.lang) {
  if (news.textContent === text) return;
  news.lang = lang;
  news.textContent = text;
}

const url = () => find("training").dataset.url;

// Take an action; what the service refuses is shown, and null returned.
export async function act(action) {
  try {
    const changed = await ask(url(), action);
    refuse("");
    return changed;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refuse(error.message);
    await catchUp();
    return null;
  }
}

// What another tab, or somebody else, has done meanwhile.
async function catchUp() {
  try {
    const now = await fetched();
    if (now && now.dataset.state !== find("training").dataset.state) await renew(now);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
}

function refuse(message) {
  const refused = find("refused");
  refused.textContent = message;
  refused.hidden = !message;
  if (message) refused.scrollIntoView({ block: "nearest" });
}

// The page's content as it is now, in the reader's language; null if there is none any more.
async function fetched() {
  let response;
  let text;
  try {
    response = await fetch(url(), { headers: { Accept: "text/html" } });
    text = await response.text();
  } catch {
    throw new Refused({ detail: t("The service cannot be reached.") });
  }
  if (response.status >= 500 || response.status === 429) {
    throw new Refused({ detail: `${response.status} ${response.statusText}` });
  }
  const content = new DOMParser().parseFromString(text, "text/html").getElementById("training");
  if (!content) location.reload(); // it is deleted, or the session has ended
  return content;
}

// Put the page's content as it is now in place of that before; what is being typed stays.
export async function renew(now) {
  const content = now ?? (await latest());
  if (!content) return;
  const at = document.activeElement;
  const kept = [...document.querySelectorAll("[data-kept]")];
  const [id, typed] = [at?.id, at?.matches?.("input[type=text]") && at.value !== at.defaultValue && at.value];
  find("training").replaceWith(document.adoptNode(content));
  localise(content);
  for (const { id, value, checked } of kept) if (find(id)) Object.assign(find(id), { value, checked });
  start();
  const again = id && find(id);
  if (!again) return;
  again.focus({ preventScroll: true });
  if (typed) again.value = typed;
}

function start() {
  const { state } = find("training").dataset;
  const shown = find("columns");
  form = shown && columns(shown, { act, follow });
  if (find("live")) live(find("live"), renew);
  for (const button of document.querySelectorAll('[data-action="cancel"]')) {
    button.addEventListener("click", async () => {
      if (await act({ action: "cancel" })) await renew();
    });
  }
  const log = document.querySelector("details.log");
  log?.addEventListener("toggle", () => log.open && read(find("log")));
  announce(find("training").querySelector("h2")?.textContent ?? "");
  if (WORKS.has(state)) follow();
}

export function follow() {
  clearTimeout(timer);
  timer = setTimeout(look, EVERY);
}

// What is there now; what is refused is shown and asked for again, and null returned.
async function latest() {
  try {
    const content = await fetched();
    refuse("");
    return content;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refuse(error.message); // it may start again; the training goes on meanwhile
    follow();
    return null;
  }
}

async function look() {
  const now = await latest();
  if (!now) return;
  const { state } = now.dataset;
  if (form && state === "reading") follow(); // with the columns on the screen
  else if (form && state === "ready") form.settled(() => renew(now));
  else if (state !== find("training").dataset.state || !WORKS.has(state)) await renew(now);
  else {
    progressed(now);
    if (document.querySelector("details.log")?.open) read(find("log"));
    follow();
  }
}

function progressed(now) {
  const bar = now.querySelector("#progress");
  if (bar.hasAttribute("value")) {
    find("progress").max = bar.max;
    find("progress").value = bar.value;
  } else find("progress").removeAttribute("value"); // of the step before
  for (const id of ["step", "left"]) find(id).replaceChildren(...now.querySelector(`#${id}`).childNodes);
  const step = find("step").firstElementChild;
  const stage = step?.textContent.replace(/, [^,]* (?:trees?|árvores?)$/, ""); // not each tree
  if (stage) announce(stage, step.lang);
}

async function read(log) {
  try {
    const response = await fetch(log.dataset.url);
    if (!response.ok) return;
    const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    log.textContent = await response.text();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  } catch {
    // the service cannot be reached just now: what is shown stays
  }
}

start();
