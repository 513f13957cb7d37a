// What the gate says of a version, before somebody decides on it.

import { Refused, ask } from "./ask.js";
import { element } from "./element.js";
import { t } from "./words.js";

const paragraph = (className, text) => element("p", { className }, text);

export const list = (texts) => element("ul", { lang: "en" }, ...texts.map((each) => element("li", {}, each)));

// Ask the gate, anew as others may decide, and show its objections. A version that it objects to is
// put live only if a box is ticked; to other decisions an objection is only shown.
export async function judge(gate, button, url, promotes = true) {
  button.disabled = true;
  gate.replaceChildren(paragraph("quiet", t("The gate examines it; this may take some seconds…")));
  try {
    const { objections, can_be_forced: canBeForced } = await ask(url);
    if (!objections.length) gate.replaceChildren(paragraph("good", t("The gate has no objection.")));
    else if (!canBeForced) gate.replaceChildren(paragraph("fault", t("It cannot serve, which nothing can overrule:")), list(objections));
    else if (promotes) object(gate, button, objections);
    else gate.replaceChildren(paragraph("warning note", t("The gate would object to putting it live; it does not stop this:")), list(objections));
    button.disabled = objections.length > 0 && (promotes || !canBeForced);
  } catch (error) {
    gate.replaceChildren(...refusal(error));
  }
}

// Show objections, and a box that lets the button be clicked all the same.
export function object(gate, button, objections) {
  const box = element("input", { type: "checkbox", name: "force" });
  const text = t("Overrule the gate. This may break clients or predictions; the objections are kept with the decision.");
  gate.replaceChildren(
    paragraph("warning note", t("The gate objects:")),
    list(objections),
    element("label", { className: "force" }, box, " ", text),
  );
  button.disabled = true;
  box.addEventListener("change", () => (button.disabled = !box.checked));
}

// What the service refuses, with its reasons.
export function refusal(error) {
  if (!(error instanceof Refused)) throw error;
  const refused = element("p", { className: "fault", lang: "en" }, error.message);
  return error.faults.length ? [refused, list(error.faults.map(({ message }) => message))] : [refused];
}
