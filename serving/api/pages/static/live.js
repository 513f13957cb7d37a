// Puts a version live from the page of its training, after the gate's reasons.

import { Refused, ask } from "./ask.js";
import { element } from "./result.js";
import { t } from "./words.js";

const list = (texts) => element("ul", { lang: "en" }, ...texts.map((each) => element("li", {}, each)));

export async function live(form, renew) {
  const gate = form.querySelector("#gate");
  const button = form.querySelector("button");
  const version = Number(form.dataset.version);

  function object(objections, canBeForced) {
    if (!canBeForced) {
      gate.replaceChildren(element("p", { className: "fault" }, t("It cannot serve, which nothing can overrule:")), list(objections));
      return;
    }
    const box = element("input", { type: "checkbox", name: "force" });
    const label = element("label", { className: "force" }, box, " ", t("Overrule the gate. This may break clients or predictions; the objections are kept with the decision."));
    gate.replaceChildren(element("p", { className: "note warning" }, t("The gate objects:")), list(objections), label);
    button.disabled = true;
    box.addEventListener("change", () => (button.disabled = !box.checked));
  }

  function fail(error) {
    if (!(error instanceof Refused)) throw error;
    const reasons = error.faults.map(({ message }) => message);
    if (reasons.length) object(reasons, true);
    else gate.replaceChildren(element("p", { className: "fault", lang: "en" }, error.message));
  }

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
      fail(error);
    }
  });

  try {
    const found = await ask(form.dataset.gate);
    if (found.objections.length) object(found.objections, found.can_be_forced);
    else {
      gate.replaceChildren(element("p", { className: "good" }, t("The gate has no objection.")));
      button.disabled = false;
    }
  } catch (error) {
    fail(error);
  }
}
