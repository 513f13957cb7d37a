// The page where a training begins: a table is dropped or chosen, and sent.

import { Refused, remove } from "./ask.js";
import { upload } from "./upload.js";
import { number, percent, t } from "./words.js";

const find = (id) => document.getElementById(id);
const drop = find("drop");
const status = find("status");
const { url } = drop.dataset;
const max = Number(drop.dataset.max);
let running = null;

function show(text, { fault = false, language } = {}) {
  status.className = fault ? "fault" : "";
  status.lang = language ?? document.documentElement.lang;
  status.textContent = text;
}

async function send(file) {
  running?.abort();
  const own = (running = new AbortController());
  if (file.size > max) {
    const sizes = { size: number(file.size / 1e6, 3), max: number(max / 1e6, 3) };
    show(t("The file has {size} MB, and at most {max} MB are taken.", sizes), { fault: true });
    return;
  }
  if (!file.size) {
    show(t("{name} is empty, or is a folder.", { name: file.name }), { fault: true });
    return;
  }
  find("sending").hidden = false;
  find("sent").value = 0;
  show(t("Sending {name}…", { name: file.name }));
  try {
    const seen = (share) => {
      find("sent").value = share;
      find("sent").textContent = percent(share, 0);
    };
    const made = await upload(`${url}?file=${encodeURIComponent(file.name)}`, file, seen, own.signal);
    if (made) location.assign(`${url}/${made.id}`);
    else if (running === own) show(t("Stopped: nothing of it is kept."));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (running === own) show(error.message, { fault: true, language: "en" });
  }
  if (running === own) find("sending").hidden = true;
}

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file) send(file);
});
find("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) send(file);
});
find("stop").addEventListener("click", () => running?.abort());
addEventListener("pageshow", (event) => {
  find("file").value = ""; // the same file may be chosen again
  if (event.persisted) find("sending").hidden = true; // back from the page of a training
});

for (const button of document.querySelectorAll("[data-remove]")) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await remove(button.dataset.remove);
      const list = button.closest("ul");
      button.closest("li").remove();
      (list.querySelector("a") ?? find("file")).focus();
      if (!list.children.length) list.closest("section").remove();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      button.disabled = false;
      show(error.message, { fault: true, language: "en" });
    }
  });
}
