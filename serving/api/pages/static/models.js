// The page of all models: retire one, or serve a retired one again.

import { ask, Refused } from "./ask.js";

const dialog = document.getElementById("retirement");
const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
const why = document.getElementById("retirement-why");
const refused = part("refused");

for (const button of document.querySelectorAll("[data-retire]")) {
  button.addEventListener("click", () => {
    dialog.dataset.url = button.dataset.retire;
    part("model").textContent = button.dataset.model;
    refused.hidden = true;
    why.value = "";
    dialog.showModal();
    why.focus();
  });
}

part("keep").addEventListener("click", () => dialog.close());

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const decision = { action: "retire", version: null, why: why.value };
  await decide(dialog.dataset.url, decision, refused, event.submitter);
});

for (const button of document.querySelectorAll("[data-restore]")) {
  button.addEventListener("click", () => {
    const status = document.getElementById("decided");
    decide(button.dataset.restore, { action: "rollback" }, status, button);
  });
}

// Decide, and show the page as it is then; or show why that is refused.
async function decide(url, decision, status, button) {
  button.disabled = true;
  try {
    await ask(url, decision);
    location.reload();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const reasons = error.faults.map((each) => each.message);
    status.textContent = [error.message, ...reasons].join("; ");
    status.className = "fault";
    status.lang = "en";
    status.hidden = false;
    button.disabled = false;
  }
}
