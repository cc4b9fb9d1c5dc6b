// The attempts to deliver an event, on the timeline of its provider.

import { speed } from "./api.mjs";
import { verdict } from "./icons.mjs";
import { durationText, el, statusOf, timeText } from "./text.mjs";

const EDGE = 16;

// `width` is that of the place for it: a picture that is scaled down has letters that nobody can read.
export function drawAttempts(record, { attempts, schedule }, choose, width) {
  const first = Date.parse(attempts[0]?.at ?? record.at);
  // In the time of the provider.
  const after = (attempt) => Math.max(0, (Date.parse(attempt.at) - first) / 1000) * speed;
  const planned = schedule ? [0, ...schedule.attempts_s] : [];
  const rows = attempts.map((attempt, index) => {
    const status = attempt.verdict?.status ?? "unchecked";
    const here = attempt.seq === record.seq;
    const number = here ? el("strong", { text: `No. ${attempt.seq}` }) : el("a", { href: `#${attempt.seq}`, text: `No. ${attempt.seq}`, onclick: (event) => {
      event.preventDefault();
      choose(attempt.seq);
    } });
    return el(
      "tr",
      {},
      el("td", {}, number),
      el("td", {}, el("time", { datetime: attempt.at, title: attempt.at, text: timeText(attempt.at) })),
      el("td", { text: index === 0 ? "first" : `+${durationText(after(attempt))}` }),
      el("td", { class: `verdict ${status}` }, ...verdict(status)),
      el("td", { text: statusOf(attempt) }),
    );
  });
  const head = ["Request", "Time", "After", "Verdict", "Status"].map((name) => el("th", { scope: "col", text: name }));
  const id = record.verdict?.event_id;
  const note = id ? `Requests with the id ${id}` : "This request has no event id, so its other attempts are not known.";
  return el(
    "div",
    { class: "attempts" },
    el("table", { class: "list" }, el("caption", { text: note }), el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...rows)),
    schedule ? drawSchedule(schedule, planned, attempts.map(after), Math.min(768, Math.max(240, width))) : null,
  );
}

function drawSchedule(schedule, planned, made, width) {
  const spread = schedule.jitter ? ` (±${Math.round(schedule.jitter * 100)} %)` : "";
  const times = planned.map((time) => (time === 0 ? "at once" : durationText(time)));
  const words = planned.length === 1 ? "makes one attempt" : `makes ${planned.length} attempts: ${times.join(", ")}${spread}`;
  return el(
    "figure",
    {},
    planned.length > 1 || made.length > 1 ? timeline(planned, made, width) : null,
    el(
      "figcaption",
      { text: `${schedule.title} ${words}` },
      schedule.source?.startsWith("https://") ? el("span", {}, " (", el("a", { href: schedule.source, rel: "noreferrer", target: "_blank", text: "source" }), ")") : null,
    ),
  );
}

// Waits grow by orders of magnitude: the axis is that of a logarithm. Planned attempts are rings below it, made ones
// dots above.
function timeline(planned, made, width) {
  const last = Math.max(1, ...planned, ...made);
  const x = (time) => EDGE + ((width - 2 * EDGE) * Math.log1p(time)) / Math.log1p(last);
  const label = `${made.length} of ${planned.length} planned attempts on a time axis`;
  const picture = el("svg", { viewBox: `0 0 ${width} 72`, role: "img", "aria-label": label, class: "timeline" });
  picture.append(el("line", { x1: EDGE, x2: width - EDGE, y1: 34, y2: 34, class: "axis" }));
  const text = (time) => (time === 0 ? "0" : durationText(time).split(" ").slice(0, 2).join(" "));
  const half = (time) => text(time).length * 3.5;
  // The last one has its text in any case, the others where there is room.
  const end = planned.at(-1) ?? 0;
  const limit = x(end) - half(end) - 6;
  let free = -Infinity;
  for (const time of planned) {
    picture.append(el("circle", { cx: x(time), cy: 34, r: 5, class: "planned" }));
    if (time !== end && (x(time) - half(time) < free || x(time) + half(time) > limit)) continue;
    free = x(time) + half(time) + 6;
    picture.append(el("text", { x: Math.min(x(time), width - half(time)), y: 62, "text-anchor": "middle", text: text(time) }));
  }
  for (const time of made) picture.append(el("circle", { cx: x(time), cy: 16, r: 5, class: "made" }));
  return picture;
}
