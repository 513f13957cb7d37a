// The request of the form as code, to be copied. Where the service needs a key, `isKeyed`, the code
// takes it from the variable ADEGA_KEY; the key itself is never in it.

// The entries of a record, a line each, in a language's own literals.
function lines(record, indent, between, { name = JSON.stringify, texts = JSON.stringify, words = {} }) {
  const entries = Object.entries(record).map(([key, value]) => {
    const written = typeof value === "string" ? texts(value) : String(value);
    return `${indent}${name(key)}${between}${words[written] ?? written}`;
  });
  return entries.join(",\n");
}

const PYTHON = { words: { true: "True", false: "False", null: "None" } };
const R = { words: { true: "TRUE", false: "FALSE", null: "NULL" } };
// In an object of JavaScript, "__proto__": would set no member.
const JAVASCRIPT = { name: (key) => (key === "__proto__" ? `["${key}"]` : JSON.stringify(key)) };

// A text of Power Query's language: quotes are doubled, and #(…) stands for other signs.
function mText(text) {
  const signs = { "\n": "lf", "\r": "cr", "\t": "tab" };
  const code = (sign) => signs[sign] ?? sign.charCodeAt(0).toString(16).padStart(4, "0");
  const written = text
    .replaceAll("#(", "#(#)(")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (sign) => `#(${code(sign)})`);
  return `"${written.replaceAll('"', '""')}"`;
}

const M = { name: (key) => `#${mText(key)}`, texts: mText };

export const snippets = {
  curl(url, record, isKeyed) {
    const body = JSON.stringify(record).replaceAll("'", "'\\''");
    const key = isKeyed ? ' -H "X-API-Key: $ADEGA_KEY"' : "";
    return `curl -H 'Content-Type: application/json'${key} \\\n  -d '${body}' \\\n  '${url}'`;
  },

  python(url, record, isKeyed) {
    const key = isKeyed ? ', "X-API-Key": os.environ["ADEGA_KEY"]' : "";
    return [
      "import json",
      ...(isKeyed ? ["import os"] : []),
      "import urllib.request",
      "",
      "record = {",
      lines(record, "    ", ": ", PYTHON),
      "}",
      "request = urllib.request.Request(",
      `    ${JSON.stringify(url)},`,
      "    json.dumps(record).encode(),",
      `    {"Content-Type": "application/json"${key}},`,
      ")",
      "with urllib.request.urlopen(request) as response:",
      "    print(json.load(response))",
    ].join("\n");
  },

  javascript(url, record, isKeyed) {
    const key = isKeyed ? ', "X-API-Key": process.env.ADEGA_KEY' : "";
    return [
      `const response = await fetch(${JSON.stringify(url)}, {`,
      '  method: "POST",',
      `  headers: { "Content-Type": "application/json"${key} },`,
      "  body: JSON.stringify({",
      lines(record, "    ", ": ", JAVASCRIPT),
      "  }),",
      "});",
      "console.log(await response.json());",
    ].join("\n");
  },

  r(url, record, isKeyed) {
    return [
      "library(httr2)",
      "",
      "record <- list(",
      lines(record, "  ", " = ", R),
      ")",
      `response <- request(${JSON.stringify(url)}) |>`,
      ...(isKeyed ? ['  req_headers("X-API-Key" = Sys.getenv("ADEGA_KEY")) |>'] : []),
      "  req_body_json(record) |>",
      "  req_perform()",
      "str(resp_body_json(response))",
    ].join("\n");
  },

  m(url, record, isKeyed) {
    const key = isKeyed ? ', #"X-API-Key" = ADEGA_KEY' : "";
    return [
      ...(isKeyed ? ["// ADEGA_KEY: a parameter of the workbook (Manage Parameters) with the key"] : []),
      "let",
      "    Sent = [",
      lines(record, "        ", " = ", M),
      "    ],",
      `    Received = Json.Document(Web.Contents(${mText(url)}, [`,
      `        Headers = [#"Content-Type" = "application/json"${key}],`,
      "        Content = Json.FromValue(Sent)",
      "    ])),",
      '    Chosen = Record.SelectFields(Received, {"id", "prediction"}),',
      '    More = Record.FieldOrDefault(Received, "probabilities", Record.FieldOrDefault(Received, "interval", []))',
      "in",
      "    Record.ToTable(Record.Combine({More, Chosen}))",
    ].join("\n");
  },
};
