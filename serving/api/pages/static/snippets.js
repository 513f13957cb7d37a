// The request of the form, to be copied.

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
      `record = ${JSON.stringify(record, null, 4)}`,
      "request = urllib.request.Request(",
      `    ${JSON.stringify(url)},`,
      "    json.dumps(record).encode(),",
      '    {"Content-Type": "application/json"},',
      ")",
      "with urllib.request.urlopen(request) as answer:",
      "    print(json.load(answer))",
    ].join("\n");
  },

  javascript(url, record) {
    return [
      `const answer = await fetch(${JSON.stringify(url)}, {`,
      '  method: "POST",',
      '  headers: { "Content-Type": "application/json" },',
      `  body: JSON.stringify(${JSON.stringify(record, null, 2).replaceAll("\n", "\n  ")}),`,
      "});",
      "console.log(await answer.json());",
    ].join("\n");
  },
};
