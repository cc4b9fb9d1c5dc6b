// The webhooks and the deliveries of `whk serve`, above its requests.

import * as api from "./api.mjs";
import { Detail } from "./detail.mjs";
import { counterText, countersOf, dueIn, stateOf, tick } from "./state.mjs";
import { el, oneLine, timeText } from "./text.mjs";

// Deliveries that are loaded at once, and the most that are kept.
const PART = 100;
const MOST = 500;

// A table of rows by number, the newest first. `draw` makes the cells of a row, `nameOf` its name.
class Table {
  constructor(name, columns, { draw, nameOf, open, none }) {
    Object.assign(this, { draw, nameOf, none });
    this.items = new Map();
    this.rows = new Map();
    this.body = el("div", { role: "rowgroup" });
    const head = columns.map((column) => el("span", { role: "columnheader", text: column }));
    this.table = el(
      "div",
      { role: "table", "aria-label": name, class: `lines ${name.toLowerCase()}` },
      el("div", { role: "rowgroup", class: "head" }, el("div", { role: "row", class: "line" }, ...head)),
      this.body,
    );
    this.empty = el("p", { class: "none", text: none });
    this.scroller = el("div", { class: "scroller" }, this.table, this.empty);
    this.element = el("section", { class: "part", "aria-label": `List of ${name.toLowerCase()}` }, el("h2", { text: name }), el("div", { class: "holder" }, this.scroller));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest(".line");
      if (row && !event.target.closest("[data-act]")) open(this.items.get(Number(row.dataset.seq)));
    });
    this.body.addEventListener("keydown", (event) => this.move(event));
    this.body.addEventListener("focusin", (event) => this.setTabStop(event.target.closest(".line")));
  }

  reset(items) {
    this.items = new Map(items.map((item) => [item.seq, item]));
    this.body.replaceChildren();
    this.rows.clear();
    for (const item of items) this.put(item);
    this.update();
  }

  // Adds a row, or replaces it. What has the focus keeps it.
  put(item) {
    this.items.set(item.seq, item);
    const row = el("div", { role: "row", class: "line", "data-seq": item.seq, "aria-label": this.nameOf(item) }, ...this.draw(item).map((cell) => {
      cell.setAttribute("role", "cell");
      return cell;
    }));
    const old = this.rows.get(item.seq);
    this.rows.set(item.seq, row);
    if (old) {
      const focused = old.contains(document.activeElement) ? document.activeElement.className : null;
      row.querySelector(".opens").tabIndex = old.querySelector(".opens").tabIndex;
      old.replaceWith(row);
      if (focused !== null) ([...row.querySelectorAll("button")].find((button) => button.className === focused) ?? row.querySelector(".opens")).focus();
    } else {
      row.querySelector(".opens").tabIndex = -1;
      const next = [...this.body.children].find((other) => Number(other.dataset.seq) < item.seq);
      this.body.insertBefore(row, next ?? null);
    }
    if (item.seq === this.marked) row.setAttribute("aria-current", "true");
  }

  remove(seq) {
    this.items.delete(seq);
    this.rows.get(seq)?.remove();
    this.rows.delete(seq);
  }

  update() {
    while (this.items.size > MOST) this.remove(Number(this.body.lastElementChild.dataset.seq));
    this.empty.hidden = this.items.size > 0;
    if (!this.body.querySelector(".opens[tabindex='0']")) this.setTabStop(this.body.firstElementChild);
  }

  setTabStop(row) {
    if (!row) return;
    for (const button of this.body.querySelectorAll(".opens")) button.tabIndex = -1;
    row.querySelector(".opens").tabIndex = 0;
  }

  move(event) {
    const row = event.target.closest(".line");
    const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
    if (!["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    next?.querySelector(".opens").focus();
  }

  // Marks the row that is shown.
  mark(seq) {
    this.marked = seq;
    for (const [other, row] of this.rows) {
      if (other === seq) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  focus(seq) {
    this.rows.get(seq)?.querySelector(".opens").focus();
  }
}

const opens = (text, title = text) => el("button", { type: "button", class: "opens", title }, el("bdi", { text }));

function webhookCells(webhook, act) {
  const counters = countersOf(webhook).map(([name, value]) =>
    el("span", { class: "counter" }, `${name} `, el("b", { text: counterText(value), title: value ?? "never" })),
  );
  const waiting = webhook.next_attempt_at
    ? [dueIn(webhook.next_attempt_at), el("span", { class: "faint", text: webhook.waiting > 1 ? ` and ${webhook.waiting - 1} more` : "" })]
    : [el("span", { class: "faint", text: "none" })];
  return [
    el(
      "div",
      { class: "url" },
      opens(oneLine(webhook.url)),
      el("span", { class: "faint", text: ` ${webhook.provider}` }),
      webhook.disabled_notice ? el("p", { class: "notice", text: webhook.disabled_notice }) : null,
    ),
    el("div", { class: "what" }, stateOf(webhook.enabled ? "enabled" : "disabled")),
    el("div", { class: "counters" }, ...counters),
    el("div", { class: "next" }, ...waiting),
    el(
      "div",
      { class: "acts" },
      webhook.enabled
        ? el("button", { type: "button", class: "test", "data-act": "test", text: "Send test event", onclick: () => act("test", webhook) })
        : el("button", { type: "button", class: "enable primary", "data-act": "enable", text: "Enable", onclick: () => act("enable", webhook) }),
    ),
  ];
}

function deliveryCells(delivery, act) {
  const ended = ["failed", "skipped"].includes(delivery.state) && delivery.webhook_id;
  return [
    el("div", { class: "event" }, opens(oneLine(delivery.event_type)), el("span", { class: "faint", text: ` ${delivery.provider}` })),
    el("div", { class: "what" }, stateOf(delivery.state)),
    el("div", { class: "url faint", title: delivery.url ?? "" }, el("bdi", { text: oneLine(delivery.url ?? "deleted webhook") })),
    el("div", { class: "tries", text: `${delivery.attempts} of ${delivery.max_attempts ?? "?"}` }),
    el("div", { class: delivery.state === "delivered" ? "status" : "status bad", text: delivery.status ?? (delivery.error ? "–" : "") }),
    el(
      "div",
      { class: "next" },
      delivery.next_attempt_at ? dueIn(delivery.next_attempt_at) : null,
      ended ? el("button", { type: "button", class: "resend", "data-act": "resend", tabindex: "-1", text: "Resend", onclick: () => act("resend", delivery) }) : null,
      delivery.next_attempt_at || ended ? null : el("time", { class: "faint", datetime: delivery.updated_at, title: delivery.updated_at, text: timeText(delivery.updated_at) }),
    ),
  ];
}

export class Provider {
  // `say` announces; `opened` is called when a webhook or a delivery is shown, `closed` when it is closed,
  // `chooseRequest` opens a request.
  constructor({ say, opened, closed, chooseRequest }) {
    Object.assign(this, { say, opened, closed });
    const act = (name, item, body) => this.act(name, item, body);
    this.webhooks = new Table("Webhooks", ["Webhook", "State", "Counters", "Next attempt", "Actions"], {
      draw: (webhook) => webhookCells(webhook, act),
      nameOf: (webhook) => oneLine(`${webhook.url} ${webhook.provider} ${webhook.enabled ? "enabled" : "disabled"}`),
      open: (webhook) => this.open("webhook", webhook.id),
      none: `No webhook is registered yet. Register one at ${api.target} with the API key that whk serve printed.`,
    });
    this.deliveries = new Table("Deliveries", ["Event", "State", "Webhook", "Attempts", "Status", "Next attempt"], {
      draw: (delivery) => deliveryCells(delivery, act),
      nameOf: (delivery) => oneLine(`${delivery.event_type} ${delivery.state.replace("_", " ")} ${delivery.status ? `status ${delivery.status}` : ""} No. ${delivery.seq}`),
      open: (delivery) => this.open("delivery", delivery.seq),
      none: "No delivery yet. Send an event: whk emit --type TYPE, or a test event to a webhook.",
    });
    this.more = el("button", { type: "button", class: "older", text: "Older deliveries", hidden: true, onclick: () => this.loadOlder() });
    this.deliveries.scroller.append(this.more);
    this.detail = new Detail({ act, chooseRequest, openDelivery: (seq) => this.open("delivery", seq), close: () => this.close() });
    setInterval(() => {
      if (!document.hidden) for (const span of document.querySelectorAll(".due")) tick(span);
    }, 500);
    // A page out of sight needs no connection, and browsers have few of them.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop?.() : this.follow()));
  }

  get isOpen() {
    return this.detail.shown !== null;
  }

  async load() {
    try {
      const [webhooks, deliveries] = await Promise.all([api.webhooks(), api.deliveries({ limit: PART })]);
      // What changes while the lists are read comes again.
      this.change = Math.min(webhooks.change, deliveries.change);
      this.webhooks.reset(webhooks.webhooks);
      this.deliveries.reset(deliveries.deliveries);
      this.more.hidden = deliveries.next === null;
      this.follow();
    } catch (error) {
      this.say(error.message);
    }
    if (this.isOpen) this.detail.reload();
  }

  follow() {
    this.stop?.();
    if (this.change === undefined) return;
    this.stop = api.changes(this.change, {
      delivery: (delivery) => {
        const oldest = Math.min(...this.deliveries.items.keys());
        // Those that are not loaded yet stay so.
        if (this.deliveries.items.size < PART || delivery.seq >= oldest) this.deliveries.put(delivery);
        this.deliveries.update();
        if (this.deliveries.items.size === MOST) this.more.hidden = true;
        this.detail.changed("delivery", delivery.seq);
      },
      webhook: (webhook) => {
        if (webhook.deleted) this.webhooks.remove(webhook.seq);
        else this.webhooks.put(webhook);
        this.webhooks.update();
        this.detail.changed("webhook", webhook.id);
      },
      reset: () => this.load(),
      change: (change) => (this.change = change),
    });
  }

  async loadOlder() {
    try {
      const part = await api.deliveries({ limit: PART, before: Math.min(...this.deliveries.items.keys()) });
      for (const delivery of part.deliveries) this.deliveries.put(delivery);
      this.deliveries.update();
      this.more.hidden = part.next === null || this.deliveries.items.size === MOST;
    } catch (error) {
      this.say(error.message);
    }
  }

  async act(name, item, body) {
    try {
      if (name === "enable") {
        await api.act(`webhooks/${item.id}/enable`);
        this.say(`Enabled ${item.url}`);
      } else {
        const delivery = await api.act(name === "test" ? `webhooks/${item.id}/test` : `deliveries/${item.seq}/resend`, body);
        this.say(`${name === "test" ? "Test event" : "Resent"}: ${delivery.event_type}, delivery No. ${delivery.seq}`);
      }
    } catch (error) {
      this.say(error.message);
    }
  }

  open(kind, key) {
    this.detail.show(kind, key);
    this.mark();
    this.opened();
  }

  mark() {
    const { kind, key } = this.detail.shown ?? {};
    this.deliveries.mark(kind === "delivery" ? key : null);
    const webhook = kind === "webhook" ? [...this.webhooks.items.values()].find(({ id }) => id === key) : null;
    this.webhooks.mark(webhook?.seq ?? null);
  }

  // Closes what is shown, without a word.
  hide() {
    this.detail.hide();
    this.mark();
  }

  // Closes what is shown, and returns to its row; returns whether something was shown.
  close() {
    if (!this.isOpen) return false;
    const [delivery, webhook] = [this.deliveries.marked, this.webhooks.marked];
    this.hide();
    this.closed();
    if (delivery !== null) this.deliveries.focus(delivery);
    else this.webhooks.focus(webhook);
    return true;
  }

  // The part of the fragment that keeps what is shown.
  get fragment() {
    const { kind, key } = this.detail.shown ?? {};
    return kind ? `${kind}-${key}` : null;
  }

  restore(fragment) {
    const [, kind, key] = /^(webhook|delivery)-([\w-]{1,64})$/.exec(fragment) ?? [];
    if (!kind || fragment === this.fragment) return;
    this.open(kind, kind === "delivery" ? Number(key) : key);
  }
}
