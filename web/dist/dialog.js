// Asks before something is done: a native dialog, which keeps the keyboard inside and closes with Escape. What the server
// refuses is said in it, and it stays open.
import { newOnce } from "./api.js";
import { el, setText } from "./dom.js";

const MAX_REASON = 1024;

/**
 * Opens a dialog. `reason` is "optional" or "required" and asks why, or "none"; `body` are nodes above it. `submit(reason, once)` does
 * it, and throws what is to be said; once is the same for what is sent again unchanged. Returns the dialog, already open.
 */
export function ask({ title, body = [], reason = "optional", confirm, danger = false, submit }) {
  const why = el("textarea", { id: "reason", maxlength: MAX_REASON, required: reason === "required" });
  const asked = reason === "none" ? [] : [el("label", { for: "reason" }, reason === "required" ? "Reason (needed)" : "Reason"), why];
  const error = el("p", { class: "error", role: "alert" });
  const go = el("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
  const form = el("form", { method: "dialog" },
    el("h2", { id: "dialog-title" }, title), body,
    asked, error,
    el("div", { class: "row" }, go, el("button", { type: "button", "data-close": true, click: () => dialog.close() }, "Not now")));
  const dialog = el("dialog", { "aria-labelledby": "dialog-title", close: () => dialog.remove() }, form);
  const once = onceFor(form);
  form.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    if (reason === "required" && !why.value.trim()) {
      setText(error, "Say why: it is kept with what is done.");
      why.focus();
      return;
    }
    go.disabled = true;
    setText(error, "");
    try {
      await submit(why.value.trim(), once());
      dialog.close();
    } catch (problem) {
      setText(error, problem.message);
    } finally {
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A name for what a form asks: another one as soon as something in it was changed. */
function onceFor(form) {
  let key = newOnce();
  form.addEventListener("input", () => { key = newOnce(); });
  return () => key;
}

/** Closes what is open, when the page goes elsewhere. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
}

/** A labelled field of a dialog. */
export function field(label, input) {
  return el("p", { class: "field" }, el("label", { for: input.id }, label), input);
}

/** A choice among texts; each is a text or {value, label}. */
export function choice(id, options) {
  return el("select", { id }, options.map((option) => el("option", { value: option.value ?? option }, option.label ?? option)));
}

/** The value of a field that holds JSON; undefined when it is empty. */
export function readJSON(input, name) {
  if (!input.value.trim()) return undefined;
  try {
    return JSON.parse(input.value);
  } catch (problem) {
    throw new Error(`${name} is not JSON: ${problem.message}`);
  }
}
