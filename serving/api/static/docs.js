// Shows the API's document with Swagger UI, which the template loads before.

const place = document.getElementById("docs");
const path = place.dataset.document;
const answer = await fetch(path);
const told = await answer.json();

if (answer.ok) {
  // Asked here, the service is where this page is: behind a proxy it may know another address.
  told.servers = [{ url: new URL(".", new URL(path, location)).href.replace(/\/$/, "") }];
  SwaggerUIBundle({
    spec: told,
    domNode: place,
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
  });
} else {
  place.textContent = told.detail;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
