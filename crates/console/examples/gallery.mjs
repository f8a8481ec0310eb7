// Looks at the pages of the gallery in a real browser (puppeteer-core and axe-core of web/package.json).
// Arguments: the gallery's program, the directory for screenshots.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [program, shots, tools] = process.argv.slice(2);
const wanted = createRequire(`${tools}/`);
const puppeteer = (await import(wanted.resolve("puppeteer-core"))).default;
const axe = readFileSync(wanted.resolve("axe-core/axe.min.js"), "utf8");
// Wide pages are looked at with a mouse, narrow ones with a finger.
const launch = (pointer) => puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage", ...pointer] });
const mouse = "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4";
const browsers = [await launch([mouse]), await launch([])];
const failures = [];
const check = (is, what) => { if (!is) { failures.push(what); console.log("not ok:", what); } };

async function gallery(what, look) {
  const child = spawn(program, [what], { stdio: ["pipe", "pipe", "inherit"] });
  const base = await new Promise((done) => createInterface(child.stdout).once("line", done));
  const complaints = [], pages = [];
  for (const browser of browsers) {
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on("console", (message) => { if (message.type() === "error" && !/status of 404/.test(message.text())) complaints.push(message.text()); });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => { complaints.push("a dialog: " + dialog.message()); dialog.dismiss(); });
    pages.push(page);
  }
  try { await look(pages, base); } catch (error) { failures.push(`${what}: ${error.stack}`); console.log("not ok:", what, error); }
  check(!complaints.length, `${what}: the browser complains: ${complaints.slice(0, 3)}`);
  for (const page of pages) await page.close();
  child.stdin.end();
}

// Links, buttons and numbers of which one stands on another.
function overlapping() {
  const boxes = [...document.querySelectorAll("td a, td.number, td time, button, th, .legend a, .legend b, h2, .label")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !one.closest("header"))
    .map((one) => ({ one, box: one.getBoundingClientRect() })).filter(({ box }) => box.width > 1 && box.top < 3000);
  const found = [];
  boxes.forEach((a, place) => boxes.slice(place + 1, place + 30).forEach((b) => {
    if (a.one.contains(b.one) || b.one.contains(a.one)) return;
    const [width, height] = [Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left), Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)];
    if (width > 2 && height > 2) found.push(`"${a.one.innerText.slice(0, 30)}" and "${b.one.innerText.slice(0, 30)}"`);
  }));
  return found;
}

async function looked([wide, narrow], base, what, pages) {
  for (const [name, path] of Object.entries(pages)) for (const scheme of ["light", "dark"]) for (const width of [1440, 390, 360, 820, 2560]) {
    if ([820, 2560].includes(width) && scheme === "dark" || width === 360 && scheme === "light") continue;
    const page = width < 1000 ? narrow : wide;
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.setViewport({ width, height: 900 });
    await page.goto(base + path);
    const at = `${what} ${name} ${scheme} ${width}`;
    if (name === "views") await page.click(".keep summary");
    await page.evaluate(async () => {
      for (let y = 0; y < document.body.scrollHeight && y < 6000; y += 600) { scrollTo(0, y); await new Promise((done) => setTimeout(done, 20)); }
      scrollTo(0, 0);
      await new Promise((done) => setTimeout(done, 150));
    });
    check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${at}: scrolls sideways`);
    const over = await page.evaluate(overlapping);
    check(!over.length, `${at}: ${over.slice(0, 3)} overlap`);
    const texts = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((one) => !one.children.length && !one.closest(".foreign, pre")).map((one) => one.textContent).join("\n"));
    check(!/\b(null|undefined|NaN|Infinity)\b/.test(texts), `${at}: says null`);
    await page.screenshot({ path: `${shots}/${what}-${name}-${scheme}-${width}.png`, captureBeyondViewport: true, clip: { x: 0, y: 0, width, height: Math.min(3600, await page.evaluate(() => document.documentElement.scrollHeight)) } });
    if (![1440, 390].includes(width)) continue;
    await page.evaluate(axe);
    const serious = await page.evaluate(async () => (await window.axe.run()).violations.filter((one) => ["serious", "critical"].includes(one.impact))
      .map((one) => one.id + ": " + one.nodes.map((node) => node.target + " " + node.failureSummary).slice(0, 3).join("; ")));
    check(!serious.length, `${at}: ${serious}`);
  }
}

const LISTS = { dashboard: "/?last=24h&q=", events: "/events?last=24h&q=", incidents: "/incidents", decisions: "/decisions", audit: "/audit", health: "/health", access: "/access", "not-here": "/nothing" };

await gallery("full", async (pages, base) => {
  const [page] = pages;
  await page.goto(base + LISTS.events);
  const event = await page.$eval("td.line a", (a) => a.getAttribute("href"));
  const long = await page.$$eval("td.line a", (all) => all.find((a) => /x{400}…$/.test(a.title))?.getAttribute("href"));
  await looked(pages, base, "full", { ...LISTS, filtered: "/?last=24h&q=" + encodeURIComponent("outcome!=allowed country:FJ account!=\"" + "x".repeat(900) + "\""), wrong: "/?q=acount%3Abob", views: "/events?last=7d&q=" + encodeURIComponent("outcome:rejected reason:auth-failed account:*@example.org"), event, ...(long && { long }), incident: "/incident/1", "one-long": "/incident/12", why: "/why?subject=203.0.113.9" });

  await page.setViewport({ width: 1440, height: 900 });
  await page.goto(base + LISTS.dashboard);
  // Charts above it are drawn meanwhile, and push it out of view.
  await page.waitForFunction(() => { document.querySelector("#panel-map").scrollIntoView(); return document.querySelector(".world a path"); });
  check(await page.$eval(".world a:has([data-country=CN]) title", (title) => /^China: .* events/.test(title.textContent)), "a country says its name");
  await page.evaluate(() => scrollTo(0, 0));
  const plots = await page.$$(".plot canvas");
  check(plots.length === 3, "three charts");
  const box = await plots[1].boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + 30);
  const told = await page.$$eval(".small .at", (all) => all.map((one) => one.textContent));
  check(told.every((one) => / at .*\d\d:\d\d/.test(one)), `the three charts have one cursor: ${told}`);
  await page.mouse.move(box.x + box.width * 0.4, box.y + 30);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 30, { steps: 5 });
  await Promise.all([page.waitForNavigation(), page.mouse.up()]);
  check(/from=\d+&until=\d+/.test(page.url()), `a brush asks for its time: ${page.url()}`);
  await page.goto(base + LISTS.dashboard);
  await page.click("#theme");
  await page.click("#theme");
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.goto(base + LISTS.health, { waitUntil: "domcontentloaded" });
  check(dark === "rgb(16, 21, 27)" && await ground() === dark, "the theme stays");
  await page.keyboard.press("/");
  await page.goto(base + LISTS.dashboard);
  await page.keyboard.press("/");
  check(await page.evaluate(() => document.activeElement.id === "q"), "/ goes to the query");

  await page.goto(base + LISTS.events);
  const ids = () => page.$$eval("#events td.line a", (all) => all.map((a) => a.getAttribute("href")));
  const first = await ids();
  let most = 0;
  for (let turn = 0; turn < 400; turn++) {
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await new Promise((done) => setTimeout(done, 40));
    most = Math.max(most, await page.evaluate(() => document.querySelectorAll("#events tr").length));
    if (await page.$("#events tr.end")) break;
  }
  check(await page.$("#events tr.end"), "the table has an end");
  check(most < 1500, `rows in view are few: ${most}`);
  const bodies = await page.$$eval("#events tbody", (all) => all.length);
  check(bodies > 10, `there was much to scroll: ${bodies}`);
  for (let turn = 0; turn < 400 && await page.evaluate(() => scrollY) > 0; turn++) {
    await page.evaluate(() => scrollBy(0, -2500));
    await new Promise((done) => setTimeout(done, 40));
  }
  await new Promise((done) => setTimeout(done, 500));
  const again = await ids();
  check(first.every((one, place) => one === again[place]), "scrolled back, the first rows stand there");
  check(await page.evaluate(() => ![...document.querySelectorAll("#events tr.spacer")].some((row) => { const box = row.getBoundingClientRect(); return box.bottom > 0 && box.top < innerHeight; })), "no hole is in view");
});
// Live updates, said by a stream of our own.
await gallery("full", async ([page], base) => {
  await page.evaluateOnNewDocument(() => {
    window.streams = [];
    window.EventSource = class extends EventTarget {
      constructor(url) { super(); this.url = url; window.streams.push(this); }
      close() { this.isClosed = true; }
    };
    window.say = (panels) => window.streams.at(-1).dispatchEvent(new MessageEvent("panels", { data: JSON.stringify({ now: "2026-11-21T00:00:0" + (window.said = (window.said || 0) + 1) + "Z", panels }) }));
    window.fresh = (id, change) => { const copy = document.getElementById("panel-" + id).cloneNode(true); copy.querySelectorAll(".plot").forEach((drawn) => drawn.remove()); change(copy); return { [id]: copy.outerHTML }; };
  });
  await page.setViewport({ width: 1440, height: 900 });
  await page.goto(base + LISTS.dashboard);
  const text = (selector) => page.$eval(selector, (one) => one.textContent);
  const number = (id, value) => page.evaluate((id, value) => say(fresh(id, (copy) => { copy.querySelector("b, td.number").textContent = value; })), id, value);

  await page.mouse.move(5, 5);
  await number("accounts", "7654");
  check(await text("#panel-accounts td.number") === "7654", "a panel is renewed");
  await page.hover("#panel-accounts td.number");
  await number("accounts", "7655");
  check(await text("#panel-accounts td.number") === "7654", "a panel under the pointer waits");
  await page.mouse.move(5, 5);
  await new Promise((done) => setTimeout(done, 200));
  check(await text("#panel-accounts td.number") === "7655", "and is renewed when the pointer leaves");

  await page.$eval("#panel-outcomes details", (one) => { one.open = true; });
  await number("outcomes", "7656");
  check(await text("#panel-outcomes .legend b") === "7656" && await page.$eval("#panel-outcomes details", (one) => one.open), "what was unfolded stays so");

  const canvas = await page.$(".plot canvas");
  await number("lines", "7657");
  check(await text("#panel-lines .label b") === "7657" && await canvas.evaluate((one) => one.isConnected), "the charts take new numbers and stay");
  check(/live/.test(await text(".live .state")), "it says that it is live");

  await page.evaluate(() => streams.at(-1).dispatchEvent(new Event("error")));
  check(/stale/.test(await text(".live .state")) && await page.$(".live.stale time"), "it says since when it is stale");
  await page.waitForFunction(() => streams.length === 2, { timeout: 3000 });
  await page.evaluate(() => streams.at(-1).dispatchEvent(new Event("error")));
  await new Promise((done) => setTimeout(done, 1300));
  check(await page.evaluate(() => streams.length) === 2, "it waits longer each time");
  await page.waitForFunction(() => streams.length === 3, { timeout: 3000 });
  await number("accounts", "7658");
  check(/live/.test(await text(".live .state")) && !await page.$(".live.stale"), "it is live again");
  await page.click("#pause");
  check(/paused/.test(await text(".live .state")) && await page.evaluate(() => streams.at(-1).isClosed), "it can be paused");
  await page.click("#pause");
  check(await page.evaluate(() => streams.length) === 4, "and goes on");
});
for (const what of ["one", "empty"]) await gallery(what, (pages, base) => looked(pages, base, what, LISTS));

for (const browser of browsers) await browser.close();
console.log(failures.length ? `${failures.length} failures` : "all is well");
process.exitCode = failures.length ? 1 : 0;
