// The states of deliveries and webhooks, their counters, and the time until an attempt.

import { icon } from "./icons.mjs";
import { durationText, el, timeText } from "./text.mjs";

const icons = { delivered: "valid", failed: "invalid", skipped: "unsigned", pending: "replay", in_flight: "replay" };

// The state of a delivery or of a webhook: its shape says what its colour says.
export function stateOf(state) {
  const name = { enabled: "delivered", disabled: "failed" }[state] ?? state;
  return el("span", { class: `state ${name}` }, icon(icons[name]), el("span", { text: state.replace("_", " ") }));
}

// The time until an attempt, which `tick` counts down.
export function dueIn(at) {
  const span = el("span", { class: "due", "data-due": at, title: at });
  tick(span);
  return span;
}

export function tick(span) {
  const seconds = Math.ceil((Date.parse(span.dataset.due) - Date.now()) / 1000);
  const text = seconds > 0 ? `in ${durationText(seconds)}` : "now";
  if (span.textContent !== text) span.textContent = text;
}

// The counters as the provider's API names them; those of whk for a provider that shows none.
export function countersOf(webhook) {
  const own = Object.entries(webhook.counters);
  return own.length > 0 ? own : [["succeeded", webhook.successes], ["failed", webhook.failures]];
}

export const counterText = (value) => (typeof value === "string" ? timeText(value) : String(value ?? "never"));
