// Letting workers and pools run empty, and letting them take work again.
import { post } from "./api.js";
import { ask } from "./dialog.js";
import { el, when } from "./dom.js";

/** Who drains something, since when, and why. */
export function drainText({ set_by: by, set_at: at, reason }) {
  return el("span", {}, `drained by ${by} at `, when(at), reason ? `: ${reason}` : "");
}

/** The button that drains a worker or a pool, or lifts its drain. changed is called when the server took it. */
export function drainButton(of, name, drain, changed) {
  const verb = drain ? "undrain" : "drain";
  const word = drain ? "Lift drain" : "Drain";
  return el("button", {
    type: "button", class: "small", "data-drain": verb, "aria-label": `${word}: ${of} ${name}`,
    click: () => ask({
      title: drain ? `Let ${of} ${name} take work again?` : `Drain ${of} ${name}?`, confirm: word,
      body: [el("p", {}, drain ? "It gets jobs again from now on." : `${of === "pool" ? "Its workers get" : "It gets"} nothing new, and ${of === "pool" ? "finish what they have" : "finishes what it has"}. The drain stays until it is lifted, over restarts too.`)],
      submit: async (reason, once) => {
        await post(`${of}s/${encodeURIComponent(name)}/${verb}`, reason ? { reason } : {}, once);
        changed();
      },
    }),
  }, `${word}…`);
}
