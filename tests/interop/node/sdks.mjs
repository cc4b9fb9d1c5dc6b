// Verifies, parses and signs with the published SDKs of providers. One JSON object per line on stdin:
//   {"do":"verify","sdk","provider","secret","now_ms","method","url","type","headers":[[name, value], …],"body_b64"}
//   {"do":"sign", … the same without a signature}
// one per line on stdout: {"ok":true}, {"ok":true,"headers":[[name, value], …]} or {"ok":false,"why":"…"}.
// An SDK that has a parser parses what it has verified.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

// Some SDKs write to stdout, which belongs to the results.
for (const level of ["debug", "error", "info", "log", "warn"]) console[level] = () => {};

/** The clock of the SDKs. */
let nowMs = 0;
globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length === 0 ? [nowMs] : given));
  }
  static now() {
    return nowMs;
  }
};

/** Loads the SDK when it is first needed. */
const lazy = (load) => {
  let loaded;
  return () => (loaded ??= load());
};

const must = (ok) => {
  if (!ok) throw new Error("the SDK returned false");
};

/** One header that holds a prefix and a signature. */
const signed = (name, value) => [[name, value]];

const seconds = (request) => Math.floor(request.nowMs / 1000);

const standardHeaders = ({ headers }, prefix) => ({
  "webhook-id": headers[`${prefix}-id`],
  "webhook-timestamp": headers[`${prefix}-timestamp`],
  "webhook-signature": headers[`${prefix}-signature`],
});

/** AhaSend's key is the text of the secret. */
const form = ({ provider }) => (provider.startsWith("ahasend") ? { format: "raw" } : undefined);

/** What the libraries of Standard Webhooks and Svix have in common. */
const standard = (name, prefix) => ({
  load: () => import(name),
  verify({ Webhook }, request) {
    const headers = name === "svix" ? request.headers : standardHeaders(request, prefix);
    new Webhook(request.secret, form(request)).verify(request.body, headers);
  },
  sign({ Webhook }, request) {
    const signature = new Webhook(request.secret, form(request)).sign("msg_sdk", new Date(nowMs), request.text);
    const time = String(Math.floor(nowMs / 1000));
    return [[`${prefix}-id`, "msg_sdk"], [`${prefix}-timestamp`, time], [`${prefix}-signature`, signature]];
  },
});

/** The schemas that octokit publishes: one document, a definition for each action of each event. */
async function githubSchema() {
  const { default: Ajv } = await import("ajv");
  const path = new URL("node_modules/@octokit/webhooks-schemas/schema.json", import.meta.url);
  const schema = JSON.parse(readFileSync(path, "utf8"));
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(schema, "octokit");
  return { ajv, schema };
}

const hubspotVersions = { hubspot: "v3", "hubspot@v2": "v2", "hubspot@v1": "v1" };

const sdks = {
  stripe: {
    load: async () => new (await import("stripe")).default("sk_test_none"),
    verify(stripe, { text, headers, secret }) {
      const event = stripe.webhooks.constructEvent(text, headers["stripe-signature"], secret);
      must(event.object === "event");
    },
    sign: (stripe, request) => signed("stripe-signature", stripe.webhooks.generateTestHeaderString({
      payload: request.text, secret: request.secret, timestamp: seconds(request),
    })),
  },
  "@octokit/webhooks": {
    load: () => import("@octokit/webhooks"),
    async verify({ Webhooks }, { secret, text, headers, type }) {
      const webhooks = new Webhooks({ secret });
      let received;
      webhooks.onAny(({ name }) => (received = name));
      await webhooks.verifyAndReceive({
        id: headers["x-github-delivery"], name: headers["x-github-event"], payload: text,
        signature: headers["x-hub-signature-256"],
      });
      must(received === type);
    },
    sign: async ({ Webhooks }, { secret, text }) =>
      signed("x-hub-signature-256", await new Webhooks({ secret }).sign(text)),
  },
  "@octokit/webhooks-schemas": {
    load: githubSchema,
    verify({ ajv, schema }, { text, type }) {
      const event = JSON.parse(text);
      const name = `${type}$${event.action ?? "event"}`;
      if (!(name in schema.definitions)) throw new Error(`there is no schema ${name}`);
      const validate = ajv.getSchema(`octokit#/definitions/${name}`);
      if (!validate(event)) {
        const errors = validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
        throw new Error([...new Set(errors)].join("\n"));
      }
    },
  },
  "@slack/bolt": {
    load: () => import("@slack/bolt"),
    verify: ({ verifySlackRequest }, { secret, text, headers }) =>
      verifySlackRequest({ signingSecret: secret, body: text, headers }),
  },
  "@shopify/shopify-api": {
    load: async () => {
      await import("@shopify/shopify-api/adapters/node");
      return import("@shopify/shopify-api");
    },
    async verify({ shopifyApi, ApiVersion, LogSeverity }, { secret, text, method, url, headers }) {
      const versions = Object.values(ApiVersion);
      const shopify = shopifyApi({
        apiKey: "key", apiSecretKey: secret, apiVersion: versions.at(-1), hostName: "example.com",
        isEmbeddedApp: false, logger: { level: LogSeverity.Error },
      });
      const rawRequest = { method, url, headers };
      const { valid, reason } = await shopify.webhooks.validate({ rawBody: text, rawRequest });
      if (!valid) throw new Error(reason);
    },
  },
  "@paddle/paddle-node-sdk": {
    load: async () => new (await import("@paddle/paddle-node-sdk")).Paddle("none"),
    async verify(paddle, { text, secret, headers, type }) {
      const event = await paddle.webhooks.unmarshal(text, secret, headers["paddle-signature"]);
      must(event?.eventType === type);
    },
  },
  "@linear/sdk": {
    load: () => import("@linear/sdk/webhooks"),
    verify({ LinearWebhookClient }, { secret, body, headers, type }) {
      const signature = headers["linear-signature"];
      must(new LinearWebhookClient(secret).parseData(body, signature, headers["linear-timestamp"]).type === type);
    },
  },
  square: {
    load: () => import("square"),
    async verify({ WebhooksHelper }, { text, secret, url, headers }) {
      must(await WebhooksHelper.verifySignature({
        requestBody: text, signatureHeader: headers["x-square-hmacsha256-signature"], signatureKey: secret,
        notificationUrl: url,
      }));
    },
  },
  twilio: {
    load: () => import("twilio/lib/webhooks/webhooks.js"),
    verify(twilio, { secret, headers, url, text }) {
      const signature = headers["x-twilio-signature"];
      if (headers["content-type"].startsWith("application/json")) {
        must(twilio.validateRequestWithBody(secret, signature, url, text));
      } else {
        must(twilio.validateRequest(secret, signature, url, Object.fromEntries(new URLSearchParams(text))));
      }
    },
    sign: (twilio, { secret, url, text }) => signed("x-twilio-signature",
      twilio.getExpectedTwilioSignature(secret, url, Object.fromEntries(new URLSearchParams(text)))),
  },
  "@hubspot/api-client": {
    load: () => import("@hubspot/api-client"),
    verify({ Signature }, { provider, secret, method, url, text, headers }) {
      const version = hubspotVersions[provider];
      const v3 = version === "v3";
      must(Signature.isValid({
        method, url, signatureVersion: version, clientSecret: secret, requestBody: text,
        signature: headers[v3 ? "x-hubspot-signature-v3" : "x-hubspot-signature"],
        timestamp: v3 ? Number(headers["x-hubspot-request-timestamp"]) : undefined,
      }));
    },
    sign({ Signature }, { provider, secret, method, url, text, nowMs }) {
      const version = hubspotVersions[provider];
      const options = { url, clientSecret: secret, requestBody: text, timestamp: nowMs };
      const signature = Signature.getSignature(method, version, options);
      if (version !== "v3") return signed("x-hubspot-signature", signature);
      return [["x-hubspot-request-timestamp", String(nowMs)], ["x-hubspot-signature-v3", signature]];
    },
  },
  "discord-interactions": {
    load: () => import("discord-interactions"),
    verify: async ({ verifyKey }, { body, headers, secret }) =>
      must(await verifyKey(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], secret)),
  },
  "@sendgrid/eventwebhook": {
    load: async () => new (await import("@sendgrid/eventwebhook")).EventWebhook(),
    verify(webhook, { secret, body, headers }) {
      const key = webhook.convertPublicKeyToECDSA(secret);
      const header = (name) => headers[`x-twilio-email-event-webhook-${name}`];
      must(webhook.verifySignature(key, body, header("signature"), header("timestamp")));
    },
  },
  svix: standard("svix", "svix"),
  standardwebhooks: standard("standardwebhooks", "webhook"),
  resend: {
    load: async () => new (await import("resend")).Resend("re_none"),
    verify(resend, { secret, text, headers }) {
      const [id, timestamp, signature] = ["id", "timestamp", "signature"].map((name) => headers[`svix-${name}`]);
      resend.webhooks.verify({ payload: text, headers: { id, timestamp, signature }, webhookSecret: secret });
    },
  },
  "@clerk/backend": {
    load: () => import("@clerk/backend/webhooks"),
    async verify({ verifyWebhook }, { secret, method, url, headers, body, type }) {
      const request = new Request(url, { method, headers: present(headers), body });
      must((await verifyWebhook(request, { signingSecret: secret })).type === type);
    },
  },
  openai: {
    load: async () => new (await import("openai")).default({ apiKey: "none" }),
    async verify(openai, { secret, text, headers, type }) {
      must((await openai.webhooks.unwrap(text, present(headers), secret)).type === type);
    },
  },
  "@workos-inc/node": {
    load: async () => new (await import("@workos-inc/node")).WorkOS("sk_none"),
    async verify(workos, { text, headers, secret, type }) {
      const sigHeader = headers["workos-signature"];
      const event = await workos.webhooks.constructEvent({ payload: JSON.parse(text), sigHeader, secret });
      must(event.event === type && event.data !== undefined);
    },
    async sign(workos, { text, secret, nowMs }) {
      const signature = await workos.webhooks.computeSignature(nowMs, JSON.parse(text), secret);
      return signed("workos-signature", `t=${nowMs}, v1=${signature}`);
    },
  },
  razorpay: {
    load: async () => (await import("razorpay")).default,
    verify: (Razorpay, { text, headers, secret }) =>
      must(Razorpay.validateWebhookSignature(text, headers["x-razorpay-signature"], secret)),
  },
  "@mux/mux-node": {
    load: async () => new (await import("@mux/mux-node")).default({ tokenId: "none", tokenSecret: "none" }),
    async verify(mux, { text, headers, secret, type }) {
      must((await mux.webhooks.unwrap(text, present(headers), secret)).type === type);
    },
    async sign(mux, request) {
      const time = seconds(request);
      const signature = await mux.webhooks.computeSignature(`${time}.${request.text}`, request.secret);
      return signed("mux-signature", `t=${time},v1=${signature}`);
    },
  },
  "@zoom/rivet": {
    load: () => import("@zoom/rivet/meetings"),
    async verify({ AwsLambdaReceiver }, { secret, text, headers, type }) {
      const receiver = new AwsLambdaReceiver({ webhooksSecretToken: secret });
      let received;
      receiver.init({ eventEmitter: { emit: async (name) => (received = name) } });
      const { statusCode, body } = await receiver.start()({ body: text, headers, isBase64Encoded: false }, {});
      if (statusCode !== 200) throw new Error(body);
      must(received === type);
    },
  },
};

for (const sdk of Object.values(sdks)) sdk.load = lazy(sdk.load);

/** Headers for an interface that takes no `undefined`. */
function present(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

async function result(order) {
  const sdk = sdks[order.sdk];
  if (sdk === undefined) throw new Error(`sdks.mjs does not know ${order.sdk}`);
  const library = await sdk.load();
  const body = Buffer.from(order.body_b64, "base64");
  const headers = Object.fromEntries(order.headers.map(([name, value]) => [name.toLowerCase(), value]));
  nowMs = order.now_ms;
  const request = { ...order, headers, body, text: body.toString(), nowMs };
  try {
    const made = await (order.do === "sign" ? sdk.sign(library, request) : sdk.verify(library, request));
    return order.do === "sign" ? { ok: true, headers: made } : { ok: true };
  } catch (error) {
    return { ok: false, why: String(error?.message ?? error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await result(JSON.parse(line));
  } catch (error) {
    // No verdict of an SDK: the test fails.
    reply = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
// Open connections and timers of an SDK keep nothing alive.
process.exit(0);
