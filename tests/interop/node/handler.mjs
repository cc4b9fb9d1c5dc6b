// A receiver as the guides tell people to write it: the published library over the raw body.
// WEBHOOK_SECRET is the secret, WEBHOOK_FORMAT=raw takes it as the key itself. The first line
// of stdout is {"port":N}; the process ends when stdin closes, so a killed test leaves no orphan.
import { isUtf8 } from "node:buffer";
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const { WEBHOOK_SECRET: secret, WEBHOOK_FORMAT: format } = process.env;
const webhook = format === "raw" ? new Webhook(secret, { format }) : new Webhook(secret);

function answer(headers, body) {
  // The library puts U+FFFD in place of what is not UTF-8 and signs that, so its verdict on such
  // a body would say nothing about the bytes that arrived.
  if (!isUtf8(body)) return [422, "not UTF-8"];
  try {
    // A good signature over a body that is not JSON is still a good signature.
    webhook.verify(body, headers, { jsonParse: false });
    return [200, "OK"];
  } catch {
    return [400, "Invalid signature"];
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const [status, text] = answer(request.headers, Buffer.concat(chunks));
    response.writeHead(status, { "content-type": "text/plain" }).end(text);
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});

process.stdin.on("close", () => process.exit(0)).resume();
