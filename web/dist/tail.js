// The end of a list that grows: lines that come fast are drawn together, a few times a second, and the newest are kept in view
// unless the reader scrolled up.

const DRAW_MS = 50; // at most this often, and never more than a fifth of the time goes into drawing
const END = 8; // px from the end that still count as being there

export class Tail {
  /** list keeps at most max lines; older, its first child, is shown once there were more. */
  constructor(list, max, older) {
    Object.assign(this, { list, max, older, cost: 0, held: false, drawn: () => {} });
    this.waiting = []; // lines that are not drawn yet, as functions that make them
    older.hidden = true;
    list.append(older);
  }

  put(make) {
    this.waiting.push(make);
    if (this.waiting.length >= 2 * this.max) this.shed();
    this.timer ??= setTimeout(() => this.draw(), Math.max(DRAW_MS, 4 * this.cost));
  }

  /** Forgets waiting lines that would not stay. */
  shed() {
    this.waiting = this.waiting.slice(-this.max);
    this.older.hidden = false;
  }

  /** Nothing moves under a reader who is not at the end: lines wait until hold(false). */
  hold(held) {
    this.held = held;
    if (!held) this.draw();
  }

  atEnd() {
    return this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - END;
  }

  /** Draws what waits. The list is measured once, not per line. */
  draw() {
    clearTimeout(this.timer);
    this.timer = null;
    if (this.held) return this.drawn();
    const begin = performance.now();
    if (this.waiting.length > this.max) this.shed();
    const lines = this.waiting.map((make) => make());
    this.waiting = [];
    const atEnd = this.atEnd();
    this.list.append(...lines);
    const excess = this.list.childElementCount - 1 - this.max;
    if (excess > 0) {
      this.older.hidden = false;
      for (const old of [...this.list.children].slice(1, 1 + excess)) old.remove();
    }
    if (atEnd) this.toEnd();
    this.cost = performance.now() - begin;
    this.drawn();
  }

  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }

  /** Begins anew. */
  clear() {
    clearTimeout(this.timer);
    Object.assign(this, { timer: null, waiting: [], held: false });
    this.older.hidden = true;
    this.list.replaceChildren(this.older);
  }
}
