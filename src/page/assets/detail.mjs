// The chosen webhook or delivery of `whk serve`.

import * as api from "./api.mjs";
import { icon } from "./icons.mjs";
import { counterText, countersOf, dueIn, stateOf } from "./state.mjs";
import { durationText, el, oneLine, timeText } from "./text.mjs";

// The deliveries of a webhook that are shown with it.
const RECENT = 20;

export class Detail {
  constructor({ act, chooseRequest, openDelivery, close }) {
    Object.assign(this, { act, chooseRequest, openDelivery, close });
    this.shown = null;
    this.element = el("section", { class: "region", tabindex: "-1", "aria-label": "Delivery", hidden: true });
  }

  show(kind, key) {
    this.shown = { kind, key };
    this.element.setAttribute("aria-label", kind === "webhook" ? "Webhook" : "Delivery");
    this.element.hidden = false;
    this.element.replaceChildren();
    this.element.scrollTop = 0;
    this.reload().then(() => this.element.focus({ preventScroll: true }));
  }

  hide() {
    this.shown = null;
    this.element.hidden = true;
    this.element.replaceChildren();
  }

  // What is shown has changed: read again, at most a few times a second.
  changed(kind, key) {
    if (this.shown?.kind !== kind || this.shown.key !== key) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      if (this.shown) this.reload();
    }, 200);
  }

  async reload() {
    const { shown } = this;
    const put = (...parts) => {
      if (this.shown === shown) this.replace(parts);
    };
    try {
      if (shown.kind === "delivery") put(...this.delivery(await api.delivery(shown.key)));
      else {
        const [webhook, recent] = await Promise.all([api.webhook(shown.key), api.deliveries({ webhook: shown.key, limit: RECENT })]);
        put(...this.webhook(webhook, recent.deliveries));
      }
    } catch (error) {
      put(el("header", {}, this.closeButton()), el("p", { role: "alert", class: "panel problem", text: error.message }));
    }
  }

  // A button that has the focus, and an event that was chosen, stay.
  replace(parts) {
    const focused = this.element.contains(document.activeElement) ? document.activeElement.dataset?.act : null;
    const chosen = this.element.querySelector("select")?.value;
    this.element.replaceChildren(...parts);
    const select = this.element.querySelector("select");
    if (select && chosen) select.value = chosen;
    if (focused) (this.element.querySelector(`[data-act="${focused}"]`) ?? this.element).focus();
  }

  closeButton() {
    return el("button", { type: "button", class: "close", "data-act": "close", "aria-label": "Close", title: "Close (Esc)", onclick: this.close }, icon("close"));
  }

  delivery(delivery) {
    const limit = delivery.max_attempts ?? "?";
    const next = delivery.next_attempt_at
      ? el("span", {}, "next attempt ", dueIn(delivery.next_attempt_at), waitText(delivery))
      : null;
    const rows = delivery.history.map((attempt) => attemptRow(attempt, this.chooseRequest));
    const head = ["Request", "Time", "Status", "Duration", "Response"].map((name) => el("th", { scope: "col", class: name.toLowerCase(), text: name }));
    return [
      el(
        "header",
        {},
        this.closeButton(),
        el("h2", {}, el("bdi", { text: oneLine(delivery.event_type) })),
        el(
          "p",
          { class: "summary" },
          stateOf(delivery.state),
          el("span", { text: `${delivery.attempts} of ${limit} attempts` }),
          next,
          el("bdi", { text: oneLine(delivery.url ?? "the webhook was deleted") }),
          el("time", { datetime: delivery.created_at, title: delivery.created_at, text: timeText(delivery.created_at) }),
          el("span", { text: `No. ${delivery.seq}` }),
        ),
        el(
          "div",
          { class: "actions" },
          el("button", { type: "button", class: "primary", "data-act": "resend", onclick: () => this.act("resend", delivery) }, icon("replay"), "Resend"),
        ),
      ),
      el(
        "div",
        { class: "panel" },
        el(
          "table",
          { class: "list history" },
          el("caption", { text: `Event ${oneLine(delivery.event_id)} of ${delivery.provider}` }),
          el("thead", {}, el("tr", {}, ...head)),
          el("tbody", {}, ...rows),
        ),
        el("h3", { text: "Body" }),
        el("pre", { class: "text", tabindex: "0", "aria-label": "Body", text: delivery.body ?? `(${delivery.body_b64.length * 0.75} bytes that are not text)` }),
      ),
    ];
  }

  webhook(webhook, recent) {
    const choice = el("select", { "aria-label": "Event type" }, ...webhook.events.map((event) => el("option", { text: oneLine(event), value: event })));
    const actions = webhook.enabled
      ? [el("button", { type: "button", class: "primary", "data-act": "test", text: "Send test event", onclick: () => this.act("test", webhook, { type: choice.value }) }), choice]
      : [el("button", { type: "button", class: "primary", "data-act": "enable", text: "Enable", onclick: () => this.act("enable", webhook) })];
    const facts = [];
    const add = (name, ...content) => facts.push(el("div", {}, el("dt", { text: name }), el("dd", {}, ...content)));
    add("Id", el("code", { text: webhook.id }));
    if (webhook.account) add("Account", el("code", { text: webhook.account }));
    add("Events", el("span", { text: oneLine(webhook.events.join(", ")) }));
    for (const [name, value] of countersOf(webhook)) add(name, el("span", { text: counterText(value), title: value ?? "never" }));
    add("Waiting", el("span", { text: `${webhook.waiting} ${webhook.waiting === 1 ? "delivery" : "deliveries"}` }));
    if (webhook.next_attempt_at) add("Next attempt", dueIn(webhook.next_attempt_at));
    add("Created", el("time", { datetime: webhook.created_at, text: webhook.created_at }));
    const rows = recent.map((delivery) => recentRow(delivery, this.openDelivery));
    const head = ["Delivery", "Event", "State", "Status"].map((name) => el("th", { scope: "col", text: name }));
    return [
      el(
        "header",
        {},
        this.closeButton(),
        el("h2", {}, el("bdi", { text: oneLine(webhook.url) })),
        el("p", { class: "summary" }, stateOf(webhook.enabled ? "enabled" : "disabled"), el("span", { text: webhook.provider })),
        webhook.disabled_notice ? el("p", { class: "notice", text: webhook.disabled_notice }) : null,
        el("div", { class: "actions" }, ...actions),
      ),
      el(
        "div",
        { class: "panel" },
        el("dl", { class: "facts" }, ...facts),
        rows.length === 0
          ? null
          : el("table", { class: "list recent" }, el("caption", { text: "Its last deliveries" }), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
      ),
    ];
  }
}

// The provider's own wait, if it passes at another speed.
function waitText(delivery) {
  if (api.speed === 1 || !delivery.wait_s) return null;
  return el("span", { class: "faint", text: ` (${durationText(delivery.wait_s)} at the provider)` });
}

const link = (text, href, go) =>
  el("a", { href, text, onclick: (event) => {
    event.preventDefault();
    go();
  } });

function attemptRow(attempt, choose) {
  const answer = attempt.error ?? attempt.response ?? (attempt.response_b64 ? "(not text)" : "");
  return el(
    "tr",
    {},
    el("td", {}, link(`No. ${attempt.seq}`, `#${attempt.seq}`, () => choose(attempt.seq))),
    el("td", {}, el("time", { datetime: attempt.at, title: attempt.at, text: timeText(attempt.at) })),
    el("td", { class: attempt.delivered ? "good" : "bad", text: attempt.status ?? "–" }),
    el("td", { class: "duration", text: durationText(attempt.duration_ms / 1000) }),
    el("td", { class: "answer" }, el("bdi", { text: oneLine(answer.slice(0, 500)) })),
  );
}

function recentRow(delivery, open) {
  return el(
    "tr",
    {},
    el("td", {}, link(`No. ${delivery.seq}`, `#delivery-${delivery.seq}`, () => open(delivery.seq))),
    el("td", { text: oneLine(delivery.event_type) }),
    el("td", {}, stateOf(delivery.state)),
    el("td", { text: delivery.status ?? "–" }),
  );
}
