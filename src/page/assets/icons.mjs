// Icons: strokes on a field of 16 by 16, in the colour of the text beside them.

import { el } from "./text.mjs";

const paths = {
  valid: "M3 8.5l3.5 3.5L13 4.5",
  invalid: "M4 4l8 8M12 4l-8 8",
  unsigned: "M8 2.2a5.8 5.8 0 1 0 0 11.6A5.8 5.8 0 1 0 8 2.2M5.2 8h5.6",
  unchecked: "M5.3 5.6a2.7 2.7 0 1 1 3.9 2.6C8.3 8.7 8 9.2 8 10M8 13v.1",
  close: "M4 4l8 8M12 4l-8 8",
  replay: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  copy: "M6 5.5h7.5v8H6zM3.5 10.5h-1v-8H10v1",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
  compare: "M2.5 3h4v10h-4zM9.5 3h4v10h-4z",
};

export const icon = (name) =>
  el("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true", focusable: "false" }, el("path", { d: paths[name] ?? paths.unchecked }));

// A verdict: its shape says what its colour says.
export const verdict = (name) => [icon(name), el("span", { class: "word", text: name })];
