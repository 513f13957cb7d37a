// One request to the service, and what is wrong where it does not answer.

import { say } from "./words.js";

export class Refused extends Error {
  constructor(problem) {
    super(problem.detail);
    this.faults = problem.errors ?? [];
  }
}

export async function ask(url, body, signal, type = "application/json") {
  let answer;
  let said;
  try {
    answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": type, Accept: "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal,
    });
    said = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = answer
      ? `${answer.status} ${answer.statusText}`
      : say("The service cannot be reached.");
    throw new Refused({ detail });
  }
  if (!answer.ok) throw new Refused(said);
  return said;
}
