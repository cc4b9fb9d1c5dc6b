// The attempts to deliver an event, on the timeline of its provider.

import { durationText, el, signs, statusOf, timeText } from "./text.mjs";

const WIDTH = 640;
const EDGE = 16;

export function drawAttempts(record, { attempts, schedule }, choose) {
  const first = Date.parse(attempts[0]?.at ?? record.at);
  const after = (attempt) => Math.max(0, (Date.parse(attempt.at) - first) / 1000);
  const planned = schedule ? [0, ...schedule.attempts_s] : [];
  const rows = attempts.map((attempt, index) => {
    const verdict = attempt.verdict?.status ?? "unchecked";
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
      el("td", { class: `verdict ${verdict}` }, el("span", { "aria-hidden": "true", class: "sign", text: signs[verdict] ?? "?" }), ` ${verdict}`),
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
    schedule ? drawSchedule(schedule, planned, attempts.map(after)) : null,
  );
}

function drawSchedule(schedule, planned, made) {
  const spread = schedule.jitter ? ` (±${Math.round(schedule.jitter * 100)} %)` : "";
  const times = planned.map((time) => (time === 0 ? "at once" : durationText(time)));
  const words = planned.length === 1 ? "makes one attempt" : `makes ${planned.length} attempts: ${times.join(", ")}${spread}`;
  return el(
    "figure",
    {},
    planned.length > 1 || made.length > 1 ? timeline(planned, made) : null,
    el(
      "figcaption",
      { text: `${schedule.title} ${words}` },
      schedule.source?.startsWith("https://") ? el("span", {}, " (", el("a", { href: schedule.source, rel: "noreferrer", target: "_blank", text: "source" }), ")") : null,
    ),
  );
}

// Waits grow by orders of magnitude: the axis is that of a logarithm. Planned attempts are rings below it, made ones
// dots above.
function timeline(planned, made) {
  const last = Math.max(1, ...planned, ...made);
  const x = (time) => EDGE + ((WIDTH - 2 * EDGE) * Math.log1p(time)) / Math.log1p(last);
  const label = `${made.length} of ${planned.length} planned attempts on a time axis`;
  const picture = el("svg", { viewBox: `0 0 ${WIDTH} 72`, role: "img", "aria-label": label, class: "timeline" });
  picture.append(el("line", { x1: EDGE, x2: WIDTH - EDGE, y1: 34, y2: 34, class: "axis" }));
  let free = -Infinity;
  for (const time of planned) {
    picture.append(el("circle", { cx: x(time), cy: 34, r: 5, class: "planned" }));
    const text = time === 0 ? "0" : durationText(time).split(" ").slice(0, 2).join(" ");
    const start = x(time) - text.length * 3.5;
    if (start < free) continue;
    free = x(time) + text.length * 3.5 + 6;
    picture.append(el("text", { x: x(time), y: 62, "text-anchor": "middle", text }));
  }
  for (const time of made) picture.append(el("circle", { cx: x(time), cy: 16, r: 5, class: "made" }));
  return picture;
}
