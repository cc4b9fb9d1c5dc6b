// Every state of the page, at several widths and in both themes: nothing is cut off, and axe finds no violation.
import { readFileSync } from "node:fs";
import { ahasend, listen, send, signature } from "./inspector-listener.mjs";
import { equal, find, openPage, openRow, openTab, press, rowOf, useTheme, waitForRequest, waitForRows, waitForText } from "./inspector-browser.mjs";

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
export function outside() {
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

export async function violations(page) {
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
  choosing: async (page) => {
    await page.keyboard.press("Escape");
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.press("c");
    await waitForText(page, "[role=status]", "compare with");
  },
  comparison: async (page) => {
    for (const key of ["j", "Enter"]) await page.keyboard.press(key);
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

// The pictures of the documents.
export async function pictures(test) {
  const sender = ahasend;
  const listener = await listen({ ...test, sender });
  const deliver = (type, data, more = {}) => {
    const body = JSON.stringify({ type, timestamp: "2026-03-02T08:15:33Z", data: { account_id: "acc_7", from: "ada@example.com", recipient: "b@example.com", ...data } });
    return send(listener, { body, sender, target: "/webhooks/ahasend", ...more });
  };
  await deliver("message.reception", { subject: "Your invoice" }, { id: "wh_741d4b8a" });
  await deliver("message.delivered", { subject: "Your invoice" }, { id: "wh_5b0fd24e" });
  await deliver("message.opened", { subject: "Your invoice", is_bot: false }, { id: "wh_0e92ac16" });
  await deliver("message.opened", { subject: "Your invoice", is_bot: false }, { id: "wh_0e92ac16" });
  const subject = "Tea & cake";
  const body = `{"type":"message.bounced","timestamp":"2026-03-02T08:15:33Z","data":{"account_id":"acc_7","recipient":"c@example.com","subject":"${subject}"}}`;
  await send(listener, { body, signedBody: body.replace("&", "\\u0026"), id: "wh_93ab7d10", sender, target: "/webhooks/ahasend" });
  await deliver("message.clicked", { subject: "Your invoice", url: "https://example.com/pay" }, { id: "wh_e2f4d24e" });

  const size = { width: 1180, height: 600 };
  const page = await openPage(test, listener, size);
  const draw = async (name) => {
    // The port is another one in each run; the documents have the default.
    await page.$eval(".address", (address) => (address.textContent = " http://127.0.0.1:9450/"));
    await page.screenshot({ path: `${test.folder}/${name}.png` });
  };
  await waitForRows(page, 6);
  await openRow(page, 5);
  await openTab(page, "Signature");
  await waitForText(page, "[role=tabpanel]", "Fix");
  await draw("inspect");
  await openRow(page, 2);
  await page.keyboard.press("r");
  const box = await find(page, "textbox", "Body");
  await box.evaluate((box) => box.setRangeText("grace@example.com", box.value.indexOf("b@example.com"), box.value.indexOf("b@example.com") + 13));
  await press(page, "button", "Send");
  await waitForText(page, "form .result", "signed again");
  await waitForRows(page, 7);
  await draw("inspect-replay");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("c");
  await waitForText(page, "[role=status]", "compare with No. 2");
  await (await rowOf(page, 7)).click();
  await page.waitForSelector("[aria-label=Comparison]");
  await useTheme(page, "dark");
  await draw("inspect-compare");
}
