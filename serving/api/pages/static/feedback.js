// Was a prediction right? Feedback from the page that shows it; of several the latest counts.

import { ask } from "./ask.js";
import { element } from "./element.js";
import { failure } from "./failure.js";
import { read, refuseUnclear } from "./record.js";
import { decimal, measured, t } from "./words.js";

// Offer it in a section for a prediction of a model, which may have been given feedback; `recorded`
// is called with each feedback.
export function offer(section, model, { id, prediction }, given, recorded) {
  const place = section.querySelector("[data-part]");
  section.hidden = false;
  if (!place) return; // the caller may give none, as the section states
  const status = element("div");
  status.setAttribute("role", "status");
  const show = (actual) => {
    for (const each of place.querySelectorAll("[data-label]")) {
      each.setAttribute("aria-pressed", each.dataset.label === actual);
    }
    const written = typeof actual === "number" ? measured(actual, model) : actual;
    const text = t("Recorded: {actual}. If it was a mistake, correct it: the latest counts.", { actual: written });
    status.replaceChildren(element("p", { className: "small" }, text));
  };
  async function send(read, button) {
    const buttons = place.querySelectorAll("button");
    for (const each of buttons) each.disabled = true;
    try {
      const actual = read();
      const { unmatched } = await ask(model.feedback, { id, actual });
      if (unmatched?.length) {
        const text = t("Recorded, but no prediction with this id is recorded here.");
        status.replaceChildren(element("p", { className: "small" }, text));
      } else {
        show(actual);
        recorded(actual);
      }
    } catch (error) {
      const faults = error.faults?.map(({ message }) => ({ message })); // of the only field there is
      status.replaceChildren(failure({ ...error, faults, message: error.message }, t("Not recorded:")));
    } finally {
      for (const each of buttons) each.disabled = false;
      button.focus();
    }
  }
  const choices = model.classes?.length
    ? labels(model.classes, prediction, send)
    : number(model.unit, send);
  place.replaceChildren(...choices, status);
  if (given !== undefined) show(given);
}

// A button for yes, and one for no; of more than two labels with a choice of the true one.
function labels(classes, prediction, send) {
  const choice = (label, text) => {
    const made = element("button", { type: "button", className: "button plain" }, text);
    made.dataset.label = label;
    made.addEventListener("click", () => send(() => label, made));
    return made;
  };
  const yes = choice(prediction, t("Yes, it was {label}", { label: prediction }));
  const others = classes.filter((label) => label !== prediction);
  if (others.length === 1) {
    const no = choice(others[0], t("No, it was {label}", { label: others[0] }));
    return [element("div", { className: "row" }, yes, no)];
  }
  const input = element("select", {}, ...others.map((label) => element("option", {}, label)));
  return [
    element("div", { className: "row" }, yes),
    ...field(t("No, it was"), input, (own) => send(() => input.value, own)),
  ];
}

function number(unit, send) {
  const input = element("input", { type: "text", inputMode: "decimal", autocomplete: "off", required: true });
  const title = t("The true number");
  const parsed = () => {
    refuseUnclear(new Map(), new Map([["actual", input.value]]), decimal);
    return read(input.value, decimal);
  };
  return field(unit ? `${title} (${unit})` : title, input, (own) => send(parsed, own));
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
