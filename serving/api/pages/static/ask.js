// One request to the service, a GET without a body; Refused, with the faults, where it has no result.

import { language, t } from "./words.js";

// `lang` is that of its texts: English where they are the service's.
export class Refused extends Error {
  constructor(problem, lang = "en") {
    super(problem.detail);
    this.faults = problem.errors ?? [];
    this.lang = lang;
  }
}

// Faults or warnings in one line, as the service writes them into a table.
export function inOneLine(remarks) {
  return remarks.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join("; ");
}

// The response to a request, if it has a result.
export async function send(url, body, signal, type = "application/json", accept = "application/json") {
  return receive(
    () =>
      fetch(url, {
        method: body === undefined ? "GET" : "POST",
        headers: { "Content-Type": type, Accept: accept },
        body: typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body),
        signal,
      }),
    (response) => response,
  );
}

// What a request results in, as JSON; as a Blob where another type is accepted.
export async function ask(url, body, signal, type, accept = "application/json") {
  const response = await send(url, body, signal, type, accept);
  return receive(
    () => response,
    (own) => (accept === "application/json" ? own.json() : own.blob()),
  );
}

async function receive(respond, read) {
  let response;
  let problem;
  try {
    response = await respond();
    if (response.ok) return await read(response);
    problem = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (!response || response.ok) throw new Refused({ detail: t("The service cannot be reached.") }, language);
    throw new Refused({ detail: `${response.status} ${response.statusText}` });
  }
  if (response.status === 401) {
    const detail = t("A key is needed: load this page again, and log in.");
    throw new Refused({ detail }, language);
  }
  throw new Refused(problem);
}

export async function remove(url) {
  const request = { method: "DELETE", headers: { Accept: "application/json" } };
  await receive(() => fetch(url, request), () => null);
}
