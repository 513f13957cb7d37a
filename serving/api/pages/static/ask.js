// One request to the service, a GET without a body; Refused, with the faults, where it has no result.

import { t } from "./words.js";

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.faults = problem.errors ?? [];
  }
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
    const detail = response
      ? `${response.status} ${response.statusText}`
      : t("The service cannot be reached.");
    throw new Refused({ detail });
  }
  throw new Refused(problem);
}

export async function remove(url) {
  const request = { method: "DELETE", headers: { Accept: "application/json" } };
  await receive(() => fetch(url, request), () => null);
}
