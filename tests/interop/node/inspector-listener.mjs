// `whk listen --ui` for the tests of its page, and requests to it.
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const standard = { provider: "standard", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
export const ahasend = { provider: "ahasend", secret: "aha-whsec-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab" };

// The options that make a secret known to a command.
export const identity = ({ provider, secret } = standard) => ["-p", provider, "-s", secret];

const children = [];

// A process that must not outlive the test.
export const stopAtEnd = (child) => children.push(child);

// Starts a listener with a page. Its log is in the folder.
export async function listen({ whk, folder, sender = standard }, ...more) {
  const log = `${folder}/log-${children.length}.jsonl`;
  const child = spawn(whk, ["listen", "0", "--json", "--ui", "0", "--log", log, ...identity(sender), ...more], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ready = JSON.parse((await lines.next()).value);
  // The rest is read too, so that the pipe never fills.
  (async () => {
    for await (const line of lines) void line;
  })();
  const records = () => readFileSync(log, "utf8").trimEnd().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return { url: ready.url, ui: ready.ui, origin: new URL(ready.ui).origin, log, records, stop: () => child.kill("SIGKILL") };
}

// A listener must not outlive the test.
export function stopListeners() {
  for (const child of children) child.kill("SIGKILL");
}

export function signature(id, at, body, { secret } = standard) {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice("whsec_".length), "base64") : secret;
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64")}`;
}

let ids = 0;

// The bytes of a request. An invalid one is signed for another body, that of `signedBody` or one with a space more.
export function request(listener, { type = "user.created", body, id = `msg_${(ids += 1)}`, valid = true, signedBody, headers = "", target = "/hooks", sender = standard } = {}) {
  const bytes = Buffer.from(body ?? JSON.stringify({ type, data: { id: 7, name: "Ada" } }));
  const at = Math.floor(Date.now() / 1000);
  const signed = signedBody ?? (valid ? bytes : Buffer.concat([bytes, Buffer.from(" ")]));
  const lines = [
    `POST ${target} HTTP/1.1`,
    `host: ${new URL(listener.url).host}`,
    "content-type: application/json",
    `webhook-id: ${id}`,
    `webhook-timestamp: ${at}`,
    `webhook-signature: ${signature(id, at, signed, sender)}`,
    `content-length: ${bytes.length}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n${headers}\r\n`, "latin1"), bytes]);
}

// Sends requests on one connection, at most 500 ahead of the responses; resolves with the statuses.
export function exchange(listener, requests) {
  const { hostname, port } = new URL(listener.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let [text, sent] = ["", 0];
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
    const more = (received) => {
      const end = Math.min(requests.length, received + 500);
      if (sent < end) socket.write(Buffer.concat(requests.slice(sent, end)));
      sent = Math.max(sent, end);
    };
    socket.on("data", (part) => {
      text += part.toString("latin1");
      const received = statuses().length;
      if (received >= requests.length) socket.destroy();
      else more(received);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      if (statuses().length < requests.length) reject(new Error(`the listener closed after ${text}`));
      else resolve(statuses());
    });
    more(0);
  });
}

// Sends one request; resolves with its status.
export const send = async (listener, options) => (await exchange(listener, [request(listener, options)]))[0];
