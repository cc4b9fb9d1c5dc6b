// Signs with the published library. One JSON object per line on stdin:
//   {"secret","format":"raw"|"base64","id","timestamp": unix seconds,"body_b64"}
// one per line on stdout: {"headers":[[name, value], …]} or {"error":"…"}.
import { isUtf8 } from "node:buffer";
import { createInterface } from "node:readline";
import { Webhook } from "standardwebhooks";

function sign({ secret, format, id, timestamp, body_b64 }) {
  const body = Buffer.from(body_b64, "base64");
  // The library would sign U+FFFD in place of what is not UTF-8: other bytes than those sent.
  if (!isUtf8(body)) throw new Error("not UTF-8");
  const webhook = format === "raw" ? new Webhook(secret, { format }) : new Webhook(secret);
  return [
    ["webhook-id", id],
    ["webhook-timestamp", String(timestamp)],
    ["webhook-signature", webhook.sign(id, new Date(timestamp * 1000), body)],
  ];
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  let answer;
  try {
    answer = { headers: sign(message) };
  } catch (error) {
    answer = { error: error.message };
  }
  console.log(JSON.stringify(answer));
}
