// The page of one training: follows it, and shows each state as the service writes it.

import { Refused, ask } from "./ask.js";
import { columns } from "./columns.js";
import { live } from "./live.js";
import { localise } from "./times.js";
import { number, t } from "./words.js";

const WORKS = new Set(["reading", "queued", "training"]);
const EVERY = 1_000; // milliseconds
const MINUTE = 60; // seconds
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
    return null;
  }
}

function refuse(message) {
  const refused = find("refused");
  refused.textContent = message;
  refused.hidden = !message;
  if (message) refused.scrollIntoView({ block: "nearest" });
}

// Put the page's content as it is now in place of that before; what is being typed stays.
export async function renew() {
  const response = await fetch(url(), { headers: { Accept: "text/html" } });
  const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
  const content = fetched.getElementById("training");
  if (!content) {
    location.reload(); // it is deleted, or the session has ended
    return;
  }
  const at = document.activeElement;
  const [id, typed] = [at?.id, at?.matches?.("input[type=text]") && at.value !== at.defaultValue && at.value];
  find("training").replaceWith(document.adoptNode(content));
  localise(content);
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

async function look() {
  let now;
  try {
    now = await ask(url());
    refuse("");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refuse(error.message); // it may start again; the training goes on meanwhile
    follow();
    return;
  }
  const shown = find("training").dataset.state;
  if (form && now.state === "reading") follow(); // with the columns on the screen
  else if (form && now.state === "ready") form.settled(renew);
  else if (now.state !== shown) await renew();
  else {
    progressed(now.progress);
    if (document.querySelector("details.log")?.open) read(find("log"));
    follow();
  }
}

function progressed(progress) {
  if (!progress) return;
  const bar = find("progress");
  if (progress.total && progress.done) {
    bar.max = progress.total;
    bar.value = progress.done;
  }
  find("step").textContent = progress.step;
  const passed = t("{time} so far", { time: span(progress.seconds) });
  const left = progress.remaining === null ? "" : t("about {time} left", { time: span(progress.remaining) });
  find("left").textContent = [passed, left].filter(Boolean).join(", ");
  const stage = progress.step.replace(/, [^,]* trees$/, ""); // not each tree
  if (stage) announce(stage, "en");
}

// A time in seconds, as `40 s` or `3 min`.
function span(seconds) {
  if (seconds < 2 * MINUTE) return `${number(Math.round(seconds))} s`;
  if (seconds < 2 * MINUTE * MINUTE) return `${number(Math.round(seconds / MINUTE))} min`;
  return `${number(Math.round((10 * seconds) / MINUTE / MINUTE) / 10)} h`;
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
