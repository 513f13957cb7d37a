// The page of a model's versions: sends decisions, after the gate's reasons and a question; waits
// until the service follows; and notices what others decide while the page is open.

import { Refused, ask } from "./ask.js";
import { element } from "./element.js";
import { judge, refusal } from "./gate.js";
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

function confirmed(form) {
  const title = form.closest("details").querySelector("summary").textContent;
  sure.querySelector("h3").textContent = `${title}?`;
  sure.querySelector(".effect").textContent = form.querySelector("p").textContent;
  const objections = form.querySelector('[name="force"]') && form.querySelector(".gate ul");
  sure.querySelector(".gate").replaceChildren(
    ...(objections ? [element("p", { className: "warning note" }, t("The gate is overruled:")), objections.cloneNode(true)] : []),
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
    refused.replaceChildren(...refusal(error));
    button.disabled = false;
    isDeciding = false;
    look();
    return;
  }
  const title = form.closest("details").querySelector("summary").textContent;
  news.replaceChildren(element("p", { className: "notice" }, t("Decided. The service follows within two seconds…")));
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
  const button = element("button", { className: "button plain", type: "button" }, t("Show what holds now"));
  button.addEventListener("click", () => reopen());
  const notice = element("p", { className: "notice warned" }, t("Somebody has decided, or a version was added, since this page was opened."));
  notice.append(" ", button);
  news.replaceChildren(notice);
}

const typed = new Map(JSON.parse(sessionStorage.getItem(TYPED) ?? "[]"));
sessionStorage.removeItem(TYPED);
for (const form of forms) {
  const details = form.closest("details");
  details.addEventListener("toggle", () => {
    const { action, gate } = form.dataset;
    if (details.open && gate) judge(form.querySelector(".gate"), form.querySelector("button"), gate, action === "promote");
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
  news.replaceChildren(element("p", { className: "notice", tabIndex: -1 }, done));
  news.firstChild.focus();
}
const looking = setInterval(look, LOOK);
document.addEventListener("visibilitychange", look);
