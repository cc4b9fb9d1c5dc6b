// The inspector page in headless Chromium, as people and assistive technology see it.
import { stopListeners } from "./inspector-listener.mjs";
import { open } from "./browser.mjs";

// Far more than anything needs, because the machine can be busy.
const LIMIT = 50_000;

export function check(condition, message) {
  if (!condition) throw new Error(message);
}

export function equal(found, wanted, message) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  check(a === b, `${message}: ${a} instead of ${b}`);
}

// Runs a scenario in a browser. What goes wrong in a page fails it as well.
export async function run(scenario, options) {
  const browser = await open(["--host-resolver-rules=MAP rebound.example 127.0.0.1"]);
  const problems = [];
  let status = 0;
  try {
    await scenario({ browser, problems, ...options });
    equal(problems, [], "problems in the page");
  } catch (error) {
    // What the page itself said often is the reason.
    console.error([error.stack, ...problems].join("\n"));
    status = 1;
  } finally {
    stopListeners();
    await browser.close();
  }
  process.exit(status);
}

// Opens the page of a listener.
export async function openPage(test, listener, { width = 1280, height = 900, scheme = "light" } = {}) {
  const context = await test.browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  // A response that is an error on purpose is shown on the console too.
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type()) && !message.text().includes("status of 400")) test.problems.push(message.text());
  });
  page.on("pageerror", (error) => test.problems.push(String(error)));
  page.on("dialog", (dialog) => {
    test.problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== listener.origin) test.problems.push(`request to ${request.url()}`);
  });
  await page.setViewport({ width, height });
  await useTheme(page, scheme);
  await page.goto(listener.ui);
  await page.waitForSelector("[role=table][aria-label=Requests]");
  await waitForText(page, ".connection", listener.word ?? "listening");
  return page;
}

export const useTheme = (page, scheme) =>
  page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);

export const aria = (role, name) => `::-p-aria([role="${role}"]${name ? `[name="${name}"]` : ""})`;
export const find = (page, role, name) => page.waitForSelector(aria(role, name));
export const press = async (page, role, name) => (await find(page, role, name)).click();

// The accessible names of the rows in sight, as assistive technology gets them.
export async function rowNames(page) {
  const tree = await page.accessibility.snapshot({ root: await find(page, "table", "Requests"), interestingOnly: false });
  const rows = [];
  const visit = (node) => {
    if (node.role === "row") rows.push(node.name);
    for (const child of node.children ?? []) visit(child);
  };
  visit(tree);
  return rows.slice(1);
}

export const waitForRows = (page, count) =>
  page.waitForFunction((count) => document.querySelectorAll(".rows .row").length === count, {}, count);

export const waitForText = (page, selector, text) =>
  page.waitForFunction((selector, text) => document.querySelector(selector)?.textContent.includes(text), {}, selector, text);

export const waitForRequest = (page, number) => waitForText(page, "section[aria-label=Request] .summary", `No. ${number}`);

export const rowOf = (page, number) => page.waitForSelector(`.rows .row[data-seq="${number}"]`);

export async function openRow(page, number) {
  await (await rowOf(page, number)).click();
  await waitForRequest(page, number);
}

export async function openTab(page, name) {
  await press(page, "tab", name);
  await page.waitForFunction(
    (name) =>
      document.querySelector("[role=tab][aria-selected=true]")?.textContent === name &&
      document.querySelector("[role=tabpanel]").childElementCount > 0,
    {},
    name,
  );
}
