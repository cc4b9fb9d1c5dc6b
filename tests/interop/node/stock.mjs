// What the published library makes of a request with its usual constructor and its defaults. One JSON object per line
// on stdin:
//   {"secret","headers":[[name, value as base64], …],"body_b64","now_ms"}
// one per line on stdout: {"outcome":"accepts"|"refuses"|"throws","error"}.
import { createInterface } from "node:readline";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

function verify({ secret, headers, body_b64, now_ms }) {
  Date.now = () => now_ms;
  // Node's HTTP server reads header values as Latin-1.
  const decoded = headers.map(([name, value]) => [name, Buffer.from(value, "base64").toString("latin1")]);
  new Webhook(secret).verify(Buffer.from(body_b64, "base64"), Object.fromEntries(decoded));
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer = { outcome: "accepts", error: null };
  try {
    verify(request);
  } catch (error) {
    const refused = error instanceof WebhookVerificationError;
    answer = { outcome: refused ? "refuses" : "throws", error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
