// What people do with the page.
import { execFile } from "node:child_process";
import { connect, createServer } from "node:net";
import { promisify } from "node:util";
import { exchange, identity, listen, request, send } from "./inspector-listener.mjs";
import { check, equal, find, openPage, openRow, openTab, press, rowNames, rowOf, waitForRequest, waitForRows, waitForText } from "./inspector-browser.mjs";

const execute = promisify(execFile);
const activeText = (page) => page.evaluate(() => document.activeElement.innerText ?? "");
const activeRow = (page) => page.evaluate(() => document.activeElement.dataset?.seq);

export async function appears(test) {
  const listener = await listen(test);
  const page = await openPage(test, listener);
  let best = Infinity;
  for (let number = 1; number <= 20 && best > 1000; number += 1) {
    const start = performance.now();
    await send(listener, { type: "message.delivered" });
    await rowOf(page, number);
    best = Math.min(best, performance.now() - start);
  }
  check(best <= 1000, `the fastest of twenty took ${Math.round(best)} ms`);
  await waitForText(page, "[role=status]", "message.delivered, valid, status 200");
  await send(listener, { valid: false });
  await waitForRows(page, listener.records().length);
  const names = await rowNames(page);
  for (const word of ["user.created", "invalid", "400"]) check(names[0].includes(word), `${word} in ${names[0]}`);
  for (const word of ["message.delivered", "valid", "200"]) check(names[1].includes(word), `${word} in ${names[1]}`);
  await waitForText(page, "[role=status]", "user.created, invalid, status 400");
}

export async function filter(test) {
  const listener = await listen(test);
  for (const type of ["order.paid", "order.failed", "user.created"]) await send(listener, { type });
  const page = await openPage(test, listener);
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
  await (await find(page, "searchbox", "Filter")).type(" where:");
  await waitForText(page, "#search-problem", "needs a value");
  await page.keyboard.press("Escape");
  await waitForRows(page, 5);
}

export async function keyboard(test) {
  const listener = await listen(test);
  for (let number = 0; number < 3; number += 1) await send(listener);
  const page = await openPage(test, listener);
  await waitForRows(page, 3);
  await page.keyboard.press("j");
  equal(await activeRow(page), "3", "j begins at the newest");
  await page.keyboard.press("j");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("j");
  equal(await activeRow(page), "1", "the end");
  await page.keyboard.press("k");
  await page.keyboard.press("ArrowUp");
  equal(await activeRow(page), "3", "the beginning");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await waitForRequest(page, 2);
  check(await page.evaluate(() => document.activeElement.getAttribute("aria-label") === "Request"), "Enter moves to the region");
  await page.keyboard.press("j");
  await waitForRequest(page, 1);
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
  equal(await activeRow(page), "1", "Escape returns to the row");
  await page.keyboard.press("Enter");
  await waitForRequest(page, 1);
  await (await find(page, "tab", "Body")).focus();
  for (const name of ["Headers", "Signature", "Attempts", "Body"]) {
    await page.keyboard.press("ArrowRight");
    equal(await activeText(page), name, "arrows move between tabs");
    await page.waitForFunction((name) => document.querySelector("[role=tab][aria-selected=true]").textContent === name, {}, name);
  }
}

// A replay without a mouse: from an empty selection to the response.
export async function replayByKeyboard(test) {
  const listener = await listen(test);
  await send(listener, { type: "order.paid" });
  const page = await openPage(test, listener);
  await waitForRows(page, 1);
  for (const key of ["j", "r"]) await page.keyboard.press(key);
  await page.waitForFunction(() => document.activeElement.name === "body");
  await page.keyboard.down("Control");
  await page.keyboard.press("Enter");
  await page.keyboard.up("Control");
  await waitForText(page, "form .result", "Response 200");
  await waitForRows(page, 2);
  equal(listener.records()[1].body, listener.records()[0].body, "the same body");
}

export async function replay(test) {
  const listener = await listen(test);
  await send(listener, { id: "msg_replayed" });
  const page = await openPage(test, listener);
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
}

export async function reload(test) {
  const listener = await listen(test);
  for (const type of ["user.created", "user.deleted", "order.paid"]) await send(listener, { type });
  const page = await openPage(test, listener);
  await (await find(page, "searchbox", "Filter")).type("type:user.*");
  await waitForRows(page, 2);
  await openRow(page, 2);
  await openTab(page, "Headers");
  await page.waitForFunction(() => location.hash.startsWith("#2/headers"));
  await page.reload();
  await waitForRequest(page, 2);
  await waitForText(page, "[role=tab][aria-selected=true]", "Headers");
  await waitForText(page, "[role=tabpanel]", "webhook-id");
  await page.waitForSelector('.rows .row[data-seq="2"][aria-current="true"]');
  await waitForRows(page, 2);
  equal(await page.$eval("input[type=search]", (box) => box.value), "type:user.*", "the filter");
  await page.goto("about:blank");
  await page.goto(`${listener.ui}#2/nothing&q=%E0%A4`);
  await waitForRequest(page, 2);
  await waitForText(page, "[role=tab][aria-selected=true]", "Body");
  await waitForRows(page, 3);
}

// The command that was copied sends the same request again.
export async function curl(test) {
  const listener = await listen(test);
  const text = `{"type":"user.created","data":{"name":"O'Brien \\"é\\" $(id) \`id\` %0a !!"}}`;
  await send(listener, { body: text, headers: "x-two: a\r\nx-two: b\r\nx-quote: it's; $HOME\r\n", target: "/hooks?a=1&b=[2]" });
  await send(listener, { body: Buffer.from([0xff, 0xfe, 0x00, 0x0a]) });
  const page = await openPage(test, listener);
  await page.browserContext().overridePermissions(listener.origin, ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]);
  for (const number of [1, 2]) {
    await openRow(page, number);
    await press(page, "button", "Copy as cURL");
    await waitForText(page, "[role=status]", "Copied");
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const { stdout } = await execute("bash", ["-c", command]);
    check(stdout.includes("OK"), stdout);
    await waitForRows(page, 2 + number);
    const records = listener.records();
    const [sent, again] = [records[number - 1], records[1 + number]];
    const relevant = ({ verdict, method, target, body, body_b64 }) => [verdict.status, method, target, body, body_b64];
    equal(relevant(again), relevant(sent), `what curl sent: ${command}`);
    const own = (record) => record.headers.filter(([name]) => /^(x-|webhook-|content-)/.test(name)).sort();
    equal(own(again), own(sent), `the headers that curl sent: ${command}`);
    await page.$eval("[role=status]", (status) => (status.textContent = ""));
  }
}

// The archive that was downloaded has the same verdict.
export async function har(test) {
  const listener = await listen(test);
  await send(listener);
  await send(listener, { body: Buffer.from([0xff, 0xfe, 0x00]) });
  await send(listener, { valid: false });
  const page = await openPage(test, listener);
  const session = await test.browser.target().createCDPSession();
  await session.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: test.folder, browserContextId: page.browserContext().id, eventsEnabled: true });
  for (const [number, wanted] of [[1, "valid"], [2, "valid"], [3, "invalid"]]) {
    const done = new Promise((resolve) => session.on("Browser.downloadProgress", (event) => event.state === "completed" && resolve()));
    await openRow(page, number);
    await press(page, "button", "Download HAR");
    await done;
    const verify = ["verify", `${test.folder}/request-${number}.har`, ...identity(), "--json"];
    const { stdout } = await execute(test.whk, verify).catch((error) => error);
    equal(JSON.parse(stdout.split("\n")[0]).status, wanted, `the verdict on archive ${number}`);
  }
}

// The page stays open while whk is started again, with the same address and nothing of before.
export async function restart(test) {
  const first = await listen(test);
  for (let number = 0; number < 3; number += 1) await send(first);
  // The tests' own server has the address, so that no other program can take it meanwhile.
  const front = await forwarder(first.ui);
  const page = await openPage(test, { ui: front.url, origin: new URL(front.url).origin });
  await waitForRows(page, 3);
  const second = await listen(test);
  await send(second, { type: "second.run" });
  front.switchTo(second.ui);
  first.stop();
  await waitForRows(page, 1);
  check((await rowNames(page))[0].includes("second.run"), "only requests of the new run");
  await send(second, { type: "another.one" });
  await waitForRows(page, 2);
  // The browser itself notes that the connection was lost.
  test.problems.length = 0;
}

// A server that passes all bytes on to one address, and later to another.
async function forwarder(first) {
  let target = new URL(first);
  const sockets = new Set();
  const server = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    for (const [from, to] of [[socket, onward], [onward, socket]]) {
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
    sockets.add(socket);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const switchTo = (next) => {
    target = new URL(next);
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, switchTo };
}

export async function compare(test) {
  const listener = await listen(test);
  await send(listener, { body: '{"type":"a.b","data":{"n":1.0,"same":true,"list":[1,2]}}', headers: "x-a: 1\r\n" });
  await send(listener, { body: '{"type":"a.b","data":{"n":2,"same":true,"list":[1]}}' });
  await send(listener, { body: '{"type": "a.b","data":{"n":2,"same":true,"list":[1]}}' });
  const page = await openPage(test, listener);
  await openRow(page, 1);
  await page.keyboard.press("c");
  await waitForText(page, "[role=status]", "compare with No. 1");
  const [list, region] = await page.$$eval("main > *", (parts) => parts.map((part) => part.getBoundingClientRect().toJSON()));
  check(region.left >= list.right && region.top === list.top, "the first one stays beside the list");
  await page.keyboard.press("k");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[aria-label=Comparison]");
  const text = (await page.$eval("[aria-label=Comparison]", (part) => part.innerText)).replace(/\s+/g, " ");
  for (const part of ["x-a 1 (absent)", "data.n 1.0 2", "data.list[1] 2 (absent)"]) check(text.includes(part), `${part} in ${text}`);
  check(!text.includes("data.same"), text);
  await page.keyboard.down("Shift");
  await (await rowOf(page, 3)).click();
  await page.keyboard.up("Shift");
  await waitForText(page, "[aria-label=Comparison]", "from byte 8");
}

// 10,000 requests that arrive while the page is open: each is listed, few are drawn, and keys are fast.
export async function many(test) {
  const listener = await listen(test);
  const page = await openPage(test, listener);
  const total = 10_000;
  const requests = Array.from({ length: total }, () => request(listener, { body: '{"type":"user.created","data":{}}' }));
  const statuses = await exchange(listener, requests);
  equal(statuses.filter((status) => status === 200).length, total, "accepted requests");
  equal(listener.records().length, total, "records");
  await page.waitForFunction((total) => document.querySelector("[role=table]").getAttribute("aria-rowcount") === String(total + 1), {}, total);
  const drawn = () => page.$$eval(".rows .row", (rows) => rows.length);
  check((await drawn()) < 120, `${await drawn()} rows are in the document`);
  const spent = await page.evaluate(() => {
    const start = performance.now();
    for (let count = 0; count < 100; count += 1) document.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
    return (performance.now() - start) / 100;
  });
  check(spent < 100, `a key takes ${spent} ms`);
  await page.reload();
  await page.waitForSelector(".rows .row");
  await page.$eval(".scroller", (scroller) => scroller.scrollTo(0, scroller.scrollHeight));
  await page.waitForFunction(() => Number(document.querySelector("[role=table]").getAttribute("aria-rowcount")) > 501);
  check((await drawn()) < 120, `${await drawn()} rows are in the document after scrolling`);
}
