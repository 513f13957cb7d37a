// Shows the API's document with Swagger UI, which the template loads before.

const place = document.getElementById("docs");
const path = place.dataset.document;
const answer = await fetch(path);
const told = await answer.json();

// What Swagger UI leaves without a name, for those who hear the page.
const names = { select: "choice", textarea: "body", input: "value" };
const name = () => {
  for (const [tag, said] of Object.entries(names)) {
    for (const control of place.querySelectorAll(`${tag}:not([aria-label])`)) {
      control.ariaLabel = control.id || control.placeholder || said;
    }
  }
};
new MutationObserver(name).observe(place, { childList: true, subtree: true });

if (answer.ok) {
  // Asked here, the service is where this page is: behind a proxy it may know another address.
  told.servers = [{ url: new URL(".", new URL(path, location)).href.replace(/\/$/, "") }];
  SwaggerUIBundle({
    spec: told,
    domNode: place,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    syntaxHighlight: { theme: "tomorrow-night" }, // of its themes one that is easy to read
    validatorUrl: null,
  });
} else {
  place.textContent = told.detail;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
