// The chosen request: its tabs and its buttons.

import * as api from "./api.mjs";
import { drawAttempts } from "./attempts.mjs";
import { drawBody } from "./body.mjs";
import { drawComparison } from "./compare.mjs";
import { icon, verdict } from "./icons.mjs";
import { replayForm } from "./replay.mjs";
import { el, oneLine, prose, statusOf, timeText, typeOf } from "./text.mjs";

const tabs = ["Body", "Headers", "Signature", "Attempts"];

export class RequestRegion {
  // `say` announces, `close` closes the region, `choose` opens another request, `compare` starts a comparison.
  constructor({ say, close, choose, compare, changed }) {
    Object.assign(this, { say, close, choose, compare, changed });
    this.tab = "Body";
    this.record = null;
    this.element = el("section", { "aria-label": "Request", class: "region", tabindex: "-1", hidden: true });
  }

  get seq() {
    return this.element.hidden ? null : this.wanted;
  }

  async show(seq, tab = this.tab) {
    this.tab = tabs.includes(tab) ? tab : "Body";
    this.wanted = seq;
    this.form = null;
    this.element.hidden = false;
    try {
      const record = await api.record(seq);
      if (this.wanted === seq) this.draw(record);
    } catch (error) {
      if (this.wanted === seq) this.fail(error);
    }
  }

  hide() {
    this.element.hidden = true;
    this.element.replaceChildren();
    this.form = null;
  }

  fail(error) {
    this.record = null;
    this.element.replaceChildren(this.closeButton(), el("p", { role: "alert", class: "problem", text: error.message }));
  }

  closeButton() {
    return el("button", { type: "button", class: "close", "aria-label": "Close", title: "Close (Esc)", onclick: this.close }, icon("close"));
  }

  draw(record) {
    this.record = record;
    const status = record.verdict?.status ?? "unchecked";
    const busy = (action) => (event) => this.run(event.currentTarget, action);
    this.formPlace = el("div");
    this.tabButtons = tabs.map((name) =>
      el("button", { role: "tab", type: "button", id: `tab-${name}`, "aria-controls": "panel", text: name, onclick: () => this.select(name) }),
    );
    const list = el("div", { role: "tablist", "aria-label": "Parts of the request", class: "tabs" }, ...this.tabButtons);
    list.addEventListener("keydown", (event) => this.moveTab(event));
    this.panel = el("div", { role: "tabpanel", id: "panel", class: "panel", tabindex: "0" });
    this.element.replaceChildren(
      el(
        "header",
        {},
        this.closeButton(),
        el("h2", {}, el("bdi", { text: oneLine(typeOf(record)) })),
        el(
          "p",
          { class: "summary" },
          el("span", { class: `verdict ${status}` }, ...verdict(status)),
          el("span", { text: `status ${statusOf(record)}${record.response?.error ? ` (${record.response.error})` : ""}` }),
          el("span", { text: `${record.method} ${record.target}` }),
          el("time", { datetime: record.at, title: record.at, text: timeText(record.at) }),
          el("span", { text: `No. ${record.seq}` }),
          record.duplicate ? el("span", { class: "tag", text: "duplicate" }) : null,
        ),
        el(
          "div",
          { class: "actions" },
          el("button", { type: "button", class: "primary", title: "r", onclick: () => this.openForm() }, icon("replay"), "Replay"),
          el("button", { type: "button", onclick: busy(() => this.copyCurl()) }, icon("copy"), "Copy as cURL"),
          el("button", { type: "button", onclick: busy(() => this.downloadHar()) }, icon("download"), "Download HAR"),
          el("button", { type: "button", title: "c", onclick: () => this.compare(record.seq) }, icon("compare"), "Compare"),
        ),
      ),
      this.formPlace,
      list,
      this.panel,
    );
    this.element.scrollTop = 0;
    this.select(this.tab, false);
  }

  select(name, tell = true) {
    this.tab = name;
    for (const button of this.tabButtons) {
      const selected = button.textContent === name;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    this.panel.scrollTop = 0;
    this.fill(name);
    if (tell) this.changed();
  }

  async fill(name) {
    const { record, panel } = this;
    const put = (...content) => {
      if (this.panel === panel && this.tab === name) panel.replaceChildren(...content);
    };
    try {
      if (name === "Body") put(drawBody(record));
      else if (name === "Headers") put(drawHeaders(record));
      else if (name === "Signature") put(drawSignature(record, await api.signature(record.seq)));
      else put(drawAttempts(record, await api.attempts(record.seq), this.choose, panel.clientWidth - 32));
    } catch (error) {
      put(el("p", { role: "alert", class: "problem", text: error.message }));
    }
  }

  moveTab(event) {
    const at = tabs.indexOf(this.tab);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.select(tabs[(next + tabs.length) % tabs.length]);
    this.tabButtons[tabs.indexOf(this.tab)].focus();
  }

  // Runs the action of a button; it cannot be pressed again meanwhile.
  async run(button, action) {
    button.setAttribute("aria-busy", "true");
    try {
      await action();
    } catch (error) {
      this.say(error.message, true);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  async copyCurl() {
    const text = await api.curl(this.record.seq);
    try {
      await navigator.clipboard.writeText(text);
      this.say("Copied the curl command");
    } catch {
      const box = el("textarea", { readonly: true, rows: "4", "aria-label": "curl command" });
      box.value = text;
      this.formPlace.replaceChildren(el("div", { class: "form" }, box));
      box.select();
      this.say("The clipboard is not available: copy the command from the box");
    }
  }

  async downloadHar() {
    const url = URL.createObjectURL(await api.har(this.record.seq));
    const link = el("a", { href: url, download: `request-${this.record.seq}.har` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
    this.say(`Downloaded request-${this.record.seq}.har`);
  }

  openForm() {
    if (!this.record) return;
    this.form = replayForm(this.record, { say: this.say, cancel: () => this.closeForm() });
    this.formPlace.replaceChildren(this.form);
    this.form.querySelector("textarea[name=body]").focus();
  }

  // Closes the form, if it is open.
  closeForm() {
    if (!this.form) return false;
    this.form = null;
    this.formPlace.replaceChildren();
    this.element.querySelector(".primary")?.focus();
    return true;
  }

  async showComparison(first, second) {
    this.wanted = second;
    this.element.hidden = false;
    try {
      const [a, b] = await Promise.all([api.record(first), api.record(second)]);
      this.record = b;
      this.form = null;
      this.element.replaceChildren(
        el("header", {}, this.closeButton(), el("h2", { text: `Comparison of No. ${first} and No. ${second}` })),
        drawComparison(a, b),
      );
      this.element.scrollTop = 0;
      this.say(`Compared No. ${first} with No. ${second}`);
      this.element.focus();
    } catch (error) {
      this.fail(error);
    }
  }
}

function drawHeaders(record) {
  const headers = record.headers ?? [];
  const counts = new Map();
  for (const [name] of headers) counts.set(name.toLowerCase(), (counts.get(name.toLowerCase()) ?? 0) + 1);
  const rows = headers.map(([name, value, bytes]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: oneLine(name) }, counts.get(name.toLowerCase()) > 1 ? el("span", { class: "tag", text: "repeated" }) : null),
      el("td", {}, el("bdi", { text: oneLine(value) }), bytes ? el("span", { class: "tag", text: "not UTF-8" }) : null),
    ),
  );
  if (rows.length === 0) return el("p", { class: "faint", text: "There are no headers." });
  return el("table", { class: "pairs" }, el("caption", { text: `${rows.length} headers, in the order received` }), el("tbody", {}, ...rows));
}

function drawSignature(record, found) {
  const rows = [];
  const add = (name, ...content) => rows.push(el("div", {}, el("dt", { text: name }), el("dd", {}, ...content)));
  const status = record.verdict?.status ?? found.status;
  add("Verdict", el("span", { class: `verdict ${status}` }, ...verdict(status)));
  add("Why", ...prose((found.status === status ? found.message : record.verdict?.message) ?? ""));
  if (found.fix) add("Fix", ...drawFix(found.fix));
  if (found.difference) {
    add("Signed", el("code", { text: found.difference[0] }));
    add("Received", el("code", { text: found.difference[1] }));
  }
  if (found.cause) add("Cause", el("code", { text: found.cause }));
  if (found.works_as.length > 0) add("Verifies as", el("code", { text: found.works_as.join(", ") }));
  if (found.title) add("Provider", el("span", { text: found.title }));
  if (found.detected) add("Detected", el("span", { text: found.detected }));
  if (found.event_id) add("Event id", el("code", { text: found.event_id }));
  if (found.age_s !== null) add("Age when received", el("span", { text: `${found.age_s} s` }));
  if (record.response?.body) add("Response", el("code", { text: record.response.body }));
  return el("dl", { class: "facts" }, ...rows);
}

// A sentence, and a line for each framework if it names several.
function drawFix(fix) {
  const [, sentence, list] = /^([^;]*?[.]) (\w[^;]*: .*; .*)$/.exec(fix) ?? [];
  if (!list) return prose(fix);
  return [el("span", { text: sentence }), el("ul", {}, ...list.split("; ").map((step) => el("li", { text: step })))];
}
