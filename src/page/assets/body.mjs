// A body as text, as a tree and as bytes.

import { bytesOf, clean, el, sizeText } from "./text.mjs";

// What is shown at first, and added by each press of the button. A long text would keep the browser busy.
const TEXT_PART = 100_000;
const HEX_LINES = 512;
const TREE_PART = 200;
const LARGEST_TREE = 8 << 20;

let chosen = "Text";

export function drawBody(record) {
  const bytes = bytesOf(record);
  const panel = el("div", { class: "body" });
  const views = { Text: () => textView(record, bytes), Tree: () => treeView(record, bytes), Hex: () => hexView(bytes) };
  const buttons = Object.keys(views).map((name) =>
    el("button", { type: "button", text: name, onclick: () => show(name) }),
  );
  const view = el("div", { class: "view" });
  const show = (name) => {
    chosen = name;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
    view.replaceChildren(...(bytes.length === 0 ? [el("p", { class: "faint", text: "The body is empty." })] : views[name]()));
  };
  show(chosen);
  const kind = record.headers?.find(([name]) => name.toLowerCase() === "content-type")?.[1];
  panel.append(
    el(
      "div",
      { class: "bar" },
      el("div", { role: "group", "aria-label": "Body view", class: "segments" }, ...buttons),
      el("span", { class: "faint", text: `${sizeText(bytes.length)}${kind ? `, ${kind}` : ""}` }),
    ),
    view,
  );
  return panel;
}

// Shows a part, and a button that adds the next one as long as there is more. `next` returns null at the end.
function inParts(into, next, left) {
  const button = el("button", { type: "button", class: "more" });
  const add = () => {
    into.append(...[].concat(next()));
    const text = left();
    button.textContent = text ?? "";
    button.hidden = text === null;
  };
  button.addEventListener("click", add);
  add();
  return [into, button];
}

function textView(record, bytes) {
  const text = typeof record.body === "string" ? record.body : new TextDecoder().decode(bytes);
  let at = 0;
  const pre = el("pre", { class: "text", tabindex: "0", "aria-label": "Body as text" });
  const next = () => {
    const part = text.slice(at, at + TEXT_PART);
    at += part.length;
    return el("span", {}, ...highlight(part));
  };
  const note = typeof record.body === "string" ? [] : [el("p", { class: "faint", text: "Not UTF-8: some bytes cannot be shown as text." })];
  return [...note, ...inParts(pre, next, () => (at < text.length ? `Show more (${sizeText(text.length - at)} left)` : null))];
}

// Marks the characters that are written out, so that `\u{202e}` in the text and the character itself look different.
function highlight(text) {
  const parts = [];
  let plain = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = String.fromCodePoint(text.codePointAt(index));
    const shown = clean(character);
    if (shown !== character) {
      parts.push(text.slice(plain, index), el("mark", { text: character }));
      plain = index + character.length;
    }
    index += character.length - 1;
  }
  return [...parts, text.slice(plain)];
}

function hexView(bytes) {
  let line = 0;
  const lines = Math.ceil(bytes.length / 16);
  const pre = el("pre", { class: "hex", tabindex: "0", "aria-label": "Body as bytes" });
  const next = () => {
    let text = "";
    for (const end = Math.min(lines, line + HEX_LINES); line < end; line += 1) text += hexLine(bytes, line * 16);
    return text;
  };
  return inParts(pre, next, () => (line < lines ? `Show more (${sizeText(bytes.length - line * 16)} left)` : null));
}

function hexLine(bytes, start) {
  const part = [...bytes.subarray(start, start + 16)];
  const hex = part.map((byte) => byte.toString(16).padStart(2, "0"));
  const halves = [hex.slice(0, 8).join(" "), hex.slice(8).join(" ")].join("  ").padEnd(48);
  const text = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
  return `${start.toString(16).padStart(8, "0")}  ${halves}  ${text}\n`;
}

function treeView(record, bytes) {
  if (bytes.length > LARGEST_TREE) return [el("p", { class: "faint", text: "The body is too long for a tree." })];
  let value;
  try {
    value = parseJson(record.body);
  } catch {
    return [el("p", { class: "faint", text: "The body is not JSON." })];
  }
  return [el("div", { class: "tree" }, node(null, value, 0))];
}

// A number keeps its digits: `1.0` and 12345678901234567890 are shown as they were sent.
export function parseJson(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context?.source ? new Digits(context.source) : value,
  );
}

export class Digits {
  constructor(source) {
    this.source = source;
  }

  toJSON() {
    return this.source;
  }
}

const isBranch = (value) => value !== null && typeof value === "object" && !(value instanceof Digits);

export const leafText = (value) => (value instanceof Digits ? value.source : JSON.stringify(value));

function node(name, value, depth) {
  const label = name === null ? [] : [el("span", { class: "key", text: String(name) }), ": "];
  if (!isBranch(value)) {
    const kind = typeof value === "string" ? "string" : "literal";
    return el("div", { class: "leaf" }, ...label, el("span", { class: kind, text: leafText(value) }));
  }
  const entries = Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const children = el("div", { class: "children" });
  const details = el("details", {}, el("summary", {}, ...label, el("span", { class: "faint", text: size })), children);
  let at = 0;
  const fill = () => {
    if (at > 0) return;
    const next = () => {
      const part = entries.slice(at, at + TREE_PART);
      at += part.length;
      return part.map(([key, item]) => node(key, item, depth + 1));
    };
    children.append(...inParts(el("div"), next, () => (at < entries.length ? `Show more (${entries.length - at} left)` : null)));
  };
  details.addEventListener("toggle", fill);
  if (depth < 3 && entries.length <= TREE_PART) {
    fill();
    details.open = true;
  }
  return details;
}
