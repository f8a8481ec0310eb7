// What a newcomer does with the console, in a real browser; then every page is looked at.
// Arguments: the one-time link, the directory for screenshots.
import assert from "node:assert/strict";
import { look, run, step } from "./look.mjs";

const [link, shots] = process.argv.slice(2);
const base = new URL(link).origin;

await run(shots, async ({ page, complaints, follow }) => {
  const query = () => new URL(page.url()).searchParams.get("q");
  await page.goto(base + "/events");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  step("who is not signed in sees nothing");

  await page.goto(link);
  await follow("button.main");
  assert.equal(new URL(page.url()).pathname, "/");
  assert.equal((await page.goto(link)).status(), 200);
  assert.match(await page.$eval("main", (main) => main.innerText), /used, or its time is over/);
  step("the printed link signs in, once");

  await page.goto(base + "/?last=30d");
  const blocked = () => page.$$eval(".legend > li > b", (all) => all.reduce((sum, b) => sum + Number(b.textContent.replace(/\D/g, "")), 0));
  const before = await blocked();
  await page.waitForFunction((before) => [...document.querySelectorAll(".legend > li > b")].reduce((sum, b) => sum + Number(b.textContent.replace(/\D/g, "")), 0) > before, {}, before);
  step("the attack arrives without a reload");

  await follow(".chips .offer a");
  assert.equal(query(), "");
  // What is clicked must not be replaced meanwhile.
  const pause = () => page.evaluate(() => document.getElementById("pause").click());
  await pause();
  await page.keyboard.down("Alt");
  await follow(".legend > li > a[href*='outcome%3Aallowed']");
  await page.keyboard.up("Alt");
  assert.equal(query(), "outcome!=allowed");
  step("the other click excludes allowed");

  await page.waitForSelector(".donut path.o-rejected");
  const slice = await page.$eval(".donut a[href*='outcome%3Arejected']", (a) => a.getAttribute("href"));
  await pause();
  const [x, y] = await page.$eval(".donut a[href*='outcome%3Arejected'] path", (path) => {
    // The middle of an arc's box is not in the arc.
    const box = path.getBoundingClientRect();
    for (let i = 1; i < 20; i++) for (let j = 1; j < 20; j++) {
      const [x, y] = [box.left + box.width * i / 20, box.top + box.height * j / 20];
      if (document.elementFromPoint(x, y) === path) return [x, y];
    }
  });
  await Promise.all([page.waitForNavigation(), page.mouse.click(x, y)]);
  assert.equal(query(), "outcome!=allowed outcome:rejected", slice);
  step("a slice narrows the view");

  await follow("nav a[href^='/events']");
  assert.equal(query(), "outcome!=allowed outcome:rejected");
  await follow("tr:has(td:nth-child(4) a) td.line a");
  const line = await page.$eval("pre.raw", (pre) => pre.innerText);
  const client = await page.$eval("mark[data-field=client]", (mark) => mark.innerText);
  assert.ok(line.includes(client));
  step("a row leads to its raw line, with what the parser read marked in it");

  const prefix = await page.$eval("section.deed:nth-of-type(3) h2 .foreign, section.deed:last-of-type h2 .foreign", (name) => name.innerText);
  assert.match(prefix, /\/(24|64)$/);
  await page.type("section.deed:last-of-type input[name=reason]", "the newcomer's <b>reason</b>");
  await follow("section.deed:last-of-type button.ban");
  assert.equal(new URL(page.url()).pathname, "/audit");
  assert.match(await page.$eval(".told", (told) => told.innerText), /would be banned|is never|not banned/);
  const entry = await page.$eval("#panel-audit tbody tr", (row) => row.innerText);
  for (const part of ["admin", "ban " + prefix, "the newcomer's <b>reason</b>"]) assert.ok(entry.includes(part), entry);
  step("the prefix is banned, and the audit trail says by whom and why");

  await page.goto(base + "/?last=30d");
  await pause();
  await follow("#panel-incidents tbody a");
  const incident = new URL(page.url()).pathname;
  assert.match(incident, /^\/incident\/\d+$/);
  await page.type("section.deed input[name=reason]", "I look into it");
  await follow("section.deed button.acknowledge");
  assert.match(await page.$eval(".told", (told) => told.innerText), /is acknowledged/);
  await page.goto(base + incident);
  assert.match(await page.$eval("table.facts", (facts) => facts.innerText), /acknowledged/);
  step("an incident is taken on");

  await page.setJavaScriptEnabled(false);
  await page.goto(base + "/?last=30d");
  assert.ok(await page.$(".legend b") && await page.$("svg.line path.stroke"));
  await page.setJavaScriptEnabled(true);
  step("it is read without JavaScript");

  const event = await (async () => { await page.goto(base + "/events?last=30d"); return page.$eval("td.line a", (a) => a.getAttribute("href")); })();
  const pages = { dashboard: "/?last=30d", everything: "/?last=30d&q=", nothing: "/?last=30d&q=account%3Anobody-here", wrong: "/?q=acount%3Abob", events: "/events?last=30d&q=", event,
    incidents: "/incidents", incident, decisions: "/decisions", audit: "/audit", health: "/health", access: "/access", why: "/why?subject=" + client, story: "/session?id=nothing", "not-here": "/no/such/page" };
  complaints.length = 0;
  for (const [name, path] of Object.entries(pages)) await look(page, shots, name, () => page.goto(base + path));
  const real = complaints.filter((text) => !/status of 404/.test(text));
  assert.deepEqual(real, [], "the browser complains");
  step(`${Object.keys(pages).length} pages, light and dark, wide and narrow`);
});
