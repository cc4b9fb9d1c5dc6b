// `whk serve` for the tests of its page, and a handler for its webhooks.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { stopAtEnd } from "./inspector-listener.mjs";

const key = "test-key";
const account = "4cdd7bdd-294e-4762-892f-83d40abf5a87";

// Starts a server with a key of its own.
export async function serve({ whk, folder }, ...more) {
  const arguments_ = ["serve", "0", "--json", "--api-key", key, ...more];
  const child = spawn(whk, arguments_, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  stopAtEnd(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { url, ui } = JSON.parse((await lines.next()).value);
  (async () => {
    for await (const line of lines) void line;
  })();
  const call = async (method, path, body) => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  return {
    url,
    ui,
    origin: url,
    word: "serving",
    call,
    emit: (body) => call("POST", "/_whk/emit", body),
    autosend: async (to, events) => (await call("POST", "/autosend/v1/webhooks", { url: to, events })).data.webhook.id,
    ahasend: async (to, flags = { on_delivered: true }) =>
      (await call("POST", `/v2/accounts/${account}/webhooks`, { name: "Shop", url: to, scope: "global", ...flags })).id,
    disableAhasend: (id) => call("PUT", `/v2/accounts/${account}/webhooks/${id}`, { enabled: false }),
    stop: () => child.kill("SIGKILL"),
  };
}

// A handler that responds with these statuses, the last one from then on.
export async function handler(...statuses) {
  const received = [];
  const server = createServer((request, response) => {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
      const status = statuses[Math.min(received.length, statuses.length - 1)] ?? 200;
      received.push({ url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() });
      response.writeHead(status).end(status === 200 ? "" : "the database is away");
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/hooks`, received };
}
