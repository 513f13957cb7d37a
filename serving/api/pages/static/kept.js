// What the form of a model holds, what was predicted by it, and the feedback on that, until the tab
// is closed: so all are there again after a reload, and when somebody comes back.

export class Kept {
  constructor({ name, version }) {
    this.key = `form:${name}`;
    this.version = version;
  }

  // {texts, response, actual}, each if it is kept: the texts of the fields, what they resulted in, and
  // what was true.
  read() {
    try {
      const { texts, version, ...made } = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
      const isCurrent = version === this.version; // else another version would predict now
      return { texts: texts && new Map(texts), ...(isCurrent && made) };
    } catch {
      return {}; // a browser may forbid it
    }
  }

  write(texts, response, actual) {
    const value = { texts: [...texts], response, actual, version: this.version };
    try {
      sessionStorage.setItem(this.key, JSON.stringify(value));
    } catch {
      // a browser may forbid it, or has no room
    }
  }
}
