// The graph of a workflow as SVG: layers from left to right, each step's state on it. The steps table says the same.
import { clip, el, look, setText, svg } from "./dom.js";

const BOX = { width: 196, height: 46, gapX: 56, gapY: 18, margin: 8 };
const MAX_DRAWN = 300;

/**
 * Draws graph ({nodes, edges}) into root: the workflow's own steps, of those in steps. What is inside of fan-outs and loops
 * is in the table. Returns {show(steps)} that puts states on it.
 */
export function drawGraph(root, whole, steps, onPick) {
  const own = new Set(steps.filter(isOwn).map((step) => step.path));
  const graph = {
    nodes: whole.nodes.filter((node) => own.has(node.id)),
    edges: whole.edges.filter(({ from, to }) => own.has(from) && own.has(to)),
  };
  if (graph.nodes.length > MAX_DRAWN) {
    root.replaceChildren(el("p", { class: "empty" }, `${graph.nodes.length} steps are too many to draw here; the table below lists them.`));
    return { show() {} };
  }
  const places = place(graph.nodes);
  const size = extent(places);
  const boxes = new Map(graph.nodes.map((node) => [node.id, box(node, places.get(node.id), onPick)]));
  root.replaceChildren(svg("svg", { class: "graph", role: "group", "aria-label": "Graph of the steps", width: size.width, height: size.height, viewBox: `0 0 ${size.width} ${size.height}` },
    svg("defs", {}, svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0L8 4L0 8z" }))),
    graph.edges.map((edge) => line(places.get(edge.from), places.get(edge.to))),
    [...boxes.values()].map((b) => b.group)));
  return { show: (now) => show(boxes, now) };
}

const isOwn = (step) => !step.parent && !step.undoes;

/** Puts states on the boxes, and on the same box that of the compensation, beside it. */
function show(boxes, steps) {
  const undos = new Map(steps.filter((step) => step.undoes).map((step) => [step.undoes, step]));
  for (const step of steps) if (isOwn(step)) boxes.get(step.path)?.show(step, undos.get(step.path));
}

/** Steps of a layer stand below each other, layers are centred against the tallest. */
function place(nodes) {
  const layers = new Map();
  for (const node of nodes) layers.set(node.layer, [...(layers.get(node.layer) ?? []), node]);
  const tallest = Math.max(...[...layers.values()].map((layer) => layer.length), 1);
  const places = new Map();
  for (const [layer, members] of layers) {
    const top = ((tallest - members.length) * (BOX.height + BOX.gapY)) / 2;
    members.forEach((node, row) => places.set(node.id, {
      x: BOX.margin + layer * (BOX.width + BOX.gapX),
      y: BOX.margin + top + row * (BOX.height + BOX.gapY),
    }));
  }
  return places;
}

function extent(places) {
  const all = [...places.values()];
  return {
    width: Math.max(0, ...all.map((p) => p.x)) + BOX.width + BOX.margin,
    height: Math.max(0, ...all.map((p) => p.y)) + BOX.height + BOX.margin,
  };
}

function line(from, to) {
  const x1 = from.x + BOX.width, y1 = from.y + BOX.height / 2, x2 = to.x - 2, y2 = to.y + BOX.height / 2;
  const bend = Math.max(20, (x2 - x1) / 2);
  return svg("path", { class: "edge", "marker-end": "url(#arrow)", d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}` });
}

function box(node, at, onPick) {
  const state = svg("text", { class: "sub", x: 10, y: 36 }, node.type);
  const label = (text) => `${node.name || node.id}, ${node.type}: ${text}`;
  const pick = () => onPick(node.id);
  const group = svg("g", {
    transform: `translate(${at.x} ${at.y})`, tabindex: "0", role: "button", "data-step": node.id, "data-tone": "idle", "aria-label": label("pending"),
    click: pick, keydown: (press) => { if (press.key === "Enter" || press.key === " ") { press.preventDefault(); pick(); } },
  },
    svg("rect", { width: BOX.width, height: BOX.height, rx: 6 }), svg("text", { x: 10, y: 19 }, clip(node.id, 20)), state, svg("title", {}, node.name || node.id));
  const put = (step, undo) => {
    const { icon, tone, word } = look(step.state);
    const undone = undo ? look(undo.state) : null;
    group.dataset.tone = undo?.state === "held" ? undone.tone : tone;
    group.dataset.state = step.state;
    group.setAttribute("aria-label", label(undone ? `${word}, its compensation ${undone.word}` : word));
    setText(state, clip(undone ? `${icon} ${word} ↩ ${undone.word}` : `${icon} ${word}${inside(step.iterations)}`, 28));
  };
  return { group, show: put };
}

/** How far a fan-out is. */
const inside = (counts) => (counts ? ` ${counts.succeeded + counts.bad} of ${counts.total}` : "");
