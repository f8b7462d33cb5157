// The page: which view is shown (the URL's hash says), the connection's state, and the API key.
import { Problem, useKey } from "./api.js";
import { showDead } from "./dead.js";
import { el } from "./dom.js";
import { showFleet } from "./fleet.js";
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

/** What can be shown, by the hash's path; all else is the list of runs. Each answers {ready, leave}, and select(query) if it can. */
const VIEWS = { "#/approvals": showInbox, "#/fleet": showFleet, "#/dead-letters": showDead };

/** Shows what the hash names: "#/runs/ID" one run, or a view; behind "?" it says what of it is looked at. */
async function route(change) {
  const { path, run, query } = place();
  if (view.path === path && view.select) return view.select(query);
  view.leave();
  const shown = document.createElement("div");
  main.replaceChildren(shown);
  if (run) view = showRun(shown, run, query, stream);
  else view = (Object.hasOwn(VIEWS, path) ? VIEWS[path] : showRuns)(shown, stream, query);
  view.path = path;
  mark(path, run);
  if (change) main.focus();
  try {
    await view.ready;
    watchHolds(document.getElementById("holds"));
  } catch (problem) {
    fail(shown, problem);
  }
}

/** What the hash names: its path, the run in it, and what stands behind "?". */
function place() {
  const [path, query] = location.hash.split(/\?(.*)/);
  const named = { path, query: new URLSearchParams(query) };
  const [, id] = /^#\/runs\/([^/]+)$/.exec(path) ?? [];
  try {
    return id ? { ...named, run: decodeURIComponent(id) } : named;
  } catch {
    return named; // somebody wrote a % that encodes nothing
  }
}

/** Marks the view that is shown among the links to all, and names the page after it. */
function mark(path, run) {
  const shown = Object.hasOwn(VIEWS, path) ? path : run ? "" : "#/";
  let title = run;
  for (const link of document.querySelectorAll("#views a")) {
    link.toggleAttribute("aria-current", false);
    if (link.hash !== shown) continue;
    link.setAttribute("aria-current", "page");
    title = link.textContent;
  }
  document.title = `${title} · Cordum`;
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

stream.open();
window.addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => document.hidden || !login.hidden || watchHolds(document.getElementById("holds")));
route();
