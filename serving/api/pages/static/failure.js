// Why something failed, for people.

import { inOneLine } from "./ask.js";
import { element } from "./element.js";
import { language } from "./words.js";

// In the language of the reason, after a title of the page.
export function failure(error, title) {
  const reason = error.faults?.length ? inOneLine(error.faults) : error.message;
  const text = element("span", { lang: error.lang ?? language }, reason);
  return element("p", { className: "fault" }, ...(title ? [title, " "] : []), text);
}
