// Building blocks of the page. Text goes in as text nodes only: nothing that comes from a run is ever parsed as HTML.

/** Makes an element. Attributes with a function value are event listeners; null and false are left out. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Makes an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== false && value !== undefined) node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

/** Sets a node's text only when it differs, so that a selection or a screen reader is not disturbed for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Every state of a run, a step, an approval, a worker, a pool, a dead letter and an effect: its icon, the tone that colours it, and the word where that is not its name.
const LOOKS = {
  pending: ["○", "idle"], ready: ["○", "idle"], running: ["▶", "busy"], inside: ["▶", "busy", "running"], waiting: ["⏸", "wait"], paused: ["⏸", "wait"],
  retrying: ["↻", "wait"], faulted: ["!", "bad"], succeeded: ["✓", "good"], failed: ["✕", "bad"], timed_out: ["⏱", "bad"],
  denied: ["⊘", "bad"], rejected: ["⊘", "bad"], cancelled: ["■", "idle"], skipped: ["⤼", "idle"],
  approved: ["✓", "good"], expired: ["⏱", "bad"], held: ["⚑", "bad"], done: ["↩", "good"], none: ["–", "idle"],
  alive: ["●", "good"], silent: ["◌", "wait"], draining: ["◐", "wait"], lost: ["✕", "bad"], open: ["●", "good"], full: ["■", "wait"], no_workers: ["○", "bad"],
  dead: ["✕", "bad"], stopped: ["■", "idle"], redriven: ["✓", "good", "done"],
  effect_done: ["✓", "good", "done"], effect_undone: ["↩", "idle", "undone"], effect_unknown: ["?", "bad", "unknown"], effect_running: ["▶", "busy", "under way"], effect_none: ["–", "idle", "nothing was done"],
};

/** Icon, tone and words of a state. An unknown state is shown by its name. */
export function look(state) {
  const [icon, tone, word] = Object.hasOwn(LOOKS, state) ? LOOKS[state] : ["?", "idle"];
  return { icon, tone, word: word ?? (state ?? "unknown").replaceAll("_", " ") };
}

/** A state as icon and word. */
export function badge(state) {
  const node = el("span", { class: "state" });
  setBadge(node, state);
  return node;
}

/** Changes a badge. */
export function setBadge(node, state) {
  const { icon, tone, word } = look(state);
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  node.dataset.tone = tone;
  node.replaceChildren(el("span", { "aria-hidden": "true" }, icon + " "), word);
}

const ENDED = new Set(["succeeded", "failed", "cancelled", "timed_out"]);

/** Tells whether a run in this state is over. */
export const ended = (state) => ENDED.has(state);

/** Tells whether what a run did is being undone, a person's turn included. */
export const undoing = (run) => run.compensation === "running" || run.compensation === "held";

/** Tells whether nothing more happens in a run unless somebody asks for it. */
export const settled = (run) => ended(run.state) && !undoing(run);

/** A link to a run, or to one step of it. */
export function runLink(run, step, text = run) {
  return el("a", { href: runHash(run, step) }, text);
}

/** The address of a run on this page, or of one step of it. */
export const runHash = (run, step) => `#/runs/${encodeURIComponent(run)}${step ? "?step=" + encodeURIComponent(step) : ""}`;

/** A named value, for a list of them. */
export const fact = (name, value, id) => el("div", { id }, el("dt", {}, name), el("dd", {}, value));

/** A field with its label before it, in one line. */
export const labelled = (label, input) => el("span", { class: "pair" }, el("label", { for: input.id }, label), input);

/** A section with a heading. */
export const panel = (title, ...content) => el("section", { class: "panel", "aria-label": title }, el("h2", {}, title), content);

/** Why a job waits, or why it has its worker, in words. */
export const placed = ({ reason, why }) => (reason === "granted" ? why : [reason.replaceAll("_", " "), why].filter(Boolean).join(": "));

/** At most length characters of a text. */
export const clip = (text, length = 160) => (text.length > length ? text.slice(0, length - 1) + "…" : text);

// Marks that change the order in which the text behind them is shown.
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

/** A text in the order in which it was written: marks that would change that are shown as what they are. */
export const straight = (text) => text.replace(TURNS, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);

/** A value as JSON, for reading. */
export const json = (value) => straight(JSON.stringify(value, null, 2));

/** A duration for people, from milliseconds. */
export function took(ms) {
  if (!Number.isFinite(ms)) return "";
  if (ms < 0) ms = 0;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

/** A moment as local time, with the full one as its title. */
export function when(iso) {
  const date = iso ? new Date(iso) : null;
  if (!date || Number.isNaN(date.getTime())) return el("span", {}, "–");
  return el("time", { datetime: iso, title: date.toString() }, clock(date));
}

/** How long ago a moment was, with the moment itself as its title. */
export function ago(iso, now = Date.now()) {
  const date = iso ? new Date(iso) : null;
  if (!date || Number.isNaN(date.getTime())) return el("span", {}, "–");
  return el("time", { datetime: iso, title: date.toString() }, `${since(now - date)} ago`);
}

/** A time that has passed, to the unit that a person would say. */
function since(ms) {
  const [[size, unit]] = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "min"], [1000, "s"]].filter(([size]) => ms >= size).concat([[1000, "s"]]);
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

/** How much of a whole is taken, as a bar. setBar changes it. */
export const bar = () => el("div", { class: "track load", role: "img" }, el("div", { class: "fill" }));

/** Shows part of whole; text says the same in words. */
export function setBar(node, part, whole, text, tone = "busy") {
  node.firstChild.hidden = part <= 0;
  node.firstChild.dataset.tone = tone;
  node.firstChild.style.setProperty("--span", `${whole > 0 ? Math.min(100, Math.max(0, (100 * part) / whole)) : 0}%`);
  node.setAttribute("aria-label", text);
}

const TIME = new Intl.DateTimeFormat([], { hourCycle: "h23", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Local time of day with milliseconds; the date too when it is not today. */
export function clock(date) {
  if (Number.isNaN(date.getTime())) return "–";
  const time = TIME.format(date) + "." + String(date.getMilliseconds()).padStart(3, "0");
  return date.toDateString() === new Date().toDateString() ? time : `${date.toLocaleDateString()} ${time}`;
}
