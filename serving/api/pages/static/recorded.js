// The page of a recorded prediction: its explanation, as it was recorded.

import { why } from "./explanation.js";
import { measured, percent } from "./words.js";

const { explanation, prediction, probabilities, unit } = JSON.parse(
  document.getElementById("recorded").textContent,
);
if (explanation) {
  const predicted = probabilities ? percent(probabilities[prediction]) : measured(prediction, unit);
  document.getElementById("reasons").replaceChildren(...why(explanation, unit, predicted));
}
