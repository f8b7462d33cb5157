// The rollback plan in words: what would be undone, in which order, and what would stay.
import { post } from "./api.js";
import { el } from "./dom.js";

const MAX_SHOWN = 200; // of one group

/** Asks what a rollback of a run would do now. It changes nothing. */
export const readPlan = (runPath) => post(`${runPath}/rollback-plan`, {});

/** What of a plan lies within a set of steps: those behind a checkpoint. */
export function narrow(plan, within) {
  const keep = (entries) => (entries ?? []).filter((entry) => within.has(entry.step));
  return { groups: plan.groups.map(keep).filter((group) => group.length > 0), left: keep(plan.left) };
}

/** Shows a plan. */
export function drawPlan(plan) {
  const groups = plan.groups ?? [];
  return el("div", { class: "plan", role: "region", "aria-label": "Rollback plan" },
    groups.length === 0 ? el("p", {}, "Nothing would be undone.") : el("p", {}, "This would be undone, in this order:"),
    el("ol", {}, groups.map((group) => el("li", {}, names(group.map(undoText)), group.length > 1 ? ` (${group.length} side by side)` : ""))),
    (plan.left ?? []).length === 0 ? null : [el("p", {}, "This would stay:"), el("ul", {}, plan.left.slice(0, MAX_SHOWN).map((left) => el("li", {}, `${left.step}: ${left.why}`)))]);
}

function names(texts) {
  const rest = texts.length - MAX_SHOWN;
  return texts.slice(0, MAX_SHOWN).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function undoText(undo) {
  const notes = [];
  if (undo.items > 1) notes.push(`${undo.items} of it`);
  if (undo.if === "under way") notes.push("under way: unless its worker says that it had no effect");
  if (undo.if === "unknown" || undo.if === "may have run") notes.push(undo.when_unknown === "hold" ? "outcome unknown: waits for a person" : "outcome unknown");
  if (undo.unless?.length) notes.push(`unless ${undo.unless.join(", ")} is passed by then`);
  return undo.step + (notes.length ? ` (${notes.join("; ")})` : "");
}
