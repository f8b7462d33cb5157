// What a person can do with a run. Each asks for a reason, and shows beforehand what it would lead to where that can be known.
import { post } from "./api.js";
import { ask, choice, field, readJSON } from "./dialog.js";
import { el, ended, runHash, undoing } from "./dom.js";
import { Preview } from "./preview.js";
import { drawPlan, narrow, readPlan } from "./rollback.js";

const FAULTED = "faulted";

// Which verbs make sense in which state. The server has the last word: what it refuses is shown.
const VERBS = {
  pause: { word: "Pause", may: (run) => !ended(run.state) && run.state !== "paused" && run.state !== FAULTED },
  resume: { word: "Resume", may: (run) => run.state === "paused" || run.state === FAULTED || run.error?.code === FAULTED },
  cancel: { word: "Cancel…", may: (run) => !ended(run.state) },
  rollback: { word: "Roll back…", may: (run) => !undoing(run) && run.state !== FAULTED },
  retry: { word: "Retry…", may: (run) => run.state === "failed" && !undoing(run) },
  fork: { word: "Fork…", may: () => true },
  signal: { word: "Send signal…", may: (run) => !ended(run.state) },
};

export class Actions {
  /** definition() answers the run's Definition; onDone is called when the server took a command, onProblem what it refused. */
  constructor(runPath, { definition, onDone, onProblem }) {
    Object.assign(this, { runPath, definition, onDone, onProblem });
    this.node = el("div", { class: "row", role: "group", "aria-label": "What you can do" },
      Object.entries(VERBS).map(([verb, { word }]) => el("button", { type: "button", "data-verb": verb, click: () => this.start(verb) }, word)));
  }

  show(run) {
    this.run = run;
    for (const button of this.node.children) button.disabled = !VERBS[button.dataset.verb].may(run);
  }

  async start(verb) {
    try {
      await this[verb]();
    } catch (problem) {
      this.onProblem(problem);
    }
  }

  /** Sends a verb with the reason, which may be empty. */
  async send(verb, body, reason, once) {
    const answer = await post(`${this.runPath}/${verb}`, reason ? { ...body, reason } : body, once);
    this.onDone();
    return answer;
  }

  pause() { return this.send("pause", {}, "asked on the page"); }

  resume() { return this.send("resume", {}, "asked on the page"); }

  cancel() {
    const back = el("input", { id: "and-roll-back", type: "checkbox", change: () => preview.show(back.checked) });
    const force = el("input", { id: "force", type: "checkbox" });
    const preview = new Preview(() => readPlan(this.runPath), drawPlan);
    ask({
      title: "Cancel this run?", confirm: "Cancel the run", danger: true,
      body: [
        this.run.state === FAULTED
          ? el("p", {}, force, el("label", { for: "force" }, " end it without deciding anything: the engine could not go on with it"))
          : el("p", {}, back, el("label", { for: "and-roll-back" }, " and roll back what it did")),
        preview.node,
      ],
      submit: (reason, once) => this.send("cancel", { ...(back.checked && { rollback: true }), ...(force.checked && { force: true }) }, reason, once),
    });
  }

  async rollback() {
    const definition = await this.definition();
    const places = definition.checkpoints();
    const to = choice("roll-back-to", [{ value: "", label: "the beginning: undo everything" }, ...places.map(({ name, step }) => ({ value: name, label: `the checkpoint ${name} (${step})` }))]);
    const next = choice("then", [{ value: "pause", label: "pause" }, { value: "retry", label: "go on" }, { value: "fail", label: "leave it failed" }]);
    const then = field("Then", next);
    const preview = new Preview(async () => {
      const plan = await readPlan(this.runPath);
      const place = places.find(({ name }) => name === to.value);
      if (!place) return plan;
      return this.reached(place.step) ? narrow(plan, definition.behind(place.step)) : { ...plan, note: "The run has not reached this checkpoint: everything is undone." };
    }, drawPlan);
    const changed = () => {
      then.hidden = !to.value;
      return preview.show(true);
    };
    to.addEventListener("change", changed);
    ask({
      title: ended(this.run.state) ? "Roll this run back?" : "Cancel this run and roll it back?", confirm: "Roll back", danger: true,
      body: [...(places.length ? [field("Back to", to), then] : []), preview.node],
      submit: (reason, once) => this.send("rollback", to.value ? { to: to.value, then: next.value } : {}, reason, once),
    });
    await changed();
  }

  reached(step) {
    return (this.run.steps ?? []).some(({ path, state }) => path === step && state === "succeeded");
  }

  retry() {
    ask({
      title: "Retry this run?", confirm: "Retry", body: [el("p", {}, "Its bad steps, and those skipped because of them, run again in this run.")],
      submit: (reason, once) => this.send("retry", {}, reason, once),
    });
  }

  async fork() {
    const definition = await this.definition();
    const from = choice("fork-from", definition.ids());
    const outputs = el("textarea", { id: "fork-outputs", placeholder: '{"step": {"its": "output"}}' });
    const request = () => ({ from: from.value, ...(outputs.value.trim() && { outputs: readJSON(outputs, "Edited outputs") }) });
    const preview = new Preview(() => post(`${this.runPath}/fork`, { ...request(), preview: true }), drawFork);
    for (const input of [from, outputs]) input.addEventListener("change", () => preview.show(true));
    ask({
      title: "Fork a new run from a step?", confirm: "Start the fork",
      body: [field("From", from), field("Other outputs of steps that are reused (JSON, by step)", outputs), preview.node],
      submit: async (reason, once) => {
        const { run_id: run } = await this.send("fork", request(), reason, once);
        location.hash = runHash(run);
      },
    });
    await preview.show(true);
  }

  async signal() {
    const definition = await this.definition();
    const name = el("input", { id: "signal-name", required: true, maxlength: "200", list: "signals", autocomplete: "off" });
    const payload = el("textarea", { id: "signal-payload", placeholder: '{"any": "JSON"}' });
    ask({
      title: "Send this run a signal", confirm: "Send",
      body: [field("Name", name), el("datalist", { id: "signals" }, definition.signals().map((signal) => el("option", { value: signal }))), field("Payload (JSON)", payload)],
      submit: (reason, once) => {
        const value = readJSON(payload, "The payload");
        return this.send("signal", { name: name.value, ...(value !== undefined && { payload: value }) }, reason, once);
      },
    });
  }
}

const list = (steps) => ((steps ?? []).length ? steps.join(", ") : "none");

function drawFork({ reused, edited, rerun }) {
  return el("dl", { class: "plan" },
    el("dt", {}, "Runs again"), el("dd", {}, list(rerun)), el("dt", {}, "Is reused"), el("dd", {}, list(reused)), el("dt", {}, "With another output"), el("dd", {}, list(edited)));
}
