// A receiver as AutoSend's introduction and SelfMX's page on webhooks tell people to write it: the body is parsed by a
// middleware first, and what is signed is the parsed body written once more. It has no look at the time.
// WEBHOOK_SECRET is the secret, PROVIDER one of `autosend` and `selfmx`. The first line of stdout is {"port":N}; the
// process ends when stdin closes, so a killed test leaves no orphan.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";

const { WEBHOOK_SECRET: secret, PROVIDER: provider } = process.env;
const prefix = { autosend: "", selfmx: "sha256=" }[provider];
if (prefix === undefined) throw new Error(`no guide of ${provider} signs what it parsed`);

function isGenuine(event, signature) {
  const mac = createHmac("sha256", secret);
  mac.update(JSON.stringify(event));
  return prefix + mac.digest("hex") === signature;
}

// What `express.json()` and the route behind it do.
function answer(headers, text) {
  let event;
  try {
    event = JSON.parse(text);
  } catch {
    return [400, { error: "Invalid JSON" }];
  }
  if (!isGenuine(event, headers["x-webhook-signature"])) return [401, { error: "Invalid signature" }];
  return [200, { received: true }];
}

const server = createServer(async (request, response) => {
  request.setEncoding("utf8");
  let text = "";
  for await (const part of request) text += part;
  const [status, value] = answer(request.headers, text);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: server.address().port }));
});

process.stdin.on("close", () => process.exit(0)).resume();
