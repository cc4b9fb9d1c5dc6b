// Uses the inspector page of `whk listen --ui` and of `whk serve` in headless Chromium. The exit status is 0 if what a scenario describes
// holds; else standard error has the reason.
//
//     node inspector.mjs WHK FOLDER SCENARIO [ARGUMENT…]     files go into FOLDER
import * as looks from "./inspector-looks.mjs";
import * as provider from "./inspector-provider.mjs";
import * as safety from "./inspector-safety.mjs";
import * as use from "./inspector-use.mjs";
import { run } from "./inspector-browser.mjs";

const [whk, folder, name, ...more] = process.argv.slice(2);
const scenario = { ...looks, ...provider, ...safety, ...use }[name];
if (!scenario) throw new Error(`no scenario ${name}`);
await run((test) => scenario(test, ...more), { whk, folder });
