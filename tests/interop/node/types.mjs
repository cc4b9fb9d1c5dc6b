// Compares bodies with the types that the SDKs declare. One JSON object per line on stdin: {"sdk","type","body"}
// one per line on stdout: {"ok":true} or {"ok":false,"why":"…"}.
// A field that a type requires must be there, and one that it does not know must not.
import { readFileSync } from "node:fs";
import ts from "typescript";

const pascal = (type) => type.split(/[._]/).map((word) => word[0].toUpperCase() + word.slice(1)).join("");

/** The imports and the type of an event, by SDK. */
const declared = {
  "@linear/sdk": (type) => [
    `import type { EntityWebhookPayloadWith${type}Data as Event } from "@linear/sdk/webhooks";`,
    // The actor is a union of all kinds of them.
    "Omit<Json<Event>, 'actor'> & { actor: { id: string; name: string; email: string; url: string; type: string } }",
  ],
  // Three fields are in the documentation alone.
  "@mux/mux-node": (type) => [
    `import Mux from "@mux/mux-node";`,
    `Extract<Mux.Webhooks.UnwrapWebhookEvent, { type: "${type}" }> & { request_id: null; accessor: null; accessor_source: null }`,
  ],
  "@slack/bolt": (type) => [
    `import type { types } from "@slack/bolt";`,
    type === "message" ? "Omit<types.GenericMessageEvent, 'subtype'>" : `types.${pascal(type)}Event`,
  ],
  "@zoom/rivet": (type) => [
    `import type { ${pascal(type)}Event as Event } from "@zoom/rivet/meetings";`,
    "Event",
  ],
  openai: (type) => [
    `import OpenAI from "openai";`,
    `Extract<OpenAI.Webhooks.UnwrapWebhookEvent, { type: "${type}" }>`,
  ],
  stripe: (type) => [`import Stripe from "stripe";`, `Json<Stripe.${pascal(type)}Event>`],
};

// An SDK makes objects of some texts; in the body they are texts.
const json = `type Json<T> = T extends string | number | boolean | null | undefined ? T
  : T extends Date | { isZero: any; toFixed: any } ? string
  : T extends (infer U)[] ? Json<U>[] : { [K in keyof T]: Json<T[K]> };`;

const orders = readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
const files = new Map(orders.map(({ sdk, type, body }, index) => {
  const [imports, name] = declared[sdk](type);
  // Slack's types are those of the event inside the body.
  const value = sdk === "@slack/bolt" ? JSON.stringify(JSON.parse(body).event) : body;
  return [`${import.meta.dirname}/event_${index}.ts`, `${imports}\n${json}\nexport const event: ${name} = ${value};\n`];
}));

const options = {
  strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext, types: ["node"],
  typeRoots: [`${import.meta.dirname}/node_modules/@types`],
};
const host = ts.createCompilerHost(options);
const { fileExists, getSourceFile, readFile } = host;
host.fileExists = (path) => files.has(path) || fileExists(path);
host.readFile = (path) => files.get(path) ?? readFile(path);
host.getSourceFile = (path, ...more) =>
  files.has(path) ? ts.createSourceFile(path, files.get(path), more[0]) : getSourceFile(path, ...more);
const program = ts.createProgram([...files.keys()], options, host);
for (const path of files.keys()) {
  const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(path));
  const why = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")).join("\n");
  process.stdout.write(`${JSON.stringify(why === "" ? { ok: true } : { ok: false, why })}\n`);
}
