// What would happen, shown in a dialog before it is done: read anew at each change; the newest question is the one that is
// answered.
import { el } from "./dom.js";

/** Shows what read() answers as draw(answer) makes it, or why it cannot be had. */
export class Preview {
  constructor(read, draw) {
    Object.assign(this, { read, draw, asked: 0 });
    this.node = el("div", { "aria-live": "polite", "data-preview": "" });
  }

  async show(wanted) {
    const turn = ++this.asked;
    if (!wanted) return this.node.replaceChildren();
    let shown;
    try {
      const answer = await this.read();
      shown = [answer.note ? el("p", {}, answer.note) : "", this.draw(answer)];
    } catch (problem) {
      shown = [el("p", { class: "error" }, problem.message)];
    }
    if (turn === this.asked) this.node.replaceChildren(...shown);
  }
}
