// A receiver as AutoSend's page on verification tells people to write it: the signature over the bytes as they came,
// compared in constant time, and a timestamp that is at most 5 minutes old and at most one ahead. For AISend, whose
// requests have no timestamp, it is the same without that.
// WEBHOOK_SECRET is the secret, PROVIDER one of `autosend` and `aisend`. The first line of stdout is {"port":N}; the
// process ends when stdin closes, so a killed test leaves no orphan.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { WEBHOOK_SECRET: secret, PROVIDER: provider } = process.env;
const hasTimestamp = { autosend: true, aisend: false }[provider];
if (hasTimestamp === undefined) throw new Error(`no guide of ${provider} is followed here`);

const OLDEST_MS = 5 * 60 * 1000;
const NEWEST_MS = 60 * 1000;

function isGenuine(body, signature = "") {
  const expected = Buffer.from(createHmac("sha256", secret).update(body).digest("hex"));
  const received = Buffer.from(signature);
  // timingSafeEqual throws on unequal lengths.
  return received.length === expected.length && timingSafeEqual(received, expected);
}

function isTimely(timestamp) {
  const age = Date.now() - Number.parseInt(timestamp, 10);
  // A timestamp that is no number makes an age that is within nothing.
  return age <= OLDEST_MS && age >= -NEWEST_MS;
}

function answer(headers, body) {
  if (!isGenuine(body, headers["x-webhook-signature"])) return [401, { error: "Invalid signature" }];
  if (hasTimestamp && !isTimely(headers["x-webhook-timestamp"])) return [401, { error: "Invalid timestamp" }];
  return [200, { received: true }];
}

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const [status, value] = answer(request.headers, Buffer.concat(parts));
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});

process.stdin.on("close", () => process.exit(0)).resume();
