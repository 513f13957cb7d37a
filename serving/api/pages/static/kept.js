// What the form of a model holds, and what was predicted by it, until the tab is closed: so both
// are there again after a reload, and when somebody comes back.

export class Kept {
  constructor({ name, version }) {
    this.key = `form:${name}`;
    this.version = version;
  }

  // {texts, response}, each if it is kept: the texts of the fields, and what they resulted in.
  read() {
    try {
      const { texts, response, version } = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
      const isCurrent = version === this.version; // else another version would predict now
      return { texts: texts && new Map(texts), response: isCurrent ? response : undefined };
    } catch {
      return {}; // a browser may forbid it
    }
  }

  write(texts, response) {
    const value = { texts: [...texts], response, version: this.version };
    try {
      sessionStorage.setItem(this.key, JSON.stringify(value));
    } catch {
      // a browser may forbid it, or has no room
    }
  }
}
