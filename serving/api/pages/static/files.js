// The text of a file: as it is, or what the service makes of a workbook.

import { send } from "./ask.js";
import { text } from "./csv.js";
import { t } from "./words.js";

const HEAD = 512; // bytes by which a file is recognised
const WORKBOOKS = ["PK\x03\x04", "\xd0\xcf\x11\xe0"]; // how they begin
const OFFICE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const NO_TEXT =
  /^\s*(?:<(?:!doctype|html|\?xml)|\{\s*"|\{\\rtf|\[\s*[{[]|%PDF-)|[\x00-\x08\x0e-\x1f]/i;

// {pieces, note}: the text, piece by piece, and what is worth knowing of it. What is no text is sent
// to the service, whose error then names it.
export async function open(file, sheet, seen, signal) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  const head = String.fromCharCode(...bytes).replace(/^\xef\xbb\xbf/, "");
  if (/^(?:\xff\xfe|\xfe\xff)/.test(head) || !NO_TEXT.test(head)) {
    return { pieces: text(file, seen), note: "" };
  }
  const isWhole = WORKBOOKS.some((begins) => head.startsWith(begins));
  const response = await send(sheet, isWhole ? file : file.slice(0, HEAD), signal, OFFICE, "text/csv");
  if (!response.headers.has("X-Sheet")) return { pieces: text(file, seen), note: "" };
  const named = (header) => decodeURIComponent(response.headers.get(header) ?? "");
  const values = { sheet: named("X-Sheet"), others: named("X-Other-Sheets") };
  const note = values.others
    ? t("Sheet {sheet} was read, and not: {others}", values)
    : t("Sheet {sheet} was read.", values);
  return { pieces: response.body.pipeThrough(new TextDecoderStream()), note };
}
