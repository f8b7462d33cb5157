// The values that go with an answer, by the form's JSON Schema: a field for each simple property, else one for JSON. The server
// checks them; what is built here only helps to write them.
import { choice, readJSON } from "./dialog.js";
import { el } from "./dom.js";

/** Fields for a schema: {node, values()}. values throws what is to be said, and answers undefined for no schema. */
export function formOf(schema, id) {
  if (schema === undefined || schema === null) return { node: null, values: () => undefined };
  const properties = Object.entries(schema.properties ?? {});
  const simple = schema.type === "object" && properties.length > 0 && properties.every(([, property]) => inputOf(property, "") !== null);
  return simple ? fields(schema, properties, id) : text(schema, id);
}

function fields(schema, properties, id) {
  const needed = new Set(schema.required ?? []);
  const inputs = properties.map(([name, property], at) => ({ name, property, input: inputOf(property, `${id}-${at}`) }));
  const node = el("fieldset", { class: "values" }, el("legend", {}, "Values"), inputs.map(({ name, property, input }) => el("p", { class: "field" },
    el("label", { for: input.id }, `${property.title ?? name}${needed.has(name) ? " (needed)" : ""}`), input,
    property.description ? el("small", {}, ` ${property.description}`) : null)));
  const values = () => {
    const out = {};
    for (const { name, property, input } of inputs) {
      if (property.type === "boolean") out[name] = input.checked;
      else if (input.value !== "") out[name] = valueOf(property, input.value);
      else if (needed.has(name)) throw new Error(`${property.title ?? name} is needed.`);
    }
    return out;
  };
  return { node, values };
}

function inputOf(property, id) {
  if (Array.isArray(property.enum)) return choice(id, [{ value: "", label: "choose" }, ...property.enum.map((value) => ({ value: JSON.stringify(value), label: String(value) }))]);
  switch (property.type) {
    case "string": return el("input", { id, type: "text" });
    case "integer": return el("input", { id, type: "number", step: "1" });
    case "number": return el("input", { id, type: "number", step: "any" });
    case "boolean": return el("input", { id, type: "checkbox" });
    default: return null;
  }
}

function valueOf(property, value) {
  if (Array.isArray(property.enum)) return JSON.parse(value);
  return property.type === "string" ? value : Number(value);
}

function text(schema, id) {
  const input = el("textarea", { id, spellcheck: "false" });
  const node = el("div", {}, el("label", { for: id }, "Values (JSON)"), input,
    el("details", {}, el("summary", {}, "What they must fit"), el("pre", {}, JSON.stringify(schema, null, 2))));
  return { node, values: () => readJSON(input, "Values") };
}
