// Times in the reader's own time zone; in the page they are in UTC, which stays as their title.

import { language, t } from "./words.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const STEPS = [HOUR / 12, HOUR / 4, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 14 * DAY, 30 * DAY];
const [NARROW, WIDE] = [80, 140]; // pixels for the text of a tick: a day or an hour, and both

// A reader of English may write dates as in Britain or as in America.
const locale = navigator.languages.find((each) => each.slice(0, 2) === language.slice(0, 2)) ?? language;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const format = (options) => {
  const formatter = new Intl.DateTimeFormat(locale, options);
  return (time) => formatter.format(new Date(time));
};
export const toMinutes = format({ dateStyle: "medium", timeStyle: "short" });
const toDay = format({ dateStyle: "medium" });
const onAxis = {
  hour: format({ timeStyle: "short" }),
  both: format({ day: "numeric", month: "short", hour: "numeric", minute: "2-digit" }),
  day: format({ day: "numeric", month: "short" }),
};

// A <time> of milliseconds since 1970, or of a text in ISO 8601.
export function time(moment) {
  const made = document.createElement("time");
  made.dateTime = new Date(moment).toISOString();
  made.textContent = toMinutes(made.dateTime);
  return made;
}

// Rewrite the times below an element that were written in UTC.
export function localise(root = document) {
  for (const each of root.querySelectorAll("time[data-utc]")) {
    each.title = each.textContent;
    each.textContent = (each.dataset.utc === "day" ? toDay : toMinutes)(each.dateTime);
    delete each.dataset.utc;
  }
}

// Where an axis of times has its ticks: at full hours or at midnight, each with its text.
export function timeTicks(from, until, pixels) {
  const textsOf = (step) => (step >= DAY ? onAxis.day : until - from > DAY ? onAxis.both : onAxis.hour);
  const space = (step) => (textsOf(step) === onAxis.both ? WIDE : NARROW) * ((until - from) / step);
  const step = STEPS.find((each) => space(each) <= pixels) ?? until - from;
  const start = new Date(from).setHours(0, 0, 0, 0);
  const texts = textsOf(step);
  const found = [];
  for (let at = start; at <= until; at += step) {
    const offset = new Date(at).getTimezoneOffset() - new Date(start).getTimezoneOffset();
    const value = at + 60_000 * offset; // days on which clocks change have another length
    if (value >= from && value <= until) found.push({ value, label: texts(value) });
  }
  return found;
}

localise();
const note = document.querySelector("[data-zone]");
if (document.querySelector("time")) {
  note.textContent = t("Times are those of {zone}.", { zone });
  note.hidden = false;
}
