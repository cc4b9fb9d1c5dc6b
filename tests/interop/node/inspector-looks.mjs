// Every state of the page, at several widths and in both themes: nothing is cut off, and axe finds no violation.
import { readFileSync } from "node:fs";
import { listen, send, signature } from "./inspector-listener.mjs";
import { equal, find, openPage, openRow, openTab, press, waitForRequest, waitForRows, waitForText } from "./inspector-browser.mjs";

const axe = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// Requests of every kind.
async function sample(listener) {
  const data = '{"to":"ada@example.com","id":12345678901234567890,"price":1.0,"tags":["a","b"],"nested":{"ok":true,"none":null}}';
  await send(listener, { body: `{"type":"message.delivered","data":${data}}`, id: "msg_sample" });
  await send(listener, { type: "message.delivered", id: "msg_sample" });
  const at = Math.floor(Date.now() / 1000);
  const sent = { "webhook-id": "msg_reserialized", "webhook-timestamp": String(at), "webhook-signature": signature("msg_reserialized", at, '{"type": "invoice.paid", "data": {"amount": 4200}}') };
  await fetch(`${listener.url}/hooks/billing`, { method: "POST", body: '{"type":"invoice.paid","data":{"amount":4200}}', headers: { ...sent, "content-type": "application/json" } });
  await fetch(`${listener.url}/hooks`, { method: "POST", body: "name=ada&plan=pro" });
}

// Elements that reach beyond the window, and are not cut off by their own part of the page.
function outside() {
  const width = document.documentElement.clientWidth;
  const found = [...document.body.querySelectorAll("*")]
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      if (right <= left || (left >= -0.5 && right <= width + 0.5)) return false;
      return !element.closest("pre") && !element.closest(".row > *");
    })
    .map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
  if (document.documentElement.scrollWidth > width) found.push(`the page scrolls to ${document.documentElement.scrollWidth}`);
  return found;
}

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.any.map((one) => one.message).join(" ")}`).slice(0, 3).join(", ")}`);
}

const evil = "<script>alert(1)</script>";

// Each state, as the steps from the one before.
const states = {
  list: (page) => waitForRows(page, 4),
  body: (page) => openRow(page, 1),
  tree: (page) => press(page, "button", "Tree"),
  hex: (page) => press(page, "button", "Hex"),
  headers: async (page) => {
    await press(page, "button", "Text");
    await openTab(page, "Headers");
  },
  attempts: async (page) => {
    await openTab(page, "Attempts");
    await page.waitForSelector(".timeline");
  },
  signature: async (page) => {
    for (const key of ["k", "k"]) await page.keyboard.press(key);
    await waitForRequest(page, 3);
    await openTab(page, "Signature");
    await waitForText(page, "[role=tabpanel]", "Fix");
  },
  form: async (page) => {
    await page.keyboard.press("r");
    await (await find(page, "textbox", "Body")).evaluate((box) => box.closest("form").querySelector("details").setAttribute("open", ""));
    await press(page, "button", "Send");
    await waitForText(page, "form .result", "Response");
  },
  comparison: async (page) => {
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    for (const key of ["c", "j", "Enter"]) await page.keyboard.press(key);
    await page.waitForSelector("[aria-label=Comparison]");
  },
  hostile: async (page, { listener }) => {
    const type = `${"very.".repeat(30)}\u202elong`;
    const headers = `x-evil: ${evil}\r\nx-two: 1\r\nx-two: 2\r\nx-bytes: \xff\xfe\r\nx-long: ${"a".repeat(2000)}\r\n`;
    const number = listener.records().length + 1;
    await send(listener, { body: JSON.stringify({ type, data: { [evil]: "\u202eabc\u2066\u200b", long: "x".repeat(2000) } }), headers, target: `/${"path/".repeat(60)}` });
    await page.keyboard.press("Escape");
    await openRow(page, number);
    await openTab(page, "Body");
  },
  hostileHeaders: (page) => openTab(page, "Headers"),
  hostileList: async (page) => {
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelector("section[aria-label=Request]").hidden);
  },
  filterProblem: async (page) => {
    await (await find(page, "searchbox", "Filter")).type("where:");
    await waitForText(page, "#search-problem", "needs a value");
  },
  noMatch: async (page) => {
    await page.keyboard.press("Escape");
    await (await find(page, "searchbox", "Filter")).type("type:nothing");
    await page.waitForSelector(".empty:not([hidden])");
  },
  stopped: async (page, { listener, problems }) => {
    listener.stop();
    await waitForText(page, ".connection", "not connected");
    // The browser itself notes that the connection is lost.
    problems.length = 0;
  },
};

// Goes through all states at one width, in one theme. With PICTURES, each is drawn into the folder.
export async function looks(test, width, scheme, pictures) {
  const listener = await listen(test);
  const height = { 320: 640, 390: 844, 2560: 1440 }[width] ?? 900;
  const page = await openPage(test, listener, { width: Number(width), height, scheme });
  const examine = async (name) => {
    if (pictures) await page.screenshot({ path: `${test.folder}/${name}-${width}-${scheme}.png` });
    equal(await page.evaluate(outside), [], `outside the window, ${name}`);
    equal(await violations(page), [], `axe, ${name}`);
  };
  await examine("empty");
  await sample(listener);
  for (const [name, step] of Object.entries(states)) {
    await step(page, { listener, problems: test.problems });
    await examine(name);
  }
}
