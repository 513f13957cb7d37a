// The form of a table's columns: each change has the table looked at again, until it is trained.

import { t } from "./words.js";

const TRIES = 100; // at an action while the table is being read

export function columns(form, { act, follow }) {
  const part = (id) => form.querySelector(`#${id}`);
  const choices = JSON.parse(form.dataset.choices);
  const [target, task, name] = [part("target"), part("task"), part("name")];
  let reading = false; // by the service, just now
  let changed = false; // since it began

  function choose(control) {
    const column = control.closest("tr").dataset.column;
    const choice = (choices[column] ??= {});
    const key = control.dataset.choice;
    if (key === "use") choice.use = control.checked;
    else if (key === "missing") choice.missing = control.value.split(";").map((each) => each.trim()).filter(Boolean);
    else if (key === "unit" && !control.value.trim()) delete choice.unit;
    else choice[key] = control.value.trim();
    look();
  }

  async function look() {
    if (reading) {
      changed = true;
      return;
    }
    reading = true;
    changed = false;
    part("busy").hidden = false;
    const read = await act({ action: "read", ...chosen() });
    if (read) follow();
    else settle();
  }

  function settle() {
    reading = false;
    part("busy").hidden = true;
  }

  function chosen() {
    return { target: target.value, task: task.value || null, columns: choices };
  }

  function describe() {
    const note = part("name-note");
    const exists = JSON.parse(name.dataset.models).includes(name.value);
    part("feedback").hidden = !exists;
    note.textContent = exists
      ? t("This model exists: it gets a new version, and the live one stays until you put the new one live.")
      : t("A new model: it is live as soon as it is trained.");
  }

  form.addEventListener("change", ({ target: control }) => {
    if (control.dataset.choice) choose(control);
    if (control === target) task.value = ""; // that of another column
    if (control === target || control === task) look();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input[data-choice]")) return;
    event.preventDefault(); // it ends the input, and starts no training
    event.target.blur();
    event.target.focus();
  });
  name.addEventListener("input", describe);
  describe();

  form.querySelector('[data-action="reset"]')?.addEventListener("click", () => {
    for (const column of Object.keys(choices)) delete choices[column];
    look();
  });

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector("button");
    if (!form.reportValidity() || button.disabled) return;
    button.disabled = true; // a second click starts nothing else
    for (let tries = 0; reading && tries < TRIES; tries += 1) await pause();
    const about = { name: name.value, estimator: part("estimator").value };
    about.with_feedback = part("with-feedback").checked && !part("feedback").hidden;
    if (await act({ action: "start", ...about, ...chosen() })) follow();
    else button.disabled = false;
  });

  if (!form.dataset.target) look(); // what the target that is suggested has

  return {
    // The service has read the table: show it, unless something was changed meanwhile.
    settled(renew) {
      settle();
      if (changed) look();
      else return renew();
    },
  };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
