// Uses the inspector page of `whk listen --ui` in headless Chromium as people do, and prints what held as one line of
// JSON: for each scenario `true`, or the reason why not. One browser serves all of them.
//
//     node inspector.mjs WHK FOLDER [SCENARIO…]     screenshots go into FOLDER
import { execFile, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { open } from "./browser.mjs";

const [whk, folder, ...only] = process.argv.slice(2);
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const identity = ["-p", "standard", "-s", secret];
// Far more than anything needs, because the machine can be busy.
const LIMIT = Number(process.env.WHK_TEST_LIMIT ?? 60_000);
const run = promisify(execFile);

const browser = await open();
const scenarios = {};
const foreign = [];
const results = {};

function check(condition, what) {
  if (!condition) throw new Error(what);
}

function equal(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  check(a === b, `${what}: ${a} instead of ${b}`);
}

// Starts `whk listen --ui 0`; its log is in the folder.
let listeners = 0;
async function listen(...more) {
  listeners += 1;
  const log = `${folder}/log-${listeners}.jsonl`;
  const child = spawn(whk, ["listen", "0", "--json", "--ui", "0", "--log", log, ...identity, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = JSON.parse((await lines.next()).value);
  // The rest is read too, so that the pipe never fills.
  (async () => {
    for await (const line of lines) void line;
  })();
  const records = () => readFileSync(log, "utf8").trimEnd().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { url: ready.url, ui: ready.ui, log, records, stop };
}

function signature(id, at, body) {
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64")}`;
}

let ids = 0;
// Sends a request as bytes; resolves with the status of the response.
function send(listener, { type = "user.created", body, id = `msg_${(ids += 1)}`, valid = true, headers = "", target = "/hooks" } = {}) {
  const bytes = Buffer.from(body ?? JSON.stringify({ type, data: { id: 7, name: "Ada" } }));
  const at = Math.floor(Date.now() / 1000);
  const signed = valid ? bytes : Buffer.concat([bytes, Buffer.from(" ")]);
  const { hostname, port } = new URL(listener.url);
  const head = `POST ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\nwebhook-id: ${id}\r\nwebhook-timestamp: ${at}\r\nwebhook-signature: ${signature(id, at, signed)}\r\n${headers}content-length: ${bytes.length}\r\nconnection: close\r\n\r\n`;
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let response = "";
    socket.on("data", (part) => (response += part));
    socket.on("error", reject);
    socket.on("close", () => resolve(Number(response.split(" ")[1])));
    socket.write(Buffer.from(head, "latin1"));
    socket.write(bytes);
  });
}

let latest = null;

// Opens the page of a listener. What goes wrong in it fails the scenario.
async function openPage(listener, { width = 1280, height = 900, scheme = "light", fragment = "" } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  page.problems = [];
  latest = page;
  page.on("console", (message) => ["error", "warn"].includes(message.type()) && page.problems.push(message.text()));
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("dialog", (dialog) => {
    page.problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(listener.ui).origin) foreign.push(request.url());
  });
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
  await page.goto(listener.ui + fragment);
  await page.waitForSelector("[role=table][aria-label=Requests]");
  await page.waitForFunction(() => document.querySelector(".connection")?.textContent === "listening");
  return page;
}

const aria = (role, name) => `::-p-aria([role="${role}"]${name ? `[name="${name}"]` : ""})`;
const find = (page, role, name) => page.waitForSelector(aria(role, name));
const press = async (page, role, name) => (await find(page, role, name)).click();

// The accessible names of the rows in sight, as assistive technology gets them.
async function rowNames(page) {
  const table = await find(page, "table", "Requests");
  const tree = await page.accessibility.snapshot({ root: table, interestingOnly: false });
  const rows = [];
  const visit = (node) => {
    if (node.role === "row") rows.push(node.name);
    for (const child of node.children ?? []) visit(child);
  };
  visit(tree);
  return rows.slice(1);
}

const waitForRows = (page, count) => page.waitForFunction((count) => document.querySelectorAll(".rows .row").length === count, {}, count);
const waitForText = (page, selector, text) =>
  page.waitForFunction((selector, text) => document.querySelector(selector)?.textContent.includes(text), {}, selector, text);
const regionText = (page) => page.$eval("section[aria-label=Request]", (region) => region.innerText);
const activeText = (page) => page.evaluate(() => document.activeElement.innerText ?? "");

async function openRow(page, number) {
  const row = await page.waitForSelector(`.rows .row[data-seq="${number}"]`);
  await row.click();
  await waitForText(page, "section[aria-label=Request] .summary", `No. ${number}`);
}

scenarios.appears = async () => {
  const listener = await listen();
  const page = await openPage(listener);
  let best = Infinity;
  for (let number = 1; number <= 5 && best > 1000; number += 1) {
    const start = performance.now();
    await send(listener, { type: "message.delivered" });
    await page.waitForSelector(`.rows .row[data-seq="${number}"]`);
    best = Math.min(best, performance.now() - start);
  }
  check(best <= 1000, `the fastest of five took ${Math.round(best)} ms`);
  await send(listener, { valid: false });
  const count = listener.records().length;
  await waitForRows(page, count);
  const names = await rowNames(page);
  for (const word of ["user.created", "invalid", "400"]) check(names[0].includes(word), `${word} in ${names[0]}`);
  for (const word of ["message.delivered", "valid", "200"]) check(names[1].includes(word), `${word} in ${names[1]}`);
  await waitForText(page, "[role=status]", "invalid");
  return page;
};

scenarios.filter = async () => {
  const listener = await listen();
  for (const type of ["order.paid", "order.failed", "user.created"]) await send(listener, { type });
  const page = await openPage(listener);
  await waitForRows(page, 3);
  await page.keyboard.press("/");
  const box = await find(page, "searchbox", "Filter");
  check(await box.evaluate((box) => box === document.activeElement), "/ moves to the filter");
  await box.type("type:order.*");
  await waitForRows(page, 2);
  await send(listener, { type: "user.deleted" });
  await send(listener, { type: "order.made" });
  await waitForRows(page, 3);
  check((await rowNames(page))[0].includes("order.made"), "only what matches is added");
  await page.reload();
  await waitForRows(page, 3);
  await box.dispose();
  await (await find(page, "searchbox", "Filter")).type(" where:");
  await waitForText(page, "#search-problem", "needs a value");
  await page.keyboard.press("Escape");
  await waitForRows(page, 5);
  return page;
};

scenarios.keys = async () => {
  const listener = await listen();
  for (let number = 0; number < 3; number += 1) await send(listener);
  const page = await openPage(listener);
  await waitForRows(page, 3);
  const at = () => page.evaluate(() => document.activeElement.dataset?.seq);
  await page.keyboard.press("j");
  equal(await at(), "3", "j begins at the newest");
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("j");
  equal(await at(), "1", "the end");
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowUp");
  equal(await at(), "3", "the beginning");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await waitForText(page, "section[aria-label=Request] .summary", "No. 2");
  check(await page.evaluate(() => document.activeElement.ariaLabel === "Request" || document.activeElement.getAttribute("aria-label") === "Request"), "Enter moves to the region");
  await page.keyboard.press("j");
  await waitForText(page, "section[aria-label=Request] .summary", "No. 1");
  await page.keyboard.press("r");
  const body = await find(page, "textbox", "Body");
  await page.waitForFunction(() => document.activeElement.name === "body");
  await page.keyboard.type("jk/r");
  check((await body.evaluate((body) => body.value)).includes("jk/r"), "keys are text in a text field");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("form[aria-label=Replay]"));
  check(await page.$("section[aria-label=Request]:not([hidden])"), "the first Escape closes the form");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("section[aria-label=Request]").hidden);
  equal(await at(), "1", "Escape returns to the row");
  await page.keyboard.press("Enter");
  await waitForText(page, "section[aria-label=Request] .summary", "No. 1");
  await (await find(page, "tab", "Body")).focus();
  for (const name of ["Headers", "Signature", "Attempts", "Body"]) {
    await page.keyboard.press("ArrowRight");
    await page.waitForSelector(aria("tab", name) );
    equal(await activeText(page), name, "arrows move between tabs");
    await page.waitForFunction((name) => document.querySelector("[role=tab][aria-selected=true]").textContent === name, {}, name);
  }
  return page;
};

scenarios.replay = async () => {
  const listener = await listen();
  await send(listener, { id: "msg_replayed" });
  const page = await openPage(listener);
  await openRow(page, 1);
  await press(page, "button", "Replay");
  const body = await find(page, "textbox", "Body");
  await page.waitForFunction(() => document.activeElement.name === "body");
  await press(page, "button", "Send");
  await waitForRows(page, 2);
  const changed = '{"type":"user.deleted","data":{"id":8}}';
  await body.evaluate((body) => body.select());
  await body.type(changed);
  await press(page, "button", "Send");
  await waitForRows(page, 3);
  await waitForText(page, "form .result", "Response 200");
  await waitForText(page, "form .result", "signed again");
  const [first, same, edited] = listener.records();
  equal([same.body, same.verdict.status, same.duplicate], [first.body, "valid", true], "unchanged");
  equal([edited.body, edited.verdict.status, edited.verdict.event_type], [changed, "valid", "user.deleted"], "changed");
  await press(page, "button", "Cancel");
  await send(listener, { body: Buffer.from([0xff, 0x00, 0x01]) });
  await openRow(page, 4);
  await page.keyboard.press("r");
  check(await (await find(page, "textbox", "Body")).evaluate((box) => box.readOnly), "bytes cannot be edited as text");
  await press(page, "button", "Send");
  await waitForRows(page, 5);
  equal(listener.records()[4].body_b64, "/wAB", "bytes are sent as they were");
  return page;
};

scenarios.curl = async () => {
  const listener = await listen();
  const body = `{"type":"user.created","data":{"name":"O'Brien \\"é\\""}}`;
  await send(listener, { body, headers: "x-two: a\r\nx-two: b\r\n", target: "/hooks?a=1&b=[2]" });
  const page = await openPage(listener);
  await page.browserContext().overridePermissions(new URL(listener.ui).origin, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  await openRow(page, 1);
  await press(page, "button", "Copy as cURL");
  await waitForText(page, "[role=status]", "Copied");
  const command = await page.evaluate(() => navigator.clipboard.readText());
  check(command.startsWith("curl "), command);
  await run("sh", ["-c", command]);
  await waitForRows(page, 2);
  const [first, again] = listener.records();
  equal([again.verdict.status, again.body, again.target], ["valid", first.body, first.target], "what curl sent");
  equal(again.headers.filter(([name]) => name === "x-two"), [["x-two", "a"], ["x-two", "b"]], "repeated headers");
  return page;
};

scenarios.har = async () => {
  const listener = await listen();
  await send(listener);
  await send(listener, { body: Buffer.from([0xff, 0xfe, 0x00]) });
  const page = await openPage(listener);
  const downloads = `${folder}/downloads`;
  mkdirSync(downloads, { recursive: true });
  const session = await browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: downloads, browserContextId: page.browserContext().id, eventsEnabled: true });
  for (const number of [1, 2]) {
    const done = new Promise((resolve) => session.on("Browser.downloadProgress", (event) => event.state === "completed" && resolve()));
    await openRow(page, number);
    await press(page, "button", "Download HAR");
    await done;
    const file = `${downloads}/request-${number}.har`;
    check(existsSync(file), `${file} is missing: ${readdirSync(downloads)}`);
    const { stdout } = await run(whk, ["verify", file, ...identity, "--json"]);
    const verdict = JSON.parse(stdout.split("\n")[0]);
    equal(verdict.status, "valid", "the verdict on the archive");
  }
  return page;
};

scenarios.reload = async () => {
  const listener = await listen();
  for (let number = 0; number < 3; number += 1) await send(listener);
  const page = await openPage(listener);
  await openRow(page, 2);
  await press(page, "tab", "Headers");
  await page.waitForFunction(() => location.hash === "#2/headers");
  await page.reload();
  await waitForText(page, "section[aria-label=Request] .summary", "No. 2");
  await waitForText(page, "[role=tab][aria-selected=true]", "Headers");
  await waitForText(page, "[role=tabpanel]", "webhook-id");
  await page.waitForSelector('.rows .row[data-seq="2"][aria-current="true"]');
  return page;
};

scenarios.hostile = async () => {
  const listener = await listen("--max-body", "12MiB");
  const evil = `<script>document.title="broken"</script><img src=x onerror="document.title='broken'"><a href="javascript:alert(1)">x</a>`;
  const bidi = "\u202eabc\u2066\u200b\u0007\u001b[31m";
  await send(listener, {
    body: JSON.stringify({ type: evil, data: { [evil]: evil, bidi } }).replaceAll("\u001b", "\\u001b"),
    headers: `x-evil: ${evil}\r\n${evil.replace(/[^a-z]/g, "-")}: 1\r\nx-bytes: \xff\xfe\r\n`,
    target: "/%3Cscript%3E?<b>x",
  });
  await send(listener, { body: `${evil}${bidi}\0\x01` });
  await send(listener, { body: `{"type":"large","data":"${evil.repeat(60_000)}"}` });
  const page = await openPage(listener);
  await waitForRows(page, 3);
  for (const number of [1, 2, 3]) {
    await openRow(page, number);
    for (const tab of ["Headers", "Signature", "Attempts", "Body"]) {
      await press(page, "tab", tab);
      await page.waitForFunction((tab) => document.querySelector("[role=tab][aria-selected=true]").textContent === tab && document.querySelector("[role=tabpanel]").childElementCount > 0, {}, tab);
    }
    for (const view of ["Tree", "Hex", "Text"]) {
      await press(page, "button", view);
      await page.waitForFunction((view) => document.querySelector("[aria-pressed=true]").textContent === view, {}, view);
    }
    check((await page.$eval(".view pre", (pre) => pre.textContent)).includes("<script>document.title="), "the body is shown as text");
  }
  await openRow(page, 2);
  await page.waitForFunction(() => document.querySelector(".view pre")?.textContent.includes("\\u{202e}"));
  const shown = await page.$eval(".view pre", (pre) => pre.textContent);
  for (const text of ["\\u{202e}abc\\u{2066}\\u{200b}\\u{7}\\u{1b}[31m", "\\u{0}\\u{1}"]) check(shown.includes(text), `${text} in ${shown.slice(-80)}`);
  await press(page, "button", "Compare");
  await (await page.waitForSelector('.rows .row[data-seq="1"]')).click();
  await page.waitForSelector("[aria-label=Comparison]");
  await openRow(page, 1);
  await page.keyboard.press("r");
  await find(page, "textbox", "Body");
  const state = await page.evaluate(() => ({
    title: document.title,
    markup: document.querySelectorAll("body script, body img, body iframe, body a[href^=javascript]").length,
    raw: /[\u202a-\u202e\u2066-\u2069\u0000-\u0008\u001b]/.test(document.body.innerText),
  }));
  equal(state, { title: "whk", markup: 0, raw: false }, "nothing of it is markup or moves text");
  return page;
};

scenarios.many = async () => {
  const listener = await listen();
  const { port, hostname } = new URL(listener.url);
  const total = 10_000;
  // On one connection, many at a time.
  const at = Math.floor(Date.now() / 1000);
  const body = '{"type":"user.created","data":{}}';
  const one = (number) => `POST / HTTP/1.1\r\nhost: ${hostname}:${port}\r\nwebhook-id: many_${number}\r\nwebhook-timestamp: ${at}\r\nwebhook-signature: ${signature(`many_${number}`, at, body)}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const page = await openPage(listener);
  await new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let [received, sent] = [0, 0];
    const more = () => {
      let text = "";
      for (const end = Math.min(total, received + 500); sent < end; sent += 1) text += one(sent);
      if (text) socket.write(text);
    };
    socket.on("data", (part) => {
      received += part.toString("latin1").split("HTTP/1.1 200").length - 1;
      if (received >= total) socket.end();
      else more();
    });
    socket.on("error", reject);
    socket.on("close", resolve);
    more();
  });
  equal(listener.records().length, total, "records");
  await page.waitForFunction((total) => document.querySelector("[role=table]").getAttribute("aria-rowcount") === String(total + 1), {}, total);
  const rows = await page.$$eval(".rows .row", (rows) => rows.length);
  check(rows < 120, `${rows} rows are in the document`);
  // 100 moves, each drawn, in one task of the page: an average frame has 16 ms.
  const spent = await page.evaluate(() => {
    const start = performance.now();
    for (let count = 0; count < 100; count += 1) document.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
    return (performance.now() - start) / 100;
  });
  check(spent < 100, `a key takes ${spent} ms`);
  await page.reload();
  await page.waitForSelector(".rows .row");
  await page.evaluate(() => {
    const scroller = document.querySelector(".scroller");
    scroller.scrollTop = scroller.scrollHeight;
  });
  await page.waitForFunction(() => Number(document.querySelector("[role=table]").getAttribute("aria-rowcount")) > 501);
  return page;
};

scenarios.compare = async () => {
  const listener = await listen();
  await send(listener, { body: '{"type":"a.b","data":{"n":1.0,"same":true,"list":[1,2]}}', headers: "x-a: 1\r\n" });
  await send(listener, { body: '{"type":"a.b","data":{"n":2,"same":true,"list":[1]}}' });
  await send(listener, { body: '{"type": "a.b","data":{"n":2,"same":true,"list":[1]}}' });
  const page = await openPage(listener);
  await openRow(page, 1);
  await page.keyboard.press("c");
  await waitForText(page, "[role=status]", "compare with No. 1");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[aria-label=Comparison]");
  const text = (await page.$eval("[aria-label=Comparison]", (part) => part.innerText)).replace(/\s+/g, " ");
  for (const part of ["x-a 1 (absent)", "data.n 1.0 2", "data.list[1] 2 (absent)"]) check(text.includes(part), `${part} in ${text}`);
  check(!text.includes("data.same"), text);
  await page.keyboard.down("Shift");
  await (await page.waitForSelector('.rows .row[data-seq="3"]')).click();
  await page.keyboard.up("Shift");
  await waitForText(page, "[aria-label=Comparison]", "from byte 8");
  return page;
};

async function sample(listener) {
  await send(listener, { type: "message.delivered", body: '{"type":"message.delivered","data":{"to":"ada@example.com","id":12345678901234567890,"price":1.0,"tags":["a","b"],"nested":{"ok":true,"none":null}}}', id: "msg_sample" });
  await send(listener, { type: "message.delivered", id: "msg_sample" });
  const spaced = '{"type": "invoice.paid", "data": {"amount": 4200}}';
  const at = Math.floor(Date.now() / 1000);
  const { hostname, port } = new URL(listener.url);
  const body = JSON.stringify(JSON.parse(spaced));
  await fetch(`http://${hostname}:${port}/hooks/billing`, { method: "POST", body, headers: { "webhook-id": "msg_reserialized", "webhook-timestamp": String(at), "webhook-signature": signature("msg_reserialized", at, spaced) } });
  await fetch(`http://${hostname}:${port}/hooks`, { method: "POST", body: "name=ada&plan=pro" });
}

// Elements that reach beyond the window, and are not cut off by their own part of the page.
function outside() {
  const width = document.documentElement.clientWidth;
  return [...document.body.querySelectorAll("*")]
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      if (right <= left || (left >= -0.5 && right <= width + 0.5)) return false;
      return !element.closest("pre") && !element.closest(".row > *");
    })
    .map((element) => `${element.tagName} ${element.className} ${element.textContent.slice(0, 40)}`);
}

const axe = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.any.map((one) => one.message).join(" ")}`).slice(0, 3).join(", ")}`);
}

// Every state of the page, as a list of steps from the one before.
const states = {
  list: async () => {},
  body: async (page) => openRow(page, 1),
  tree: async (page) => press(page, "button", "Tree"),
  hex: async (page) => press(page, "button", "Hex"),
  headers: async (page) => {
    await press(page, "button", "Text");
    await press(page, "tab", "Headers");
  },
  attempts: async (page) => {
    await press(page, "tab", "Attempts");
    await page.waitForSelector(".timeline");
  },
  signature: async (page) => {
    await page.keyboard.press("k");
    await page.keyboard.press("k");
    await press(page, "tab", "Signature");
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
    await page.keyboard.press("c");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[aria-label=Comparison]");
  },
};

for (const scheme of ["light", "dark"]) {
  scenarios[`looks-${scheme}`] = async () => {
    const listener = await listen();
    const empty = await openPage(listener, { scheme });
    equal(await violations(empty), [], `axe on the empty page, ${scheme}`);
    await empty.screenshot({ path: `${folder}/empty-1280-${scheme}.png` });
    await sample(listener);
    let last = empty;
    for (const width of [320, 390, 1280, 2560]) {
      const page = await openPage(listener, { width, height: width < 500 ? 800 : width === 2560 ? 1440 : 900, scheme });
      for (const [name, step] of Object.entries(states)) {
        await step(page);
        equal(await page.evaluate(outside), [], `nothing is outside, ${name} ${width} ${scheme}`);
        if (width === 1280 || width === 320) equal(await violations(page), [], `axe, ${name} ${width} ${scheme}`);
        await page.screenshot({ path: `${folder}/${name}-${width}-${scheme}.png` });
      }
      equal(page.problems, [], "problems");
      last = page;
    }
    return last;
  };
}

const running = [];
for (const [name, scenario] of Object.entries(scenarios)) {
  if (only.length > 0 && !only.includes(name)) continue;
  try {
    const page = await scenario();
    // A response that is an error on purpose is shown on the console.
    const problems = page.problems.filter((text) => !text.includes("status of 400"));
    equal(problems, [], "problems in the page");
    results[name] = true;
  } catch (error) {
    // What the page itself said often is the reason.
    results[name] = [error.stack, ...(latest?.problems ?? [])].join("\n");
  }
}
results.foreign = foreign;
await browser.close();
console.log(JSON.stringify(results));
process.exit(0);
