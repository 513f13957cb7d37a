// Was a prediction right? Feedback from the page that shows it; of several the latest counts.

import { ask } from "./ask.js";
import { element } from "./element.js";
import { read } from "./record.js";
import { decimal, t } from "./words.js";

// Offer it in a section for a prediction of a model; `recorded` is called with each feedback.
export function offer(section, model, { id, prediction }, recorded = () => {}) {
  const place = section.querySelector("[data-part]");
  section.hidden = false;
  if (!place) return; // the caller may give none, as the section states
  const status = element("div");
  status.setAttribute("role", "status");
  async function send(actual, button) {
    const buttons = place.querySelectorAll("button");
    for (const each of buttons) each.disabled = true;
    try {
      const { unmatched } = await ask(model.feedback, { id, actual });
      for (const each of buttons) each.setAttribute("aria-pressed", each === button);
      const text = unmatched?.length
        ? t("Recorded, but no prediction with this id is recorded here.")
        : t("Recorded. If it was a mistake, correct it: the latest counts.");
      status.replaceChildren(element("p", { className: "small" }, text));
      recorded(actual);
    } catch (error) {
      const why = error.faults?.map(({ message }) => message).join("; ") || error.message;
      const reason = element("span", { lang: "en" }, why);
      status.replaceChildren(element("p", { className: "fault" }, t("Not recorded:"), " ", reason));
    } finally {
      for (const each of buttons) each.disabled = false;
      button.focus();
    }
  }
  const choices = model.classes?.length
    ? labels(model.classes, prediction, send)
    : number(model.unit, send);
  place.replaceChildren(...choices, status);
}

// A button for yes, and one for no; of more than two labels with a choice of the true one.
function labels(classes, prediction, send) {
  const yes = button(t("Yes, {label}", { label: prediction }), (own) => send(prediction, own));
  const others = classes.filter((label) => label !== prediction);
  if (others.length === 1) {
    const no = button(t("No, {label}", { label: others[0] }), (own) => send(others[0], own));
    return [element("div", { className: "row" }, yes, no)];
  }
  const input = element("select", {}, ...others.map((label) => element("option", {}, label)));
  return [
    element("div", { className: "row" }, yes),
    ...field(t("No, it was"), input, (own) => send(input.value, own)),
  ];
}

function number(unit, send) {
  const input = element("input", { type: "text", inputMode: "decimal", autocomplete: "off" });
  const title = t("The true number");
  return field(unit ? `${title} (${unit})` : title, input, (own) => send(read(input.value, decimal), own));
}

function field(title, input, record) {
  input.id = "actual";
  const own = element("button", { className: "button plain" }, t("Record it"));
  const form = element("form", { className: "row" }, input, own);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    record(own);
  });
  return [element("label", { htmlFor: input.id }, title), form];
}

function button(text, act) {
  const made = element("button", { type: "button", className: "button plain" }, text);
  made.addEventListener("click", () => act(made));
  return made;
}
