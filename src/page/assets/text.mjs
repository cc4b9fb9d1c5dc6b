// Elements and text. Everything from outside becomes a text node: no markup is ever made of it.

const SVG = "http://www.w3.org/2000/svg";
const svgNames = new Set(["svg", "line", "circle", "path", "text", "g"]);

// Makes an element. `on…` are listeners, `text` is its text, all else are attributes; false and null are left out.
export function el(name, attributes = {}, ...children) {
  const element = svgNames.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "text") element.textContent = clean(String(value));
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Characters that move, hide or reorder text, as whk shows them on a terminal. Tabs and newlines stay.
const harmful =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

export function clean(text) {
  return text.replace(harmful, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

// A message in which code stands between backticks.
export const prose = (text) => String(text).split("`").map((part, index) => el(index % 2 ? "code" : "span", { text: part }));

// The same on one line.
export const oneLine = (text) => clean(text).replace(/[\t\n]/g, " ");

export function bytesOf(record) {
  if (typeof record.body === "string") return new TextEncoder().encode(record.body);
  const binary = atob(record.body_b64 ?? "");
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

export function sizeText(bytes) {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  const [unit, size] = bytes < 1 << 20 ? ["KiB", 1024] : ["MiB", 1 << 20];
  return `${(bytes / size).toFixed(1)} ${unit}`;
}

export function timeText(at) {
  const time = at ? new Date(at) : null;
  return time && !Number.isNaN(time.getTime()) ? time.toLocaleTimeString("en-GB") : "";
}

export function durationText(seconds) {
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(2))} ms`;
  const units = [[86400, "d"], [3600, "h"], [60, "min"]];
  for (const [index, [size, unit]] of units.entries()) {
    if (seconds < size) continue;
    const rest = Math.round((seconds % size) / (units[index + 1]?.[0] ?? 1));
    const smaller = units[index + 1]?.[1] ?? "s";
    return `${Math.floor(seconds / size)} ${unit}${rest ? ` ${rest} ${smaller}` : ""}`;
  }
  return seconds < 10 ? `${Number(seconds.toFixed(1))} s` : `${Math.round(seconds)} s`;
}

export const typeOf = (record) => record.verdict?.event_type ?? "(no type)";

export const statusOf = (record) => String(record.response?.status ?? "–");
