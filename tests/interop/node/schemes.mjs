// Signs and checks by the rules of the providers that sign with a key pair, with Node's own cryptography.
// One JSON object per line on stdin:
//   {"do":"sign"|"check","scheme":"discord"|"sendgrid","secret","timestamp": unix seconds,"headers":[[name, value], …],"body_b64"}
// To check, the secret is the public half. One per line on stdout:
//   {"headers":[[name, value], …],"body_b64"}, {"valid": true|false} or {"error":"…"}.
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { createInterface } from "node:readline";

// What stands before the raw key in PKCS #8 and in X.509 (RFC 8410).
const ED25519_PRIVATE = Buffer.from("302e020100300506032b657004220420", "hex");
const ED25519_PUBLIC = Buffer.from("302a300506032b6570032100", "hex");

const der = (key, type) => ({ key, format: "der", type });

const schemes = {
  discord: {
    timestamp: "x-signature-timestamp",
    signature: "x-signature-ed25519",
    sign(secret, content) {
      const seed = Buffer.from(secret, "hex").subarray(0, 32);
      const key = createPrivateKey(der(Buffer.concat([ED25519_PRIVATE, seed]), "pkcs8"));
      return sign(null, content, key).toString("hex");
    },
    verify(secret, content, signature) {
      const key = createPublicKey(der(Buffer.concat([ED25519_PUBLIC, Buffer.from(secret, "hex")]), "spki"));
      return verify(null, content, key, Buffer.from(signature, "hex"));
    },
  },
  sendgrid: {
    timestamp: "x-twilio-email-event-webhook-timestamp",
    signature: "x-twilio-email-event-webhook-signature",
    sign(secret, content) {
      const key = createPrivateKey(der(Buffer.from(secret, "base64"), "pkcs8"));
      return sign("sha256", content, key).toString("base64");
    },
    verify(secret, content, signature) {
      const key = createPublicKey(der(Buffer.from(secret, "base64"), "spki"));
      return verify("sha256", content, key, Buffer.from(signature, "base64"));
    },
  },
};

function answer(order) {
  const scheme = schemes[order.scheme];
  const headers = Object.fromEntries(order.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const at = headers[scheme.timestamp] ?? String(order.timestamp);
  const content = Buffer.concat([Buffer.from(at), Buffer.from(order.body_b64, "base64")]);
  if (order.do === "check") {
    return { valid: scheme.verify(order.secret, content, headers[scheme.signature]) };
  }
  const signature = scheme.sign(order.secret, content);
  return { headers: [[scheme.timestamp, at], [scheme.signature, signature]], body_b64: order.body_b64 };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = answer(JSON.parse(line));
  } catch (error) {
    reply = { error: error.message };
  }
  console.log(JSON.stringify(reply));
}
