// Sends a file as the body of a request, with its progress, which fetch does not show.

import { Refused } from "./ask.js";
import { language, t } from "./words.js";

// `progress` is called with the share that is sent. Resolves to what the service returns; null if
// it was stopped by the signal.
export function upload(url, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => progress(total ? loaded / total : 0));
    request.addEventListener("abort", () => resolve(null));
    request.addEventListener("error", () => {
      const detail = t("The service cannot be reached, or the file has changed since it was chosen.");
      reject(new Refused({ detail }, language));
    });
    request.addEventListener("load", () => {
      let parsed = { detail: `${request.status} ${request.statusText}` };
      try {
        parsed = JSON.parse(request.responseText);
      } catch {
        // a proxy's page: its status says enough
      }
      if (request.status < 300) resolve(parsed);
      else reject(new Refused(parsed));
    });
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
