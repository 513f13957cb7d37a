// What a user of openapi-typescript writes; it is given the service's URL and a record.
import type { components, paths } from "./generated";

declare const process: { argv: [string, string, string, string] };
type Operation = paths["/predict"]["post"];
type Body = Operation["requestBody"]["content"]["application/json"];
type Predicted = Operation["responses"]["200"]["content"]["application/json"];
type Refused = components["schemas"]["InvalidInput"];

async function post(path: keyof paths, body: unknown): Promise<unknown> {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(process.argv[2] + path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json();
}

async function main(): Promise<void> {
  const record = JSON.parse(process.argv[3]) as components["schemas"]["wine.Record"];
  const single: Body = record;
  const one = (await post("/predict", single)) as Predicted;
  const several: Body = [record, record];
  const many = (await post("/predict", several)) as Predicted;
  if ("predictions" in one || !("predictions" in many)) throw new Error("one for many");
  const label: "bom" | "ruim" = one.prediction;
  const feedback: components["schemas"]["wine.Feedback"] = { id: one.id, actual: "bom" };
  const sent = (await post("/feedback", feedback)) as components["schemas"]["RecordedFeedback"];
  const wrong: Body = { ...record, alcohol: -1 };
  const refused = (await post("/predict", wrong)) as Refused;
  console.log(
    JSON.stringify({
      one: label,
      many: many.predictions.map((each) => each.prediction),
      recorded: sent.recorded,
      fault: refused.errors[0]?.field,
    }),
  );
}

void main();
