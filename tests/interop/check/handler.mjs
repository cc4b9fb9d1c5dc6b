// A webhook handler that is correct, or has one flaw, for `whk check` to find out.
//
// Settings come from the environment or, as NAME=VALUE, from the arguments, which win:
//   PROVIDER      ahasend, aisend, autosend, selfmx or standard
//   FLAW          one name of flaws.json, or `none` (default)
//   PORT          on 127.0.0.1; 0 (default) picks one
//   WHK_SECRET    the secret, or several separated by spaces
//   EFFECTS_FILE  holds the number of events that have taken effect, replaced in one step
//   ID_STORE      holds the ids of those events, so that a restart does not forget them
//   STOP_WITH_STDIN=1  ends the process when stdin closes, so that a killed test leaves no orphan
// The first line of stdout is `listening on PORT`.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const settings = { ...process.env };
for (const argument of process.argv.slice(2)) {
  const [name, ...value] = argument.split("=");
  settings[name] = value.join("=");
}
const { PROVIDER: provider = "ahasend", FLAW: flaw = "none", EFFECTS_FILE: effectsFile, ID_STORE: idStore } = settings;

const stop = (message) => {
  console.error(`error: ${message}`);
  process.exit(2);
};

if (flaw !== "none") {
  const { flaws } = JSON.parse(readFileSync(new URL("flaws.json", import.meta.url), "utf8"));
  const known = flaws.find(({ name }) => name === flaw);
  if (!known?.languages.includes("node")) stop(`no flaw of this handler is named ${flaw}`);
  if (!known.providers.includes(provider)) stop(`${flaw} is no flaw of a handler for ${provider}`);
}
const has = (name) => name === flaw;

const STANDARD = {
  id: "webhook-id",
  timestamp: { header: "webhook-timestamp", perSecond: 1, signed: true, old: 300, ahead: 300 },
  signature: { header: "webhook-signature", encoding: "base64", prefix: "v1,", list: true },
  rejected: 400,
};
const OVER_BODY = {
  signature: { header: "x-webhook-signature", encoding: "hex", prefix: "", list: false },
  rejected: 401,
};
const scheme = {
  ahasend: STANDARD,
  standard: STANDARD,
  aisend: OVER_BODY,
  // The time and the delivery id are not signed, so an event is known by its body, which a retry does not change.
  autosend: {
    ...OVER_BODY,
    timestamp: { header: "x-webhook-timestamp", perSecond: 1000, signed: false, old: 300, ahead: 60 },
    knownByBody: true,
  },
  selfmx: { ...OVER_BODY, signature: { ...OVER_BODY.signature, prefix: "sha256=" } },
}[provider];
if (!scheme) stop(`no handler for ${provider} is written here`);

const asBase64 = (secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64");
const asText = (secret) => Buffer.from(secret, "utf8");
const readKey = (provider === "standard") === !has("wrong-secret-reading") ? asBase64 : asText;

function readKeys() {
  let secrets = (settings.WHK_SECRET ?? "").split(/\s+/).filter(Boolean);
  if (secrets.length === 0) {
    if (has("empty-key-when-unset")) return [Buffer.alloc(0)];
    stop("WHK_SECRET is not set");
  }
  if (has("first-secret-only")) secrets = secrets.slice(0, 1);
  const keys = secrets.map(readKey);
  if (has("any-secret-reading")) keys.push(...secrets.map(asText));
  if (has("empty-key-accepted")) keys.push(Buffer.alloc(0));
  if (has("fallback-key")) keys.push(asText("secret"));
  return keys;
}
const keys = readKeys();

const MEBIBYTE = 1024 * 1024;
const bodyLimit = has("limit-100kb") ? 100 * 1024 : 2 * MEBIBYTE;

// The events that have taken effect. Everything is synchronous, so two requests never see a state between.
const ledger = {
  ids: new Set(idStore && !has("ids-in-memory") && existsSync(idStore) ? readFileSync(idStore, "utf8").split("\n") : []),
  effects: effectsFile && existsSync(effectsFile) ? Number(readFileSync(effectsFile, "utf8")) : 0,
  keep(id) {
    if (idStore && !has("ids-in-memory")) appendFileSync(idStore, `${id}\n`);
  },
  write() {
    if (!effectsFile) return;
    writeFileSync(`${effectsFile}.new`, `${this.effects}\n`);
    renameSync(`${effectsFile}.new`, effectsFile);
  },
  takeEffect() {
    this.effects += 1;
    this.write();
  },
};
if (effectsFile && !existsSync(effectsFile)) ledger.write();

let inFlight = 0;
let connections = 0;
let slowResponses = 0;
const verifiedSignatures = new Set();
const messagesBegun = new Set();
const afterLast = new WeakSet();

class Status extends Error {
  constructor(status, value) {
    super(value.error);
    this.status = status;
    this.value = value;
  }
}
const reject = (reason) => new Status(scheme.rejected, { error: reason });

// The values of each header, under its lower-case name.
function readHeaders(request) {
  const headers = new Map();
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    const raw = request.rawHeaders[at];
    const name = has("case-sensitive-headers") ? raw : raw.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), request.rawHeaders[at + 1]]);
  }
  return headers;
}

function single(headers, name) {
  const values = headers.get(name) ?? [];
  const isSignature = name === scheme.signature.header;
  if (values.length === 0 && has(isSignature ? "crash-missing-signature" : "crash-missing-header")) {
    throw new TypeError(`Cannot read properties of undefined (reading '${name}')`);
  }
  if (values.length > 1 && isSignature && has("repeated-signature-crash")) {
    throw new TypeError("signature.split is not a function");
  }
  if (values.length > 1 && has("last-time-checked") && name === scheme.timestamp?.header) return values[0];
  if (values.length > 1) throw reject(`More than one ${name}`);
  if (!values[0]) throw reject(`Missing ${name}`);
  return values[0];
}

function checkTime(text) {
  const { perSecond, old, ahead } = scheme.timestamp;
  if (has("no-timestamp-check")) return;
  let age;
  if (has("nan-time")) {
    age = Date.now() / 1000 - Number(text);
    if (age > old || age < -ahead) throw reject("Timestamp outside the tolerance");
    return;
  }
  if (has("time-parse-throws")) BigInt(text);
  if (has("time-overflow")) new Date(Number.parseInt(text, 10) * 1000 || 0).toISOString();
  if (!/^[0-9]{1,15}$/.test(text)) {
    if (!(has("old-only") && /^[0-9]+$/.test(text))) throw reject("Malformed timestamp");
  }
  let time = Number(text) / perSecond;
  if (has("milliseconds-accepted") && text.length >= 13) time /= 1000;
  age = Date.now() / 1000 - time;
  let [oldest, newest] = [old, ahead];
  if (has("day-of-tolerance")) oldest = newest = 24 * 60 * 60;
  if (has("wide-tolerance")) oldest = 450;
  if (has("narrow-tolerance")) oldest = newest = 60;
  if (age > oldest || (age < -newest && !has("old-only"))) throw reject("Timestamp outside the tolerance");
}

function mac(key, content, algorithm = "sha256") {
  const hmac = createHmac(algorithm, key);
  for (const part of content) hmac.update(part);
  return hmac.digest(scheme.signature.encoding);
}

const leaks = [];

function isEqual(received, expected) {
  if (has("compare-throws")) return timingSafeEqual(Buffer.from(received), Buffer.from(expected));
  // As an exception does that nothing catches.
  if (has("process-dies") && received.length !== expected.length) process.exit(1);
  if (has("hex-decode-throws")) {
    return received.length === 64 && timingSafeEqual(Buffer.from(received, "hex"), Buffer.from(expected, "hex"));
  }
  if (has("length-in-characters")) {
    return received.length === expected.length && timingSafeEqual(Buffer.from(received), Buffer.from(expected));
  }
  if (has("prefix-compared")) {
    return /^[\w+/=]+$/.test(received) && received.length === expected.length && received.slice(0, 12) === expected.slice(0, 12);
  }
  if (has("as-long-as-received")) return expected.startsWith(received);
  if (has("undefined-signature") && received === "undefined") return true;
  const [left, right] = [Buffer.from(received), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}

// The signatures in the header that could be right.
function readSignatures(text) {
  const { prefix, list } = scheme.signature;
  let items = list ? text.split(/ +/) : [text];
  if (has("first-of-list")) items = items.slice(0, 1);
  if (has("whole-header-compared")) items = [text];
  if (has("any-version")) return items.map((item) => item.slice(item.indexOf(",") + 1));
  if (has("undefined-signature")) items = items.map((item) => (item === "undefined" ? `${prefix}${item}` : item));
  return items.filter((item) => item.startsWith(prefix)).map((item) => item.slice(prefix.length));
}

// What stands in for the body where it is signed.
function signedBody(body) {
  if (has("string-chunks")) return body.text;
  if (has("no-emoji")) return body.bytes.toString("utf8").replace(/[\u{10000}-\u{10FFFF}]/gu, "?");
  if (has("parsed-body")) {
    try {
      return JSON.stringify(JSON.parse(body.bytes.toString("utf8")));
    } catch {
      throw new Status(400, { error: "Invalid JSON" });
    }
  }
  return body.bytes;
}

function isSigned(id, timestamp, signatures, body) {
  const covered = signedBody(body);
  // Node reads each byte of a header as one character.
  const at = (time) => [Buffer.from(id, "latin1"), ".", Buffer.from(time, "latin1"), ".", covered];
  const content = scheme.id ? at(timestamp) : [covered];
  const matches = (content, algorithm) =>
    keys.some((key) => {
      const expected = mac(key, content, algorithm);
      leaks[0] = expected;
      return signatures.some((signature) => isEqual(signature, expected));
    });
  if (matches(content)) return true;
  if (has("sha1-accepted") && matches(content, "sha1")) return true;
  if (has("body-only-accepted") && matches([covered])) return true;
  if (has("time-not-covered") && signatures.length === 1) {
    const now = Math.floor(Date.now() / 1000);
    for (let ago = -60; ago < 3600; ago += 1) if (matches(at(`${now - ago}`))) return true;
  }
  return false;
}

// Throws if the request is not the provider's. Returns the id of the event, if the scheme signs one.
function verify(headers, body) {
  if (has("missing-signature-accepted") && !headers.has(scheme.signature.header)) return headers.get(scheme.id)?.[0];
  const text = single(headers, scheme.signature.header);
  const id = scheme.id && single(headers, scheme.id);
  const timestamp = scheme.timestamp && single(headers, scheme.timestamp.header);
  if (timestamp !== undefined) {
    checkTime(has("last-time-checked") ? headers.get(scheme.timestamp.header).at(-1) : timestamp);
  }
  const signatures = readSignatures(text);
  if (has("signature-cache") && verifiedSignatures.has(text)) return id;
  // What is missing here is `await`.
  const signed = has("not-awaited")
    ? (async () => isSigned(id, timestamp, signatures, body))()
    : isSigned(id, timestamp, signatures, body);
  if (!signed) {
    const error = reject("Invalid signature");
    if (has("prints-expected-signature")) error.value.expected = leaks[0];
    if (has("prints-stack")) error.value.stack = error.stack;
    if (has("prints-secret")) error.value.error += ` (secret ${settings.WHK_SECRET})`;
    throw error;
  }
  verifiedSignatures.add(text);
  return id;
}

const KNOWN_TYPES = new Set([
  "message.reception",
  "message.delivered",
  "message.transient_error",
  "message.failed",
  "message.bounced",
  "message.suppressed",
  "message.opened",
  "message.clicked",
  "message.routing",
  "suppression.created",
  "domain.dns_error",
]);

function parse(bytes) {
  if (has("invalid-utf8-crash")) new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError && has("invalid-json-crash")) throw error;
    return undefined;
  }
}

function depth(value) {
  return typeof value === "object" && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
}

// The texts of a value of any depth.
function texts(value) {
  const [found, open] = [[], [value]];
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next === "string") found.push(next);
    else if (typeof next === "object" && next !== null) open.push(...Object.values(next));
  }
  return found;
}

// Everything that an application does with an event and may fail at.
function crashOn(event, kind) {
  const { data } = event;
  if (has("unknown-type-crash") && !KNOWN_TYPES.has(kind)) throw new Error(`unhandled ${kind}`);
  if (has("deep-json-crash") && depth(event) > 1000) throw new RangeError("Maximum call stack size exceeded");
  if (has("nul-crash") && texts(event).some((text) => text.includes("\0"))) throw new Error("invalid byte sequence 0x00");
  if (has("lone-surrogate-crash")) texts(event).forEach(encodeURIComponent);
  if (has("field-type-crash")) {
    [kind, event.timestamp ?? "", data?.recipient ?? (data && "recipient" in data ? data.recipient : "")].forEach((text) =>
      text.toLowerCase(),
    );
    if (typeof data !== "object" || data === null) throw new TypeError("Cannot read properties of null");
  }
  if (has("order-crash") && typeof data?.id === "string") {
    if (kind === "message.reception" && messagesBegun.has(data.id)) throw new Error("events out of order");
    messagesBegun.add(data.id);
  }
}

const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

// An event's identity, of what is signed only.
function identify(id, event, bytes) {
  if (id !== undefined) return hash(id);
  return !scheme.knownByBody && typeof event?.id === "string" ? hash(event.id) : hash(bytes);
}

// Handles a request that is known to be the provider's.
async function act(id, body) {
  const received = [200, { received: true }];
  const event = parse(body.bytes);
  if (event === null && has("null-body-crash")) event.type;
  if (Array.isArray(event) && has("array-body-crash")) event.type.toLowerCase();
  if (typeof event !== "object" || event === null || Array.isArray(event)) return received;
  const kind = event.type ?? event.event;
  const key = identify(id, event, body.bytes);
  const duplicate = [has("duplicate-409") ? 409 : 200, { received: true, duplicate: true }];
  if (!has("effect-before-verification")) {
    if (has("same-id-other-body-crash")) {
      const other = ledger.ids.has(key) && !ledger.ids.has(`${key} ${hash(body.bytes)}`);
      ledger.ids.add(`${key} ${hash(body.bytes)}`);
      if (other) throw new Error("duplicate key value violates unique constraint");
    }
    if (ledger.ids.has(key) && !has("no-deduplication")) return duplicate;
  }
  if (has("marked-before-done") && typeof kind === "string" && !KNOWN_TYPES.has(kind)) {
    ledger.ids.add(key);
    throw new Error("the work failed");
  }
  if (typeof kind !== "string" && !has("field-type-crash")) return received;
  crashOn(event, kind);
  if ((has("check-then-insert") || has("race-crash")) && inFlight > 1) {
    await sleep(50);
    if (has("race-crash") && ledger.ids.has(key)) throw new Error("duplicate key value violates unique constraint");
  }
  if (has("effect-before-verification")) {
    ledger.keep(key);
    return received;
  }
  ledger.ids.add(key);
  const finish = () => {
    ledger.keep(key);
    ledger.takeEffect();
  };
  if (has("effect-after-response")) setTimeout(finish, 200);
  else finish();
  return received;
}

async function handlePost(request, body) {
  if (has("redirect-to-login")) return [302, {}, { location: "/login" }];
  if (has("redirect-to-slash") && !request.url.endsWith("/")) return [308, {}, { location: `${request.url}/` }];
  if (has("csrf")) return [403, { error: "CSRF token missing" }];
  if (has("always-401")) return [401, { error: "Unauthorized" }];
  const headers = readHeaders(request);
  const contentType = headers.get("content-type")?.[0] ?? "";
  if (has("exact-content-type") && contentType !== "application/json") return [415, { error: "Unsupported media type" }];
  if (has("content-type-crash") && !/^application\/json/i.test(contentType)) throw new Error("no parser for this type");
  if (has("long-cookies-rejected") && (headers.get("cookie")?.[0].length ?? 0) > 2048) {
    return [400, { error: "Request header too large" }];
  }
  if (has("too-many-requests") && inFlight > 15) return [429, { error: "Too many requests" }];
  // Requests that come one after the other have at most one connection, and one that is just closing.
  if (has("too-many-requests") && connections > 2) await sleep(100);
  if (has("slow-list")) await sleep((headers.get(scheme.signature.header)?.[0] ?? "").split(" ").length);

  // The id as it stands in the request, of which nothing is known yet.
  const unverified = () => identify(scheme.id && headers.get(scheme.id)?.[0], parse(body.bytes), body.bytes);
  if (has("dedupe-before-verification") && ledger.ids.has(unverified())) return [200, { received: true }];
  if (has("effect-before-verification") && parse(body.bytes) && !ledger.ids.has(unverified())) {
    ledger.ids.add(unverified());
    ledger.takeEffect();
  }
  if (has("always-200")) {
    await act(scheme.id && (headers.get(scheme.id)?.[0] ?? ""), body);
    return [200, { received: true }];
  }
  let id;
  try {
    id = verify(headers, body);
  } catch (error) {
    if (error instanceof Status && has("rejected-id-recorded")) ledger.ids.add(unverified());
    if (error instanceof Status && has("200-without-effect")) return [200, { received: true }];
    throw error;
  }
  const result = await act(id, body);
  if (has("slower-than-timeout")) await sleep(30_000);
  if (has("slower-than-half") && (slowResponses += 1) === 1) await sleep(6_000);
  return result;
}

// The whole body, or null as soon as it is over the limit; what is left is read and dropped.
function readBody(request) {
  return new Promise((resolve, fail) => {
    if (request.destroyed) return fail(new Error("the request was cut off"));
    const chunks = [];
    let [size, text] = [0, ""];
    request.on("data", (chunk) => {
      size += chunk.length;
      if (size > bodyLimit) return resolve(null);
      chunks.push(chunk);
      if (has("string-chunks")) text += chunk;
    });
    request.on("end", () => {
      const hidden = has("chunked-empty") && request.headers["content-length"] === undefined;
      resolve({ bytes: hidden ? Buffer.alloc(0) : Buffer.concat(chunks), text });
    });
    request.on("error", fail);
    if (request.destroyed) fail(new Error("the request was cut off"));
    request.on("close", () => fail(new Error("the request was cut off")));
  });
}

function respond(request, response, [status, value, headers = {}]) {
  const text = `${JSON.stringify(value)}\n`;
  const more = { "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers };
  if (has("poisoned-connection") && status >= 400) afterLast.add(request.socket);
  if (status !== 413) return response.writeHead(status, more).end(request.method === "HEAD" ? undefined : text);
  // The response is complete at once. The connection closes when the sender has stopped, because a connection that is
  // closed with unread bytes is reset, and the reset can overtake the response.
  response.writeHead(status, { ...more, connection: "close" }).write(text);
  const end = () => response.end();
  request.once("end", end).once("close", end);
  setTimeout(end, 2000).unref();
}

let queue = Promise.resolve();

async function handle(request, response) {
  inFlight += 1;
  let release;
  try {
    if (has("one-at-a-time")) {
      const before = queue;
      queue = new Promise((resolve) => (release = resolve));
      await before;
    }
    if (has("http-1-0-rejected") && request.httpVersion === "1.0") throw new Status(505, { error: "HTTP/1.1 only" });
    if (afterLast.has(request.socket)) throw new Status(400, { error: "Bad request" });
    const deadline = has("slow-body-rejected") && setTimeout(() => respond(request, response, [408, {}]), 250);
    const body = await readBody(request);
    clearTimeout(deadline);
    if (response.headersSent) return;
    if (body === null) throw new Status(413, { error: "Body too large" });
    if (request.method === "GET" && has("get-crash")) throw new Error("no body");
    if (request.method !== "POST" && !has("any-method")) {
      throw new Status(405, { error: "Method not allowed" });
    }
    respond(request, response, await handlePost(request, body));
  } catch (error) {
    if (has("dies-on-cut-off") && !(error instanceof Status) && request.destroyed && !request.complete) process.exit(1);
    if (response.headersSent || response.destroyed) return;
    const { status, value } = error instanceof Status ? error : { status: 500, value: { error: "Internal error" } };
    if (status === 500) console.error(`${error.name}: ${error.message}`);
    respond(request, response, [status, value, status === 405 ? { allow: "POST" } : {}]);
  } finally {
    inFlight -= 1;
    release?.();
  }
}

// The limit lets a list of thousands of signatures through, which then gets a proper response.
const server = createServer({ maxHeaderSize: MEBIBYTE / 2 }, handle);
if (has("expect-rejected")) {
  server.on("checkContinue", (request, response) => {
    request.resume();
    response.writeHead(417, { "content-length": 0 }).end();
  });
}
server.on("connection", (socket) => {
  connections += 1;
  socket.on("close", () => (connections -= 1));
});
server.on("clientError", (error, socket) => {
  if (error.code === "ECONNRESET" || !socket.writable) return socket.destroy();
  socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
});
server.on("error", (error) => stop(error.message));
server.listen({ port: Number(settings.PORT ?? 0), host: "127.0.0.1", backlog: 511 }, () => {
  console.log(`listening on ${server.address().port}`);
});
if (settings.STOP_WITH_STDIN) process.stdin.on("close", () => process.exit(0)).resume();
