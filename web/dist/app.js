// The page: which view is shown (the URL's hash says), the connection's state, and the API key.
import { Problem, useKey } from "./api.js";
import { el } from "./dom.js";
import { watchHolds } from "./holds.js";
import { showInbox } from "./inbox.js";
import { Stream } from "./stream.js";
import { showRuns } from "./runs.js";
import { showRun } from "./run.js";

const main = document.getElementById("main");
const banner = document.getElementById("banner");
const login = document.getElementById("login");
const connection = document.getElementById("connection");

const CONNECTION = {
  connecting: ["connecting", ""],
  live: ["live", ""],
  lost: ["reconnecting", "The connection to the server was lost. Reconnecting; what is shown may be old."],
};

const stream = new Stream((state) => {
  const [word, warning] = CONNECTION[state];
  connection.dataset.state = state;
  connection.textContent = word;
  if (state === "lost" || state === "live") say(warning);
});

function say(text) {
  banner.hidden = !text;
  banner.textContent = text;
}

let view = { leave() {} };

/** Shows what the hash names: "#/runs/ID" one run, "?step=PATH" behind it a step of it, "#/approvals" the inbox, all else the list. */
async function route(change) {
  const { run, step } = place();
  if (run && view.run === run) return view.select(step);
  view.leave();
  const shown = document.createElement("div");
  main.replaceChildren(shown);
  if (run) view = { run, ...showRun(shown, run, step, stream) };
  else view = location.hash === "#/approvals" ? showInbox(shown, stream) : showRuns(shown, stream);
  if (change) main.focus();
  try {
    await view.ready;
    watchHolds(document.getElementById("holds"));
  } catch (problem) {
    fail(shown, problem);
  }
}

/** The run and the step that the hash names. */
function place() {
  const [, id, query] = /^#\/runs\/([^/?]+)(?:\?(.*))?$/.exec(location.hash) ?? [];
  if (!id) return {};
  try {
    return { run: decodeURIComponent(id), step: new URLSearchParams(query).get("step") ?? "" };
  } catch {
    return {}; // somebody wrote a % that encodes nothing
  }
}

function fail(shown, problem) {
  view.leave();
  view = { leave() {} };
  if (problem instanceof Problem && problem.status === 401) {
    login.hidden = false;
    document.getElementById("key").focus();
  }
  shown.replaceChildren(el("p", { class: "error" }, problem.message), el("p", {}, el("a", { href: "#/" }, "All runs")));
}

login.addEventListener("submit", (submit) => {
  submit.preventDefault();
  useKey(new FormData(login).get("key").trim());
  login.reset();
  login.hidden = true;
  stream.restart();
  route();
});

window.addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => document.hidden || !login.hidden || watchHolds(document.getElementById("holds")));
route();
