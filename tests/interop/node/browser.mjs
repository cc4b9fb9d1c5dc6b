// The headless Chromium of the tests. It comes in an npm package, libraries included.
//
//     node browser.mjs     unpacks it beside this script, unless that is done
//
// Tests run side by side, so none of them may unpack it: another would start a file that is still being written.
import { existsSync, mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";

const here = import.meta.dirname;
const unpacked = `${here}/chromium`;

// The package unpacks into TMPDIR, and takes this name of a runtime as the sign that it must bring its libraries.
async function chromiumIn(folder) {
  process.env.TMPDIR = folder;
  process.env.AWS_LAMBDA_JS_RUNTIME = "nodejs22.x";
  const { default: chromium } = await import("@sparticuz/chromium");
  chromium.setGraphicsMode = false;
  return chromium.executablePath();
}

export async function open(more = []) {
  if (!existsSync(unpacked)) throw new Error(`no browser in ${unpacked}: run node browser.mjs`);
  // Its fonts, and none of this machine's, so that a page is the same everywhere.
  process.env.FONTCONFIG_PATH = `${here}/fontconfig`;
  const { launch } = await import("puppeteer-core");
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", ...more];
  return launch({ executablePath: await chromiumIn(unpacked), headless: "shell", pipe: true, args });
}

if (process.argv[1] === import.meta.filename) {
  mkdirSync(`${here}/fontconfig`, { recursive: true });
  writeFileSync(`${here}/fontconfig/fonts.conf`, fontSettings());
  if (!existsSync(unpacked)) {
    // Renamed when it is whole, so that an interrupted run leaves nothing that looks complete.
    const unfinished = mkdtempSync(`${here}/chromium-`);
    await chromiumIn(unfinished);
    renameSync(unfinished, unpacked);
  }
}

// The font that comes with the browser, and another one for code, so that columns are columns.
function fontSettings() {
  const folders = [`${unpacked}/fonts`, `${here}/node_modules/dejavu-fonts-ttf/ttf`];
  const families = { "sans-serif": "Open Sans", "system-ui": "Open Sans", monospace: "DejaVu Sans Mono" };
  const aliases = Object.entries(families).map(([family, font]) => `<alias binding="same"><family>${family}</family><prefer><family>${font}</family></prefer></alias>`);
  return `<?xml version="1.0"?><fontconfig>${folders.map((folder) => `<dir>${folder}</dir>`).join("")}<cachedir>${here}/fontconfig</cachedir>${aliases.join("")}</fontconfig>`;
}
