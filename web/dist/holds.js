// What is held: jobs that stay pending until somebody lifts the hold, shown on every view.
import { get } from "./api.js";
import { setText } from "./dom.js";

const PAUSE = 15_000; // ms between two looks

let timer = 0;

/** Looks at once which holds are on, and again and again while the page is in sight. */
export async function watchHolds(node) {
  clearTimeout(timer);
  try {
    const { items } = await get("holds");
    node.hidden = items.length === 0;
    setText(node, items.map(held).join(" · "));
  } catch {
    return; // the view says what is wrong; the next one looks again
  }
  timer = setTimeout(() => document.hidden || watchHolds(node), PAUSE);
}

function held(hold) {
  const over = hold.scope === "all" ? "Everything" : `${hold.scope[0].toUpperCase()}${hold.scope.slice(1)} ${hold.name}`;
  return `⏸ ${over} is held by ${hold.set_by}: ${hold.reason}${hold.except_undo ? " (compensations go on)" : ""}`;
}
