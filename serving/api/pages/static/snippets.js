// The request of the form as code, to be copied. Where the service needs a key, `isKeyed`, the code
// takes it from the variable ADEGA_KEY, or has a place for it.

// A record as a literal of Python.
function literal(record) {
  const truth = { true: "True", false: "False" };
  const entries = Object.entries(record).map(([name, value]) => {
    const written = typeof value === "boolean" ? truth[value] : JSON.stringify(value);
    return `    ${JSON.stringify(name)}: ${written},\n`;
  });
  return `{\n${entries.join("")}}`;
}

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
      `record = ${literal(record)}`,
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
    const key = isKeyed ? ', "X-API-Key": "…"' : "";
    return [
      `const response = await fetch(${JSON.stringify(url)}, {`,
      '  method: "POST",',
      `  headers: { "Content-Type": "application/json"${key} },`,
      `  body: JSON.stringify(${JSON.stringify(record, null, 2)
        .replaceAll("\n", "\n  ")
        .replace('"__proto__":', '["__proto__"]:')}),`,
      "});",
      "console.log(await response.json());",
    ].join("\n");
  },
};
