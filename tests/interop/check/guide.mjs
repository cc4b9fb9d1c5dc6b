// Handlers in the technique that the providers' guides show.
//
// Settings and the ready line are those of handler.mjs; in place of FLAW there is
//   GUIDE     stringify (AutoSend, SelfMX: `JSON.stringify(req.body)` after `express.json()`),
//             library (AhaSend: the library `standardwebhooks`)
//   WHK_INTEROP_NODE_DIR  the folder of node_modules, for `library`
// Neither looks for duplicates, because the guides do not.
import { createHmac } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const settings = { ...process.env };
for (const argument of process.argv.slice(2)) {
  const [name, ...value] = argument.split("=");
  settings[name] = value.join("=");
}
const { GUIDE: guide, PROVIDER: provider, WHK_SECRET: secret, EFFECTS_FILE: effectsFile } = settings;

const prefix = { autosend: "", selfmx: "sha256=" }[provider];
const guides = {
  stringify: prefix !== undefined && stringify,
  library: provider === "ahasend" && library,
};
const respond = guides[guide];
if (!respond) {
  console.error(`error: no guide of ${provider} is named ${guide}`);
  process.exit(2);
}

let webhook;
if (guide === "library") {
  const { Webhook } = createRequire(`${settings.WHK_INTEROP_NODE_DIR}/`)("standardwebhooks");
  webhook = new Webhook(secret, { format: "raw" });
}

let effects = effectsFile && existsSync(effectsFile) ? Number(readFileSync(effectsFile, "utf8")) : 0;
function takeEffect(by) {
  effects += by;
  if (!effectsFile) return;
  writeFileSync(`${effectsFile}.new`, `${effects}\n`);
  renameSync(`${effectsFile}.new`, effectsFile);
}
takeEffect(0);

class Status extends Error {
  constructor(status) {
    super();
    this.status = status;
  }
}

// What `express.json()` of Express 5 makes of a body: undefined if its type is not JSON.
function parse(request, bytes) {
  const { "content-type": type, "content-length": length, "transfer-encoding": coding } = request.headers;
  if (length === undefined && coding === undefined) return undefined;
  if (!/^application\/json[ \t]*(;|$)/i.test(type ?? "")) return undefined;
  if (bytes.length === 0) return {};
  const text = bytes.toString("utf8");
  if (!/^[ \t\r\n]*[[{]/.test(text)) throw new Status(400);
  try {
    return JSON.parse(text);
  } catch {
    throw new Status(400);
  }
}

function stringify(request, bytes) {
  if (bytes.length > 100 * 1024) throw new Status(413);
  const event = parse(request, bytes);
  const expected = createHmac("sha256", secret).update(JSON.stringify(event)).digest("hex");
  if (request.headers["x-webhook-signature"] !== `${prefix}${expected}`) return 401;
  takeEffect(1);
  return 200;
}

function library(request, bytes) {
  try {
    webhook.verify(bytes.toString("utf8"), request.headers);
    takeEffect(1);
    return 200;
  } catch {
    return 400;
  }
}

const server = createServer({ maxHeaderSize: 1024 * 1024 }, async (request, response) => {
  let status;
  try {
    const chunks = [];
    // Express as well reads the rest of a body that is too large.
    for await (const chunk of request) chunks.push(chunk);
    status = request.method === "POST" ? respond(request, Buffer.concat(chunks)) : 404;
  } catch (error) {
    status = error instanceof Status ? error.status : 500;
  }
  if (!response.destroyed) response.writeHead(status, { "content-length": 0 }).end();
});
server.listen({ port: Number(settings.PORT ?? 0), host: "127.0.0.1", backlog: 511 }, () => {
  console.log(`listening on ${server.address().port}`);
});
if (settings.STOP_WITH_STDIN) process.stdin.on("close", () => process.exit(0)).resume();
