// The page of a recorded prediction: its explanation, as it was recorded, and its feedback.

import { ask } from "./ask.js";
import { element, enable } from "./element.js";
import { why } from "./explanation.js";
import { failure } from "./failure.js";
import { offer } from "./feedback.js";
import { predicted } from "./result.js";
import { time } from "./times.js";
import { measured, percent } from "./words.js";

const find = (id) => document.getElementById(id);
const found = JSON.parse(find("recorded").textContent);
const { explanation, prediction, probabilities } = found;
find("result").replaceChildren(...predicted(found, found));
if (explanation) explain(explanation);
find("explain")?.addEventListener("click", async ({ target: button }) => {
  button.disabled = true;
  try {
    const now = await ask(`${found.what_if}?explain`, found.record); // which records nothing
    explain(now.explanation);
    button.remove();
  } catch (error) {
    find("reasons").replaceChildren(failure(error));
    enable(button);
  }
});
if (find("right")) offer(find("right"), found, found, undefined, list);

function explain(explained) {
  const written = probabilities ? percent(probabilities[prediction], 1) : measured(prediction, found);
  find("reasons").replaceChildren(...why(explained, found, written));
}

// Put feedback that was given just now above the feedback before it.
function list(actual) {
  const value = typeof actual === "number" ? measured(actual, found) : actual;
  const cells = [element("th", { scope: "row" }, time(Date.now())), element("td", {}, value)];
  find("given").querySelector("tbody").prepend(element("tr", {}, ...cells));
  find("given").hidden = false;
  find("none-given")?.remove();
}
