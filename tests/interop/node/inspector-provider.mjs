// The page of `whk serve`: its webhooks and deliveries, what can be done with them, and its looks.
import { check, equal, find, openPage, openRow, openTab, press, rowNames, rowOf, waitForRequest, waitForRows, waitForText } from "./inspector-browser.mjs";
import { outside, violations } from "./inspector-looks.mjs";
import { handler, serve } from "./inspector-server.mjs";

const table = (name) => `[role=table][aria-label=${name}]`;
const row = (name, number) => `${table(name)} .line[data-seq="${number}"]`;
const textOf = (page, selector) => page.$eval(selector, (element) => element.textContent);
const waitForCount = (page, name, count) =>
  page.waitForFunction((selector, count) => document.querySelectorAll(selector).length === count, {}, `${table(name)} .line[data-seq]`, count);

// Opens the row of a webhook or a delivery.
async function openLine(page, name, number) {
  await (await page.waitForSelector(`${row(name, number)} .opens`)).click();
  await page.waitForSelector(`section[aria-label=${name === "Webhooks" ? "Webhook" : "Delivery"}]:not([hidden]) h2`);
}

// What happens is in the three tables without a reload, with the counters as each provider names them.
export async function serveTables(test) {
  const server = await serve(test, "-p", "autosend", "-p", "ahasend");
  const [good, bad] = [await handler(200), await handler(500)];
  const page = await openPage(test, server);
  await waitForText(page, ".none", "No webhook is registered yet");
  await server.autosend(bad.url, ["email.opened"]);
  await waitForCount(page, "Webhooks", 1);
  await server.ahasend(good.url);
  await waitForCount(page, "Webhooks", 2);
  await server.emit({ type: "message.delivered" });
  await waitForText(page, row("Deliveries", 1), "delivered");
  await server.emit({ type: "email.opened" });
  await waitForText(page, row("Deliveries", 2), "pending");
  await waitForRows(page, 2);
  for (const word of ["email.opened", "valid", "500"]) check((await rowNames(page))[0].includes(word), word);
  await waitForText(page, row("Webhooks", 1), "failureCount 1");
  await waitForText(page, row("Webhooks", 1), "lastSuccessAt never");
  check(/lastFailedAt \d\d:\d\d:\d\d/.test(await textOf(page, row("Webhooks", 1))), await textOf(page, row("Webhooks", 1)));
  await waitForText(page, row("Webhooks", 2), "success_count 1");
  await waitForText(page, row("Webhooks", 2), "error_count 0");
  // A minute until the next attempt, at the provider's own speed.
  const due = () => textOf(page, `${row("Deliveries", 2)} .due`);
  const first = await due();
  check(/^in (1 min|\d+ s)$/.test(first), first);
  await page.waitForFunction((selector, first) => document.querySelector(selector).textContent !== first, {}, `${row("Deliveries", 2)} .due`, first);
  await server.call("DELETE", `/autosend/v1/webhooks/${(await server.call("GET", "/autosend/v1/webhooks")).data.webhooks[0].id}`);
  await waitForCount(page, "Webhooks", 1);
  for (const name of ["Requests", "Deliveries", "Webhooks"]) await find(page, "table", name);
}

// A test event, a retry at the chosen speed, and resending, each by its button.
export async function serveActions(test) {
  const server = await serve(test, "-p", "autosend", "-p", "selfmx", "--speed", "60");
  const target = await handler(503, 200);
  await server.autosend(target.url, ["email.opened", "email.clicked"]);
  const page = await openPage(test, server);
  await waitForCount(page, "Webhooks", 1);
  await press(page, "button", "Send test event");
  await waitForText(page, "[role=status]", "Test event: email.opened");
  await waitForText(page, row("Deliveries", 1), "delivered");
  equal(await textOf(page, `${row("Deliveries", 1)} .tries`), "2 of 4", "attempts");
  await openLine(page, "Deliveries", 1);
  await waitForText(page, "section[aria-label=Delivery] .list", "the database is away");
  await press(page, "button", "Resend");
  await waitForText(page, row("Deliveries", 2), "delivered");
  equal(target.received[2].body, target.received[0].body, "the same event again");
  // The first attempt as a request, with its signature.
  await (await page.waitForSelector("section[aria-label=Delivery] a[href='#1']")).click();
  await waitForRequest(page, 1);
  check(await page.$eval("section[aria-label=Delivery]", (region) => region.hidden), "one region at a time");
  await openTab(page, "Signature");
  await waitForText(page, "[role=tabpanel]", "valid");
  await openTab(page, "Attempts");
  await waitForText(page, "[role=tabpanel]", "AutoSend makes 4 attempts");
  await page.keyboard.press("r");
  await (await find(page, "textbox", "Body")).evaluate((box) => box.select());
  await page.keyboard.type('{"type":"email.opened"}');
  await press(page, "button", "Send");
  await waitForText(page, "form .result", "signed again");
  equal(target.received.at(-1).body, '{"type":"email.opened"}', "the changed body");
  // Another type of event, from the webhook itself.
  await page.keyboard.press("Escape");
  await openLine(page, "Webhooks", 1);
  await page.select("section[aria-label=Webhook] select", "email.clicked");
  await (await page.waitForSelector("section[aria-label=Webhook] [data-act=test]")).click();
  await waitForText(page, row("Deliveries", 3), "email.clicked");
  await waitForText(page, row("Deliveries", 3), "delivered");
}

// A webhook that its provider disabled has the notice, and is enabled again.
export async function serveDisabled(test) {
  const server = await serve(test, "-p", "ahasend", "--speed", "max");
  const target = await handler(500);
  const id = await server.ahasend(target.url);
  const page = await openPage(test, server);
  await server.emit({ type: "message.delivered", count: 120 });
  await waitForText(page, row("Webhooks", 1), "disabled");
  await waitForText(page, `${row("Webhooks", 1)} .notice`, "AhaSend would now send an email");
  const name = await page.$eval(row("Webhooks", 1), (line) => line.getAttribute("aria-label"));
  check(name.includes("disabled"), name);
  await press(page, "button", "Enable");
  await page.waitForFunction((selector) => !document.querySelector(selector), {}, `${row("Webhooks", 1)} .notice`);
  await waitForText(page, row("Webhooks", 1), "errors_since_last_success 0");
  await server.disableAhasend(id);
  await waitForText(page, row("Webhooks", 1), "disabled");
  check(!(await page.$(`${row("Webhooks", 1)} .notice`)), "no notice if it was disabled by hand");
}

// Keys alone: through the rows, into a delivery and back; a reload keeps it.
export async function serveKeys(test) {
  const server = await serve(test, "-p", "autosend");
  await server.autosend((await handler(200)).url, ["email.opened"]);
  const page = await openPage(test, server);
  await server.emit({ type: "email.opened", count: 3 });
  await waitForCount(page, "Deliveries", 3);
  await waitForText(page, row("Deliveries", 3), "delivered");
  await page.focus(`${row("Deliveries", 3)} .opens`);
  await page.keyboard.press("ArrowDown");
  const focused = () => page.evaluate(() => document.activeElement.closest(".line")?.dataset.seq);
  equal(await focused(), "2", "an arrow moves to the next row");
  await page.keyboard.press("Enter");
  await waitForText(page, "section[aria-label=Delivery] .summary", "No. 2");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Delivery");
  await page.reload();
  await waitForText(page, "section[aria-label=Delivery] .summary", "No. 2");
  await page.waitForSelector(`${row("Deliveries", 2)}[aria-current=true]`);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("section[aria-label=Delivery]").hidden);
  equal(await focused(), "2", "Escape returns to the row");
  // The requests are read on their own, after the reload too.
  await rowOf(page, 3);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await waitForRequest(page, 3);
  // Webhooks and deliveries that are changed or removed while they are shown.
  await openLine(page, "Webhooks", 1);
  const { id } = (await server.call("GET", "/v1/webhooks")).data.webhooks[0];
  await server.call("PUT", `/v1/webhooks/${id}`, { isActive: false });
  await waitForText(page, "section[aria-label=Webhook]", "disabled");
}

// Text from outside stays text.
export async function serveHostile(test) {
  const server = await serve(test, "-p", "autosend", "--speed", "max");
  const evil = "<img src=x onerror=alert(1)>";
  const target = await handler(500);
  await server.autosend(`${target.url}?${encodeURIComponent(evil)}&x=%E2%80%AE`, ["email.opened"]);
  await server.emit({ type: "email.opened", set: { "data.subject": `${evil}\u202e` } });
  const page = await openPage(test, server);
  await waitForText(page, row("Deliveries", 1), "failed");
  await openLine(page, "Deliveries", 1);
  await waitForText(page, "section[aria-label=Delivery] pre", evil);
  equal(await page.$$eval("img, body script", (found) => found.length), 0, "elements that were made of text");
}

// A page of another origin, or under another name, learns nothing and changes nothing.
export async function serveForeign(test) {
  const server = await serve(test, "-p", "autosend");
  const target = await handler(200);
  const id = await server.autosend(target.url, ["email.opened"]);
  const own = await openPage(test, server);
  await waitForCount(own, "Webhooks", 1);
  const token = await own.$eval("meta[name=whk-token]", (meta) => meta.content);
  const attempt = async (base, id, token) => {
    const tries = [["GET", "/_whk/webhooks"], ["GET", "/_whk/deliveries"], ["GET", "/api/requests"], ["POST", `/_whk/webhooks/${id}/test`]];
    const results = tries.map(([method, path]) => fetch(base + path, { method, headers: method === "POST" ? { "x-whk-token": token } : {} }).then((response) => response.status, () => "nothing"));
    // What a form or an image can send needs no permission, and has no token.
    const blind = fetch(`${base}/_whk/emit`, { method: "POST", mode: "no-cors", body: '{"type":"email.opened"}' }).then(() => "sent", () => "sent");
    const stream = new Promise((resolve) => {
      const source = new EventSource(`${base}/_whk/stream`);
      source.onopen = () => resolve("open");
      source.onerror = () => resolve("nothing");
    });
    return Promise.all([...results, stream, blind]);
  };
  const foreign = await test.browser.newPage();
  await foreign.goto(target.url);
  const nothing = ["nothing", "nothing", "nothing", "nothing", "nothing", "sent"];
  equal(await foreign.evaluate(attempt, server.url, id, token), nothing, "from another origin");
  const rebound = `http://rebound.example:${new URL(server.url).port}`;
  const response = await foreign.goto(`${rebound}/`);
  check(response.status() === 403 && !(await response.text()).includes(token), "the page under another name");
  equal(await foreign.evaluate(attempt, rebound, id, token), [403, 403, 403, 403, "nothing", "sent"], "under another name");
  equal((await server.call("GET", "/_whk/deliveries")).deliveries, [], "nothing was sent");
  // The same from the page itself: the attempts themselves were right.
  equal(await own.evaluate(attempt, server.url, id, token), [200, 200, 200, 201, "open", "sent"], "from the page itself");
}

// Every state at one width, in one theme. With PICTURES, each is drawn into the folder.
export async function serveLooks(test, width, scheme, pictures) {
  const server = await serve(test, "-p", "autosend", "-p", "ahasend", "-p", "selfmx", "--speed", "60");
  const height = { 320: 640, 390: 844, 2560: 1440 }[width] ?? 900;
  const page = await openPage(test, server, { width: Number(width), height, scheme });
  const examine = async (name) => {
    if (pictures) await page.screenshot({ path: `${test.folder}/serve-${name}-${width}-${scheme}.png` });
    equal(await page.evaluate(outside), [], `outside the window, ${name}`);
    equal(await violations(page), [], `axe, ${name}`);
  };
  await examine("empty");
  const [good, bad] = [await handler(200), await handler(500)];
  await server.ahasend(good.url, { on_delivered: true, on_opened: true });
  await server.autosend(`http://localhost:1/nothing/listens/here`, ["email.opened", "email.clicked"]);
  await server.call("POST", "/selfmx/v1/webhooks", { url: good.url, events: ["delivered"], secret: "a-secret" });
  await server.emit({ type: ["message.delivered", "message.opened"] });
  await server.emit({ type: "delivered", provider: "selfmx" });
  const disabled = await server.ahasend(bad.url, { on_bounced: true });
  await server.emit({ type: "message.bounced", count: 120 });
  await page.waitForSelector(".webhooks .notice");
  await server.emit({ type: ["email.opened", "email.clicked"] });
  await waitForText(page, `${table("Webhooks")} .due`, "in ");
  await page.waitForFunction(() => !document.querySelector(".state.in_flight"));
  await examine("list");
  await openLine(page, "Webhooks", 4);
  await waitForText(page, "section[aria-label=Webhook]", disabled);
  await examine("disabled");
  if (width < 900) await page.keyboard.press("Escape");
  await openLine(page, "Webhooks", 1);
  await examine("webhook");
  if (width < 900) await page.keyboard.press("Escape");
  const number = await page.$eval(`${table("Deliveries")} .line[data-seq]`, (line) => line.dataset.seq);
  await openLine(page, "Deliveries", number);
  await waitForText(page, "section[aria-label=Delivery]", "No. ");
  await examine("delivery");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("section[aria-label=Delivery]").hidden);
  const newest = await page.$eval(".rows .row", (line) => line.dataset.seq);
  await openRow(page, newest);
  await openTab(page, "Attempts");
  await examine("request");
}

// The picture of the documents.
export async function servePicture(test) {
  const server = await serve(test, "-p", "autosend", "-p", "ahasend", "-p", "selfmx", "--speed", "10");
  const [good, bad, away] = [await handler(200), await handler(500), await handler(503)];
  await server.call("POST", "/selfmx/v1/webhooks", { url: good.url, events: ["delivered"], secret: "a-secret" });
  await server.ahasend(bad.url, { on_bounced: true });
  await server.autosend(away.url, ["email.opened", "email.clicked"]);
  await server.emit({ type: "message.bounced", count: 100 });
  const page = await openPage(test, server, { width: 1180, height: 720 });
  await page.waitForSelector(".webhooks .notice");
  await server.emit({ type: "delivered", provider: "selfmx" });
  await server.emit({ type: ["email.opened", "email.clicked"] });
  const number = 102;
  await waitForText(page, row("Deliveries", number), "pending");
  await openLine(page, "Deliveries", number);
  await waitForText(page, "section[aria-label=Delivery] .list", "the database is away");
  await page.evaluate(() => document.activeElement.blur());
  // Ports are others in each run.
  await page.evaluate((ports) => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      for (const [port, other] of ports) walker.currentNode.data = walker.currentNode.data.replace(`127.0.0.1:${port}`, other);
    }
  }, [[new URL(server.url).port, "127.0.0.1:9460"], ...[good, bad, away].map(({ url }, index) => [new URL(url).port, `localhost:${3000 + index}`])]);
  await page.screenshot({ path: `${test.folder}/inspect-serve.png` });
}
