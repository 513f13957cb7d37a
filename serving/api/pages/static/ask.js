// One request to the service, a GET without a body; Refused, with the faults, where it has no result.

import { t } from "./words.js";

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.faults = problem.errors ?? [];
  }
}

// With `accept` of another type than JSON, what is accepted as a Blob.
export async function ask(url, body, signal, type = "application/json", accept = "application/json") {
  let response;
  let parsed;
  try {
    response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: { "Content-Type": type, Accept: accept },
      body: typeof body === "string" || body instanceof Blob ? body : JSON.stringify(body),
      signal,
    });
    if (response.ok && accept !== "application/json") return await response.blob();
    parsed = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = response
      ? `${response.status} ${response.statusText}`
      : t("The service cannot be reached.");
    throw new Refused({ detail });
  }
  if (!response.ok) throw new Refused(parsed);
  return parsed;
}

export async function remove(url) {
  const response = await fetch(url, { method: "DELETE", headers: { Accept: "application/json" } });
  if (!response.ok) throw new Refused(await response.json());
}
