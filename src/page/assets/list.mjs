// The table of requests. Only the rows in sight, and the active one, are in the document.

import { verdict } from "./icons.mjs";
import { el, oneLine, statusOf, timeText, typeOf } from "./text.mjs";

// Rows beyond the visible ones, so that scrolling shows no gaps.
const MARGIN = 12;

const columns = ["No.", "Time", "Verdict", "Event", "Request", "Status"];

export class RequestList {
  // `load` is called when older requests are needed, `choose` when one is opened.
  constructor(name, { load, choose }) {
    this.items = []; // The oldest first; the table shows the newest first.
    this.rows = new Map();
    this.active = null;
    this.open = null;
    this.load = load;
    this.body = el("div", { role: "rowgroup", class: "rows" });
    const head = columns.map((column) => el("span", { role: "columnheader", text: column }));
    this.table = el(
      "div",
      { role: "table", "aria-label": name, class: "table" },
      el("div", { role: "rowgroup", class: "head" }, el("div", { role: "row", class: "row" }, ...head)),
      this.body,
    );
    this.scroller = el("div", { class: "scroller" }, this.table);
    this.element = this.scroller;
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.relayout()).observe(this.scroller);
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) choose(Number(row.dataset.seq), event);
    });
    this.body.addEventListener("focusin", (event) => {
      const row = event.target.closest(".row");
      if (row) this.activate(Number(row.dataset.seq), false);
    });
  }

  get height() {
    return this.rowHeight ||= parseFloat(getComputedStyle(this.body).getPropertyValue("--row-height")) * rem();
  }

  // Rows have another height in a narrow list. What is in sight stays there.
  relayout() {
    const before = this.height;
    this.rowHeight = 0;
    this.resize();
    if (this.height !== before) this.scroller.scrollTop *= this.height / before;
    this.draw();
  }

  reset(items = []) {
    this.items = items;
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    if (!this.find(this.active)) this.active = null;
    this.scroller.scrollTop = 0;
    this.draw();
  }

  // Adds new requests. What is being read keeps its place.
  add(items) {
    const last = this.items.at(-1)?.seq ?? 0;
    const fresh = items.filter((item) => item.seq > last);
    if (fresh.length === 0) return 0;
    const keeps = this.scroller.scrollTop > 0 || this.body.contains(document.activeElement);
    this.items.push(...fresh);
    this.resize();
    if (keeps) this.scroller.scrollTop += fresh.length * this.height;
    this.schedule();
    return fresh.length;
  }

  addOlder(items) {
    this.items = [...items, ...this.items];
    this.draw();
  }

  // Draws once in a frame, however many requests arrive in it.
  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  indexOf(seq) {
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return this.items[low]?.seq === seq ? this.items.length - 1 - low : -1;
  }

  at(index) {
    return this.items[this.items.length - 1 - index];
  }

  find(seq) {
    const index = seq === null ? -1 : this.indexOf(seq);
    return index < 0 ? null : this.at(index);
  }

  resize() {
    this.body.style.height = `${this.items.length * this.height}px`;
    this.table.setAttribute("aria-rowcount", this.items.length + 1);
  }

  draw() {
    this.resize();
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - MARGIN);
    const end = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / this.height) + MARGIN);
    const wanted = new Map();
    for (let index = first; index < end; index += 1) wanted.set(this.at(index).seq, index);
    const active = this.active === null ? -1 : this.indexOf(this.active);
    if (active >= 0) wanted.set(this.active, active);
    for (const [seq, row] of this.rows) {
      if (wanted.has(seq)) continue;
      row.remove();
      this.rows.delete(seq);
    }
    const tabStop = active >= 0 ? this.active : this.at(0)?.seq;
    for (const [seq, index] of wanted) {
      let row = this.rows.get(seq);
      if (!row) {
        row = drawRow(this.at(index));
        this.rows.set(seq, row);
        this.insert(row, seq);
      }
      row.style.transform = `translateY(${index * this.height}px)`;
      row.setAttribute("aria-rowindex", index + 2);
      row.tabIndex = seq === tabStop ? 0 : -1;
      if (seq === this.open) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
    if (end >= this.items.length - MARGIN && this.items.length > 0) this.load();
  }

  // The order in the document is that of the table, for screen readers.
  insert(row, seq) {
    const next = [...this.body.children].find((other) => Number(other.dataset.seq) < seq);
    this.body.insertBefore(row, next ?? null);
  }

  // Makes a request the active one: the one that keys act on.
  activate(seq, focus = true) {
    this.active = seq;
    if (focus) this.reveal(seq);
    this.draw();
    if (focus) this.rows.get(seq)?.focus({ preventScroll: true });
  }

  reveal(seq) {
    const index = this.indexOf(seq);
    if (index < 0) return;
    const { clientHeight } = this.scroller;
    const head = this.table.firstElementChild.offsetHeight;
    const top = index * this.height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    const bottom = top + this.height + head;
    if (bottom > this.scroller.scrollTop + clientHeight) this.scroller.scrollTop = bottom - clientHeight;
  }

  // Moves the active request down or up; returns it.
  move(by) {
    if (this.items.length === 0) return null;
    const index = this.active === null ? -1 : this.indexOf(this.active);
    const next = index < 0 ? 0 : Math.min(this.items.length - 1, Math.max(0, index + by));
    const { seq } = this.at(next);
    this.activate(seq);
    return seq;
  }

  // Marks the request that is shown.
  show(seq) {
    this.open = seq;
    if (seq !== null && this.find(seq)) this.active = seq;
    this.draw();
  }
}

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

function drawRow(record) {
  const status = record.verdict?.status ?? "unchecked";
  const failed = !(record.response?.status >= 200 && record.response?.status < 300);
  const request = `${record.method ?? ""} ${oneLine(record.target ?? "")}`;
  const type = oneLine(typeOf(record));
  const note = record.duplicate ? "duplicate" : "";
  const time = el("time", { datetime: record.at, title: record.at, text: timeText(record.at) });
  // A browser does not name a row by its cells.
  const name = [type, status, statusOf(record), note, request, timeText(record.at)].filter(Boolean).join(" ");
  return el(
    "div",
    { role: "row", class: "row", "data-seq": record.seq, "aria-label": name },
    el("span", { role: "cell", class: "number", text: record.seq }),
    el("span", { role: "cell", class: "time" }, time),
    el("span", { role: "cell", class: `verdict ${status}` }, ...verdict(status)),
    el(
      "span",
      { role: "cell", class: "event", title: type },
      el("bdi", { text: type }),
      record.verdict?.provider ? el("span", { class: "faint", text: record.verdict.provider }) : null,
      note ? el("span", { class: "tag", text: note }) : null,
    ),
    el("span", { role: "cell", class: "request", title: request }, el("bdi", { text: request })),
    el("span", { role: "cell", class: failed ? "status bad" : "status", text: statusOf(record) }),
  );
}
