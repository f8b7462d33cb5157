// Reads something again and again while the page is in sight: for what the stream does not tell.
import { clock } from "./dom.js";

/** Ticks: read() is called by now(), and then again pause ms after each reading. */
export class Poll {
  /**
   * onProblem is told what a later reading threw and a text that says it, with how old that makes what is shown; null and an
   * empty text after one that went well.
   */
  constructor(read, pause, onProblem) {
    Object.assign(this, { read, pause, onProblem, closed: false });
    this.seen = () => { if (!document.hidden && this.late) this.again(); };
    document.addEventListener("visibilitychange", this.seen);
  }

  /** Reads at once and throws what that throws. A reading that is under way is waited for first: the newest one ends last. */
  async now() {
    await this.reading?.catch(() => {});
    if (this.closed) return;
    clearTimeout(this.timer);
    const begin = performance.now();
    this.reading = this.read();
    try {
      await this.reading;
      this.at = new Date();
    } finally {
      // Never more than a fifth of the time goes into reading.
      if (!this.closed) this.timer = setTimeout(() => this.again(), Math.max(this.pause, 4 * (performance.now() - begin)));
    }
  }

  /** Reads again; nobody waits for it. */
  async again() {
    this.late = document.hidden;
    if (this.late || this.closed) return;
    try {
      await this.now();
      this.onProblem(null, "");
    } catch (problem) {
      this.onProblem(problem, this.at ? `${problem.message} (what is shown is from ${clock(this.at)})` : problem.message);
    }
  }

  stop() {
    this.closed = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }
}
