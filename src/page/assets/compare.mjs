// Two requests side by side: their headers, their JSON by path, and their bytes where the JSON is equal.

import { Digits, leafText, parseJson } from "./body.mjs";
import { bytesOf, el, oneLine, statusOf, timeText, typeOf } from "./text.mjs";

// More differences help nobody.
const MOST = 500;

export function drawComparison(a, b) {
  const facts = [
    ["Event", typeOf(a), typeOf(b)],
    ["Verdict", a.verdict?.status, b.verdict?.status],
    ["Status", statusOf(a), statusOf(b)],
    ["Time", timeText(a.at), timeText(b.at)],
    ["Request", `${a.method} ${a.target}`, `${b.method} ${b.target}`],
  ].filter(([, left, right]) => left !== right);
  const body = bodyDifferences(a, b);
  return el(
    "div",
    { class: "panel comparison", tabindex: "0", role: "group", "aria-label": "Comparison" },
    part("Request", facts, a, b, "Verdict, status and address are the same."),
    part("Headers", headerDifferences(a, b), a, b, "The headers are the same."),
    part("Body", body.rows, a, b, body.same),
  );
}

function part(name, rows, a, b, same) {
  if (rows.length === 0) return el("section", {}, el("h3", { text: name }), el("p", { class: "faint", text: same }));
  const value = (text, kind) => el("td", { class: text === undefined ? "absent" : kind, text: text === undefined ? "(absent)" : oneLine(String(text)) });
  const head = ["", `No. ${a.seq}`, `No. ${b.seq}`].map((text) => (text ? el("th", { scope: "col", text }) : el("td")));
  return el(
    "section",
    {},
    el("h3", { text: name }),
    el(
      "table",
      { class: "list" },
      el("thead", {}, el("tr", {}, ...head)),
      el("tbody", {}, ...rows.slice(0, MOST).map(([path, left, right]) => el("tr", {}, el("th", { scope: "row", text: oneLine(path) }), value(left, "before"), value(right, "after")))),
    ),
    rows.length > MOST ? el("p", { class: "faint", text: `and ${rows.length - MOST} more` }) : null,
  );
}

function headerDifferences(a, b) {
  const grouped = (record) => {
    const groups = new Map();
    for (const [name, value] of record.headers ?? []) {
      groups.set(name.toLowerCase(), [...(groups.get(name.toLowerCase()) ?? []), value]);
    }
    return groups;
  };
  const [left, right] = [grouped(a), grouped(b)];
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((name) => [name, left.get(name)?.join(", "), right.get(name)?.join(", ")])
    .filter(([, before, after]) => before !== after);
}

function bodyDifferences(a, b) {
  const [left, right] = [bytesOf(a), bytesOf(b)];
  const at = left.findIndex((byte, index) => byte !== right[index]);
  if (at < 0 && left.length === right.length) return { rows: [], same: "The bodies are the same, byte for byte." };
  try {
    const rows = [];
    compare("", parseJson(a.body), parseJson(b.body), rows);
    if (rows.length > 0) return { rows, same: "" };
  } catch {
    // Not JSON: the bytes are compared.
  }
  const start = at < 0 ? Math.min(left.length, right.length) : at;
  const around = (bytes) => new TextDecoder().decode(bytes.subarray(Math.max(0, start - 20), start + 40));
  const rows = [[`from byte ${start}`, around(left), around(right)]];
  if (left.length !== right.length) rows.unshift(["size", `${left.length} bytes`, `${right.length} bytes`]);
  return { rows, same: "" };
}

const isBranch = (value) => value !== null && typeof value === "object" && !(value instanceof Digits);

const shown = (value) => (value === undefined ? undefined : isBranch(value) ? JSON.stringify(value) : leafText(value));

function compare(path, left, right, rows) {
  if (isBranch(left) && isBranch(right) && Array.isArray(left) === Array.isArray(right)) {
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      const next = Array.isArray(left) ? `${path}[${key}]` : path ? `${path}.${key}` : key;
      compare(next, left[key], right[key], rows);
    }
  } else if (shown(left) !== shown(right)) {
    rows.push([path || "(all)", shown(left), shown(right)]);
  }
}
