// The form that resends a request, with or without changes.

import * as api from "./api.mjs";
import { bytesOf, durationText, el } from "./text.mjs";

// A longer body is sent as it was received.
const LONGEST_EDIT = 1 << 20;

// The sender of a request sets these itself.
const computed = new Set(["host", "content-length", "connection", "transfer-encoding", "keep-alive", "te", "upgrade"]);

export function replayForm(record, { say, cancel }) {
  const isText = typeof record.body === "string";
  const editable = isText && record.body.length <= LONGEST_EDIT;
  const url = el("input", { name: "url", type: "text", placeholder: api.isServer ? "the URL of the webhook" : api.target, autocomplete: "off", spellcheck: "false" });
  const headers = el("textarea", { name: "headers", rows: "4", spellcheck: "false", autocomplete: "off" });
  headers.value = lines(record.headers ?? []);
  const body = el("textarea", { name: "body", spellcheck: "false", autocomplete: "off", readonly: !editable });
  body.value = editable ? record.body : note(isText, bytesOf(record).length);
  const original = body.value;
  body.rows = Math.min(16, Math.max(5, original.length / 60 + original.split("\n", 16).length));
  const before = headers.value;
  const resign = el("select", { name: "resign" }, ...["Sign again if the secret is known", "Sign again", "Keep the signature"].map((text, index) => el("option", { value: String(index), text })));
  const result = el("div", { class: "result" });
  const form = el(
    "form",
    { class: "form", "aria-label": "Replay" },
    field("Body", body),
    el("details", { class: "options" }, el("summary", { text: "Address, headers, signature" }), field("URL", url), field("Headers", headers), field("Signature", resign)),
    el("div", { class: "actions" }, el("button", { type: "submit", class: "primary", title: "Ctrl+Enter", text: "Send" }), el("button", { type: "button", text: "Cancel", onclick: cancel })),
    result,
  );
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    form.setAttribute("aria-busy", "true");
    result.replaceChildren();
    const edits = { headers: changes(before, headers.value), resign: [undefined, true, false][Number(resign.value)] };
    if (url.value.trim()) edits.url = url.value.trim();
    if (editable && body.value !== original) edits.body = withLineEnds(body.value, record.body);
    try {
      const response = await api.replay(record.seq, edits);
      const text = `Response ${response.status} after ${durationText(response.duration_ms / 1000)}${response.resigned ? ", signed again" : ""}`;
      say(text);
      result.replaceChildren(el("p", { class: response.status < 300 ? "good" : "problem", text }), outcome(response));
    } catch (error) {
      say(error.message);
      result.replaceChildren(el("p", { class: "problem", text: error.message }));
    } finally {
      form.removeAttribute("aria-busy");
      result.scrollIntoView({ block: "nearest" });
    }
  });
  return form;
}

const field = (name, input) => el("label", { class: "field" }, el("span", { text: name }), input);

function note(isText, size) {
  const why = isText ? "is too long to be edited here" : "is not text";
  return `(The body of ${size} bytes ${why}; it is sent as it was received.)`;
}

function outcome(response) {
  const headers = response.headers.map(([name, value]) => `${name}: ${value}`).join("\n");
  return el("pre", { class: "text", tabindex: "0", "aria-label": "Response", text: `${headers}\n\n${response.body ?? "(not text)"}` });
}

// One header a line. A value that is no text cannot be edited, and is sent as it was.
function lines(headers) {
  const shown = headers.filter(([name, , bytes]) => !bytes && !computed.has(name.toLowerCase()));
  return shown.map(([name, value]) => `${name}: ${value}`).join("\n");
}

// A text field has line feeds only: a body with CRLF throughout gets them back.
function withLineEnds(text, original) {
  const isCrlf = /\r\n/.test(original) && !/[^\r]\n|\r(?!\n)/.test(original);
  return isCrlf ? text.replace(/\n/g, "\r\n") : text;
}

// The headers that were changed, with their new values; null removes all of a name.
export function changes(before, after) {
  const [old, now] = [before, after].map(grouped);
  const names = new Set([...old.keys(), ...now.keys()]);
  return [...names].flatMap((name) => {
    const values = now.get(name) ?? [];
    if (JSON.stringify(old.get(name) ?? []) === JSON.stringify(values)) return [];
    return values.length > 0 ? values.map((value) => [name, value]) : [[name, null]];
  });
}

function grouped(text) {
  const groups = new Map();
  for (const line of text.split("\n").filter((line) => line.trim())) {
    const at = line.indexOf(":") < 0 ? line.length : line.indexOf(":");
    const name = line.slice(0, at).trim().toLowerCase();
    groups.set(name, [...(groups.get(name) ?? []), line.slice(at + 1).trim()]);
  }
  return groups;
}
