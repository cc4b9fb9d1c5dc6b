// Opens a page in headless Chromium at several widths and in both colour schemes, and prints what it shows as one line
// of JSON. `browser.mjs` must have unpacked the browser before.
//
//     node page.mjs FILE.html FOLDER     screenshots go into FOLDER
import { pathToFileURL } from "node:url";
import { open } from "./browser.mjs";

const [file, folder] = process.argv.slice(2);
const browser = await open();

// Relative luminance and contrast, as WCAG 2.2 defines them.
function contrasts() {
  const channels = (color) => color.match(/[\d.]+/g).slice(0, 3).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color)
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (!/, 0\)$|transparent/.test(backgroundColor)) return backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  return [...document.body.querySelectorAll("*")].filter(hasText).map((element) => {
    const [light, dark] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
    return { text: element.textContent.slice(0, 40), contrast: (light + 0.05) / (dark + 0.05) };
  });
}

// Elements whose text reaches beyond the window, or beyond the element itself.
function outside() {
  const width = document.documentElement.clientWidth;
  return [...document.body.querySelectorAll("*")]
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      return right > left && (left < -0.5 || right > width + 0.5);
    })
    .map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
}

function shown() {
  const text = (element) => element.innerText.replace(/\s+/g, " ").trim();
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  return {
    title: document.title,
    facts: all("dl > div").map(text),
    notes: all(".note").map(text),
    rows: all("tbody tr").map((row) => ({
      event: text(row.querySelector("th")),
      outcome: text(row.querySelector(".outcome")),
      signs: all(".mark", row).map((mark) => `${text(mark)}${getComputedStyle(mark).borderTopLeftRadius}`),
      attempts: all("li", row).map(text),
      apart: all(".mark", row)
        .map((mark) => mark.getBoundingClientRect())
        .every((mark, at, marks) => at === 0 || mark.left >= marks[at - 1].left + 4),
    })),
  };
}

const page = await browser.newPage();
const problems = [];
const requests = [];
page.on("console", (message) => problems.push(message.text()));
page.on("pageerror", (error) => problems.push(String(error)));
page.on("request", (request) => requests.push(request.url()));

const views = [];
let content;
for (const width of [1280, 400]) {
  for (const scheme of ["light", "dark"]) {
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(pathToFileURL(file).href);
    content ??= await page.evaluate(shown);
    const least = (await page.evaluate(contrasts)).sort((a, b) => a.contrast - b.contrast)[0];
    views.push({ width, scheme, outside: await page.evaluate(outside), least });
    await page.screenshot({ path: `${folder}/${width}-${scheme}.png`, fullPage: true });
  }
}
await browser.close();
const own = pathToFileURL(file).href;
console.log(JSON.stringify({ content, views, problems, others: requests.filter((url) => url !== own) }));
