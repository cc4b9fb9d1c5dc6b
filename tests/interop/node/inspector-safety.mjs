// What comes from outside: hostile requests, and pages of other origins.
import { createServer } from "node:http";
import { listen, send } from "./inspector-listener.mjs";
import { check, equal, find, openPage, openRow, openTab, press, rowOf, waitForRows } from "./inspector-browser.mjs";

const evil = `<script>document.title="broken"</script><img src=x onerror="document.title='broken'"><a href="javascript:alert(1)">x</a>`;
const bidi = "\u202eabc\u2066\u200b\u0007\u001b[31m";

export async function hostile(test) {
  const listener = await listen(test, "--max-body", "12MiB");
  const headers = `x-evil: ${evil}\r\n${evil.replace(/[^a-z]/g, "-")}: 1\r\nx-bytes: \xff\xfe\r\n`;
  await send(listener, { body: JSON.stringify({ type: evil, data: { [evil]: evil, bidi } }), headers, target: "/%3Cscript%3E?a='b'" });
  await send(listener, { body: `${evil}${bidi}\0\x01` });
  await send(listener, { body: `{"type":"large","data":"${evil.replaceAll('"', "'").repeat(85_000)}"}` });
  check(listener.records()[2].body.length > 10_000_000, "10 MB");
  const page = await openPage(test, listener);
  await waitForRows(page, 3);
  for (const number of [1, 2, 3]) {
    await openRow(page, number);
    for (const name of ["Headers", "Signature", "Attempts", "Body"]) await openTab(page, name);
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
  await (await rowOf(page, 1)).click();
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
}

// The policy itself, with code that a fault of the page could let in.
export async function policy(test) {
  const listener = await listen(test);
  const page = await openPage(test, listener);
  const outcome = await page.evaluate(async () => {
    // The browser allows code from the test itself what it forbids the page. A task of the page is not from the test.
    await new Promise((resolve) => setTimeout(resolve));
    const violations = [];
    document.addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
    const attempt = (action) => {
      try {
        return action();
      } catch (error) {
        return error.name;
      }
    };
    attempt(() => (document.createElement("div").innerHTML = "<img src=x onerror='window.ran = 1'>"));
    attempt(() => globalThis.eval("window.ran = 2"));
    const image = document.createElement("img");
    attempt(() => image.setAttribute("onerror", "window.ran = 3"));
    const failed = new Promise((resolve) => image.addEventListener("error", resolve));
    image.src = "/nothing.png";
    document.body.append(image);
    const style = document.createElement("style");
    style.textContent = "body { color: rgb(1, 2, 3) }";
    document.body.append(style);
    const remote = await fetch("http://localhost:1/").then(() => "read", () => "blocked");
    await failed;
    return { ran: window.ran ?? null, color: getComputedStyle(document.body).color === "rgb(1, 2, 3)", remote, violations: [...new Set(violations)].sort() };
  });
  equal([outcome.ran, outcome.color, outcome.remote], [null, false, "blocked"], "nothing runs");
  for (const directive of ["connect-src", "require-trusted-types-for", "style-src-elem"]) check(outcome.violations.includes(directive), `${directive} in ${outcome.violations}`);
  // These were provoked.
  test.problems.length = 0;
}

// Runs in a page of another origin: tries to read and to change by all that a page can do.
async function attack(ui, token) {
  const timed = (work) => Promise.race([work, new Promise((resolve) => setTimeout(resolve, 2000, "nothing"))]).catch(() => "nothing");
  const read = (path, options) => fetch(ui + path, options).then((response) => (response.type === "opaque" ? "nothing" : response.text()), () => "nothing");
  const post = { method: "POST", body: "{}" };
  const typed = { "content-type": "application/json", "x-whk-token": token };
  const element = (name, attributes) =>
    timed(
      new Promise((resolve) => {
        const made = document.createElement(name);
        made.onload = () => resolve(name === "iframe" ? (made.contentDocument ? made.contentDocument.body.innerText : "nothing") : "loaded");
        made.onerror = () => resolve("nothing");
        Object.assign(made, attributes);
        document.body.append(made);
      }),
    );
  const stream = timed(
    new Promise((resolve) => {
      const source = new EventSource(`${ui}api/stream?after=0`);
      source.onmessage = (event) => resolve(event.data);
      source.onopen = () => resolve("open");
      source.onerror = () => resolve("nothing");
    }),
  );
  const form = () => {
    const frame = Object.assign(document.createElement("iframe"), { name: "target" });
    const made = Object.assign(document.createElement("form"), { method: "post", action: `${ui}api/requests/1/replay`, target: "target", enctype: "text/plain" });
    document.body.append(frame, made);
    const loaded = new Promise((resolve) => (frame.onload = () => resolve("nothing")));
    made.submit();
    return timed(loaded);
  };
  return {
    page: await read(""),
    list: await read("api/requests"),
    record: await read("api/requests/1"),
    opaque: await read("api/requests", { mode: "no-cors" }),
    stream: await stream,
    script: await element("script", { src: `${ui}api/requests` }),
    module: await element("script", { type: "module", src: `${ui}assets/page.mjs` }),
    image: await element("img", { src: `${ui}assets/icon.svg` }),
    frame: await element("iframe", { src: ui }),
    replay: await read("api/requests/1/replay", { ...post, mode: "no-cors" }),
    token: await read("api/requests/1/replay", { ...post, headers: typed }),
    beacon: navigator.sendBeacon(`${ui}api/requests/1/replay`, "{}") ? "nothing" : "refused",
    form: await form(),
  };
}

export async function foreign(test) {
  const listener = await listen(test);
  await send(listener, { id: "msg_private" });
  const token = /name="whk-token" content="([0-9a-f]+)"/.exec(await (await fetch(listener.ui)).text())[1];
  const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("<title>other</title>"));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address();
  // The page's port on a name that was made to point here, as an attacker's name server would do.
  const rebound = `http://rebound.example:${new URL(listener.ui).port}/`;
  for (const origin of [`http://127.0.0.1:${port}/`, `http://localhost:${port}/`]) {
    const page = await test.browser.newPage();
    await page.goto(origin);
    const found = await page.evaluate(attack, listener.ui, token);
    equal([...new Set(Object.values(found))], ["nothing"], `what ${origin} learns: ${JSON.stringify(found)}`);
    const again = await page.evaluate(attack, rebound, token);
    equal([...new Set(Object.values(again))], ["nothing"], `what ${origin} learns by another name: ${JSON.stringify(again)}`);
    await page.close();
  }
  const page = await test.browser.newPage();
  const response = await page.goto(rebound);
  equal(response.status(), 403, "the page under another name");
  check(!(await response.text()).includes(token), "the token");
  const own = await page.evaluate(async (token) => {
    const headers = { "content-type": "application/json", "x-whk-token": token };
    const changed = await fetch("/api/requests/1/replay", { method: "POST", body: "{}", headers });
    return [(await fetch("/api/requests")).status, changed.status];
  }, token);
  equal(own, [403, 403], "its API under another name");
  equal(listener.records().length, 1, "nothing was resent");
  // The same from the page's own origin: the token, the address and the attempts themselves were right.
  const control = await test.browser.newPage();
  await control.goto(listener.ui);
  const allowed = await control.evaluate(attack, listener.ui, token);
  for (const name of ["page", "list", "record", "stream", "token"]) check(allowed[name] !== "nothing", `${name} from the page itself`);
  check(allowed.list.includes("msg_private") && JSON.parse(allowed.token).status === 200, JSON.stringify(allowed));
  other.close();
}
