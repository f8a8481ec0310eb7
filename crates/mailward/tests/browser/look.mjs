// A browser, and how every page is looked at: light and dark, wide and narrow, with axe.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import puppeteer from "puppeteer-core";

const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

export const step = (text) => console.log("ok:", text);

// Runs what a person does; if it fails, says where, with a picture.
export async function run(shots, deeds) {
  const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  await page.setViewport({ width: 1440, height: 900 });
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(error.message));
  try {
    await deeds({ page, complaints, follow: async (selector) => { await Promise.all([page.waitForNavigation(), page.click(selector)]); } });
  } catch (error) {
    await page.screenshot({ path: `${shots}/failed.png` }).catch(() => {});
    console.error(error, "\nat", page.url(), complaints);
    process.exitCode = 1;
  }
  await browser.close();
}

// Looks at the page that `open` opens, in all ways.
export async function look(page, shots, name, open) {
  for (const scheme of ["light", "dark"]) for (const width of [1440, 390]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height: 900 });
    await open();
    await page.evaluate(() => document.fonts.ready);
    const what = `${name}, ${scheme}, ${width}`;
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${what}: scrolls sideways`);
    assert.doesNotMatch(await page.evaluate(() => document.body.innerText), /\b(null|undefined|NaN)\b/, what);
    await page.screenshot({ path: `${shots}/${name}-${scheme}-${width}.png` });
    await page.evaluate(axe);
    const serious = await page.evaluate(async () => (await window.axe.run()).violations.filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => one.id + ": " + one.nodes.map((node) => node.target + " " + node.failureSummary).slice(0, 3).join("; ")));
    assert.deepEqual(serious, [], what);
  }
  await page.setViewport({ width: 1440, height: 900 });
}
