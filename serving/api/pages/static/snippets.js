// The request of the form as code, to be copied.

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
  curl(url, record) {
    const body = JSON.stringify(record).replaceAll("'", "'\\''");
    return `curl -H 'Content-Type: application/json' \\\n  -d '${body}' \\\n  '${url}'`;
  },

  python(url, record) {
    return [
      "import json",
      "import urllib.request",
      "",
      `record = ${literal(record)}`,
      "request = urllib.request.Request(",
      `    ${JSON.stringify(url)},`,
      "    json.dumps(record).encode(),",
      '    {"Content-Type": "application/json"},',
      ")",
      "with urllib.request.urlopen(request) as response:",
      "    print(json.load(response))",
    ].join("\n");
  },

  javascript(url, record) {
    return [
      `const response = await fetch(${JSON.stringify(url)}, {`,
      '  method: "POST",',
      '  headers: { "Content-Type": "application/json" },',
      `  body: JSON.stringify(${JSON.stringify(record, null, 2)
        .replaceAll("\n", "\n  ")
        .replace('"__proto__":', '["__proto__"]:')}),`,
      "});",
      "console.log(await response.json());",
    ].join("\n");
  },
};
