// What a person does on a model's monitor page: have it checked now, and trained again.

import { ask } from "./ask.js";
import { enable } from "./element.js";
import { failure } from "./failure.js";
import { t } from "./words.js";

const LOOK = 1_000; // milliseconds between two looks whether a check is done
const PATIENCE = 180_000;

const status = document.getElementById("doing");
const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK));

async function check({ check: url, checked }) {
  status.textContent = t("The model is being checked …");
  const until = Date.now() + PATIENCE;
  let found = await ask(url, "");
  while (found.state === "waiting" && Date.now() < until) {
    await pause();
    found = await ask(url);
  }
  if (found.state === "done") return location.replace(checked);
  status.textContent =
    found.state === "failed"
      ? t("The model could not be checked; the log of the monitor has the reason.")
      : t("No monitor has made the check yet; its log may have the reason.");
}

async function train({ train: url, model }) {
  status.textContent = t("The training is being started …");
  const { id } = await ask(url, { model, with_feedback: true });
  location.assign(`${url}/${id}`);
}

for (const [name, act] of Object.entries({ check, train })) {
  for (const button of document.querySelectorAll(`button[data-${name}]`)) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await act(button.dataset);
      } catch (error) {
        status.replaceChildren(failure(error));
      } finally {
        enable(button);
      }
    });
  }
}
