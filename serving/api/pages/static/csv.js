// CSV as RFC 4180 has it, read piece by piece; commas, semicolons, tabs or bars between the cells.

const QUOTE = 34;
const NEWLINE = 10;
const MAX_ROW = 2 ** 21; // characters: a row is no longer, unless a quote is not closed

// The rows of a text that comes in pieces: arrays of cells, those without any left out; `at` is the
// number of each. The first is preceded by the delimiter that its line has most of, or that a line
// sep=; before it names.
export async function* rows(pieces) {
  let held = "";
  let at = 0;
  let quoted = false;
  let declared;
  let delimiter;
  let count = 0;
  function* row(text) {
    count += 1;
    const line = text.replace(/\r$/, "");
    if (!line.trim()) return;
    if (delimiter === undefined) {
      const named = declared === undefined && /^sep=(.)$/i.exec(line);
      if (named) {
        declared = named[1];
        count -= 1; // a spreadsheet does not show it
        return;
      }
      yield (delimiter = declared ?? commonest(line));
    }
    const found = cells(line, delimiter);
    if (found.some((cell) => cell.trim())) yield Object.assign(found, { at: count });
  }
  for await (const piece of pieces) {
    held += piece;
    let start = 0;
    for (; at < held.length; at += 1) {
      const sign = held.charCodeAt(at);
      if (sign === QUOTE)
        quoted = !quoted; // one within quotes is doubled, and changes nothing
      else if (sign === NEWLINE && !quoted) {
        yield* row(held.slice(start, at));
        start = at + 1;
      }
    }
    held = held.slice(start);
    at -= start;
    if (held.length > MAX_ROW) break; // the service reports what is wrong with it
  }
  yield* row(held);
}

function commonest(line) {
  const count = (sign) => line.split(sign).length;
  return [",", ";", "\t", "|"].reduce((one, other) => (count(other) > count(one) ? other : one));
}

function cells(line, delimiter) {
  if (!line.includes('"')) return line.split(delimiter);
  const found = [];
  let at = 0;
  while (at <= line.length) {
    const quoted = [];
    let inset = at;
    while (line[inset] === " ") inset += 1;
    if (line[inset] === '"') at = inset; // spaces before a quote do not count
    while (line[at] === '"') {
      const close = line.indexOf('"', at + 1);
      const end = close < 0 ? line.length : close;
      quoted.push(line.slice(at + 1, end));
      at = end + 1;
    }
    const next = line.indexOf(delimiter, at);
    const end = next < 0 ? line.length : next;
    found.push(quoted.join('"') + line.slice(at, end)); // a quote within is doubled
    at = end + 1;
  }
  return found;
}

// What a spreadsheet takes for a formula; a minus before a number is none.
const FORMULA = /^(?:[=+@\t\r\n]|-(?![0-9.,]+(?:e[+-]?[0-9]+)?$))/i;

// A row for a spreadsheet, which shows each text as it is.
export function line(row, delimiter) {
  const shown = row.map((cell) => {
    const isFormula = typeof cell === "string" && FORMULA.test(cell);
    return isFormula ? `'${cell}` : cell;
  });
  return raw(shown, delimiter);
}

// A row for a program.
export function raw(row, delimiter) {
  const quoted = row.map((cell) => {
    const text = String(cell ?? "");
    return /["\r\n]/.test(text) || text.includes(delimiter)
      ? `"${text.replaceAll('"', '""')}"`
      : text;
  });
  return `${quoted.join(delimiter)}\r\n`;
}

// A file's text, piece by piece; `seen` is called with the share that has been read. Text that is not
// UTF-8 is read as Windows-1252, which spreadsheets write.
export async function* text(file, seen) {
  const start = new Uint8Array(await file.slice(0, 65536).arrayBuffer());
  const sixteen = { 0xfffe: "utf-16le", 0xfeff: "utf-16be" }[(start[0] << 8) | start[1]];
  let decoder = new TextDecoder(sixteen ?? "utf-8");
  try {
    if (!sixteen) new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
  } catch {
    decoder = new TextDecoder("windows-1252");
  }
  const reader = file.stream().getReader();
  let read = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (let from = 0; from < value.length; from += 65536) {
      const piece = value.subarray(from, from + 65536);
      read += piece.length;
      seen(read / file.size);
      yield decoder.decode(piece, { stream: true });
    }
  }
  yield decoder.decode();
}
