// Texts that no log shows.

import { minRedacted, minRedactedLine } from "./limits.js";

/** What stands in place of a hidden text. */
const redacted = "[redacted]";

/**
 * Hides texts, the longest first: one may be the beginning of another. Those shorter than minRedacted are not hidden. A text is
 * hidden also as it stands between quotation marks, and a line of minRedactedLine or more of a text that has several is hidden
 * by itself, for keys are often written line by line.
 */
export class Redactor {
  #texts = new Set<string>();
  #pattern: RegExp | undefined;

  constructor(texts: Iterable<string>) {
    this.add(texts);
  }

  /** Adds texts to those that are hidden. */
  add(texts: Iterable<string>): void {
    for (const text of texts) {
      if (Buffer.byteLength(text) >= minRedacted) this.#texts.add(text).add(quoted(text));
      if (!text.includes("\n")) continue;
      for (const line of text.split("\n").map((l) => l.trim())) {
        if (Buffer.byteLength(line) >= minRedactedLine) this.#texts.add(line);
      }
    }
    const longest = [...this.#texts].sort((a, b) => b.length - a.length).map(literal);
    this.#pattern = longest.length > 0 ? new RegExp(longest.join("|"), "g") : undefined;
  }

  /** The text with [redacted] in place of each that is hidden. */
  hide(text: string): string {
    return this.#pattern === undefined ? text : text.replace(this.#pattern, redacted);
  }

  /** One that hides the same, to add to. */
  copy(): Redactor {
    const same = new Redactor([]);
    same.#texts = new Set(this.#texts);
    same.#pattern = this.#pattern;
    return same;
  }
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text as it stands between quotation marks, in JSON and in what loggers write. */
function quoted(text: string): string {
  return text.replace(/[\\"\n\r\t]/g, (c) => escapes[c]!);
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
