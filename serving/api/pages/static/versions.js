// The page of a model's versions: sends decisions, after the gate's reasons and a question; waits
// until the service follows; and notices what others decide while the page is open.

import { Refused, ask } from "./ask.js";
import { t } from "./words.js";

const page = document.getElementById("versions-page");
const news = document.getElementById("news");
const sure = document.getElementById("sure");
const { url } = page.dataset;
const decided = Number(page.dataset.decided);
const PATIENCE = 15_000; // milliseconds, until the service follows
const EVERY = 500;
const LOOK = 10_000; // between looks at what others decide
const DONE = "adega-decided"; // where the page that is opened next finds what was done
const TYPED = "adega-typed"; // and what was typed, but not decided
const forms = [...document.querySelectorAll("details.decision form")];
let isDeciding = false;

function made(tag, text, attributes = {}) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(text);
  return element;
}

function list(texts) {
  const items = made("ul", "", { lang: "en" });
  items.append(...texts.map((text) => made("li", text)));
  return items;
}

// The gate's reasons, when a decision is opened; they are computed anew, as others may decide.
async function judge(form) {
  const gate = form.querySelector(".gate");
  const button = form.querySelector("button");
  button.disabled = true;
  gate.replaceChildren(made("p", t("The gate examines it; this may take some seconds…"), { className: "quiet" }));
  try {
    const { objections, can_be_forced: forced } = await ask(form.dataset.gate);
    const promotes = form.dataset.action === "promote";
    if (!objections.length) {
      gate.replaceChildren(made("p", t("The gate has no objection."), { className: "good" }));
    } else if (!forced) {
      gate.replaceChildren(made("p", t("It cannot serve, which nothing can overrule:"), { className: "fault" }), list(objections));
      return;
    } else if (promotes) {
      const label = made("label", "", { className: "force" });
      const box = made("input", "", { type: "checkbox", name: "force" });
      label.append(box, t("Overrule the gate. This may break clients or predictions; the objections are kept with the decision."));
      gate.replaceChildren(made("p", t("The gate objects:"), { className: "warning note" }), list(objections), label);
      box.addEventListener("change", () => (button.disabled = !box.checked));
      return;
    } else {
      gate.replaceChildren(made("p", t("The gate would object to putting it live; it does not stop this:"), { className: "warning note" }), list(objections));
    }
    button.disabled = false;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    gate.replaceChildren(made("p", error.message, { className: "fault", lang: "en" }));
  }
}

function confirmed(form) {
  const title = form.closest("details").querySelector("summary").textContent;
  sure.querySelector("h3").textContent = `${title}?`;
  sure.querySelector(".effect").textContent = form.querySelector("p").textContent;
  const objections = form.querySelector('[name="force"]') && form.querySelector(".gate ul");
  sure.querySelector(".gate").replaceChildren(
    ...(objections ? [made("p", t("The gate is overruled:"), { className: "warning note" }), objections.cloneNode(true)] : []),
  );
  sure.returnValue = "no";
  sure.showModal();
  return new Promise((resolve) => {
    sure.addEventListener("close", () => resolve(sure.returnValue === "yes"), { once: true });
  });
}

sure?.addEventListener("click", ({ target }) => {
  if (target.matches("button")) sure.close(target.value);
});

const pause = () => new Promise((resolve) => setTimeout(resolve, EVERY));

// Wait until requests are answered by the live version: each process follows within two seconds.
async function followed() {
  const until = Date.now() + PATIENCE;
  let same = 0;
  while (Date.now() < until) {
    const [model, { versions }] = await Promise.all([ask(url.replace(/\/versions$/, "")), ask(url)]);
    const live = versions.find(({ states = [] }) => states.includes("live"));
    same = model.version === live?.version ? same + 1 : 0;
    if (same * EVERY > 2_000) return true;
    await pause();
  }
  return false;
}

function reopen(done = "") {
  const typed = forms.map((form) => [nameOf(form), form.elements.why.value]).filter(([, why]) => why);
  sessionStorage.setItem(DONE, done);
  if (!done) sessionStorage.setItem(TYPED, JSON.stringify(typed));
  location.reload();
}

const nameOf = ({ dataset: { action, version = "" } }) => `${location.pathname} ${action} ${version}`;

async function decide(form) {
  const { action, version } = form.dataset;
  const refused = form.querySelector(".refused");
  const button = form.querySelector("button");
  refused.replaceChildren();
  if (!(await confirmed(form))) return;
  button.disabled = true;
  const body = { action, why: form.elements.why.value, decided };
  isDeciding = true;
  if (version) body.version = Number(version);
  if (form.elements.force?.checked) body.force = true;
  try {
    await ask(url, body);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused.replaceChildren(made("p", error.message, { className: "fault", lang: "en" }));
    if (error.faults.length) refused.append(list(error.faults.map(({ message }) => message)));
    button.disabled = false;
    isDeciding = false;
    look();
    return;
  }
  const title = form.closest("details").querySelector("summary").textContent;
  news.replaceChildren(made("p", t("Decided. The service follows within two seconds…"), { className: "notice" }));
  news.scrollIntoView({ block: "center" });
  let follows = false;
  try {
    follows = await followed();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  reopen(follows ? t("Done: {what}. The service follows.", { what: title }) : t("Decided: {what}. The service does not follow yet; below is why, if it is known.", { what: title }));
}

// Whether others have decided, or a version has appeared, since the page was made.
async function look() {
  if (document.hidden || isDeciding) return;
  let found;
  try {
    found = await ask(url);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return; // the next look may reach the service
  }
  const numbers = found.versions.map((each) => each.version).join(",");
  if (isDeciding || (found.decided === decided && numbers === page.dataset.versions)) return;
  clearInterval(looking);
  const button = made("button", t("Show what holds now"), { className: "button plain", type: "button" });
  button.addEventListener("click", () => reopen());
  const notice = made("p", t("Somebody has decided, or a version was added, since this page was opened."), { className: "notice warned" });
  notice.append(" ", button);
  news.replaceChildren(notice);
}

const typed = new Map(JSON.parse(sessionStorage.getItem(TYPED) ?? "[]"));
sessionStorage.removeItem(TYPED);
for (const form of forms) {
  const details = form.closest("details");
  details.addEventListener("toggle", () => {
    if (details.open && form.dataset.gate) judge(form);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide(form);
  });
  if (typed.has(nameOf(form))) {
    form.elements.why.value = typed.get(nameOf(form));
    details.open = true;
  }
}

const boxes = [...document.querySelectorAll('#choose [type="checkbox"]')];
function limit() {
  const full = boxes.filter((box) => box.checked).length >= Number(page.dataset.max);
  for (const box of boxes) box.disabled = full && !box.checked;
}
boxes.forEach((box) => box.addEventListener("change", limit));
limit();
document.getElementById("choose").addEventListener("submit", (event) => {
  event.preventDefault();
  const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
  location.search = chosen.length ? `?versions=${chosen.join(",")}` : "";
});

const done = sessionStorage.getItem(DONE);
sessionStorage.removeItem(DONE);
if (done) {
  news.replaceChildren(made("p", done, { className: "notice", tabIndex: -1 }));
  news.firstChild.focus();
}
const looking = setInterval(look, LOOK);
document.addEventListener("visibilitychange", look);
