// Puts a version live from the page of its training, after the gate's reasons.

import { ask } from "./ask.js";
import { judge, object, refusal } from "./gate.js";

export function live(form, renew) {
  const gate = form.querySelector("#gate");
  const button = form.querySelector("button");
  const version = Number(form.dataset.version);

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    const force = Boolean(form.elements.force?.checked);
    const why = form.querySelector("#reason").value;
    try {
      await ask(form.dataset.url, { action: "promote", version, why, force });
      await renew();
    } catch (error) {
      button.disabled = false; // it may be tried again, unless the gate objects
      gate.replaceChildren(...refusal(error));
      if (error.faults.length) object(gate, button, error.faults.map(({ message }) => message));
    }
  });

  judge(gate, button, form.dataset.gate);
}
