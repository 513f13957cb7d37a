// Shows the API's document with Swagger UI, which the template loads before.

import { ask } from "./ask.js";
import { failure } from "./failure.js";

const place = document.getElementById("docs");
const path = place.dataset.document;

// Names for controls that Swagger UI leaves without one, for screen readers.
const names = { select: "choice", textarea: "body", input: "value" };
const name = () => {
  for (const [tag, text] of Object.entries(names)) {
    for (const control of place.querySelectorAll(`${tag}:not([aria-label])`)) {
      control.ariaLabel = control.id || control.placeholder || text;
    }
  }
};
new MutationObserver(name).observe(place, { childList: true, subtree: true });

try {
  const described = await ask(path);
  // The service is where this page is; behind a proxy it may have another address in the document.
  described.servers = [{ url: new URL(".", new URL(path, location)).href.replace(/\/$/, "") }];
  SwaggerUIBundle({
    spec: described,
    domNode: place,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: "none", // groups, of which each is opened by a click
    filter: true, // by the name of a group
    defaultModelsExpandDepth: 0,
    syntaxHighlight: { theme: "tomorrow-night" }, // of its themes one that is easy to read
    validatorUrl: null,
  });
} catch (error) {
  place.replaceChildren(failure(error));
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
