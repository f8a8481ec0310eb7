// Passkeys in a real browser, with an authenticator that Chromium plays (CDP, domain WebAuthn): made,
// used, refused without its owner, revoked.
// Arguments: the one-time link, the directory for screenshots.
import assert from "node:assert/strict";
import { look, run, step } from "./look.mjs";

const [link, shots] = process.argv.slice(2);
const address = new URL(link).origin;
const base = address.replace("127.0.0.1", "localhost");

await run(shots, async ({ page, complaints, follow }) => {
  const devtools = await page.createCDPSession();
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  const text = (selector) => page.$eval(selector, (one) => one.innerText);
  const path = () => new URL(page.url()).pathname;
  const signOut = async () => { await page.goto(base + "/access"); await follow("form[action='/sign-out'] button"); assert.equal(path(), "/sign-in"); };
  const add = "form.passkey .adds button";

  await page.goto(base + new URL(link).pathname);
  await follow("button.main");
  await page.goto(base + "/access");
  let password = "";
  await look(page, shots, "second-factor", async () => {
    await page.goto(base + "/access");
    if (await page.$("input[name=old]")) await page.type("input[name=old]", password);
    password += "correct horse battery";
    await page.type("form[action='/access/password'] input[name=password]", password);
    await follow("form[action='/access/password'] button");
  });
  const [secret, picture] = await page.$eval(".factor", (factor) => [factor.querySelector("pre").innerText, factor.querySelector("svg").getBoundingClientRect().width]);
  assert.match(secret, /^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/);
  assert.ok(picture > 150, `${picture} pixels`);
  step("the second factor is shown to a camera and as text");

  await look(page, shots, "no-passkey", () => page.goto(base + "/access"));
  await page.type("form.passkey input[name=name]", "my <b>laptop</b>");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".told");
  assert.match(await text(".told"), /The passkey my <b>laptop<\/b> signs you in/);
  assert.equal((await devtools.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length, 1);
  step("a passkey is made, by the Enter key");

  await page.type("form.passkey input[name=name]", "another");
  await page.click(add);
  await page.waitForSelector("form.passkey .trouble:not([hidden])");
  assert.match(await text("form.passkey .trouble"), /has a passkey of yours already/);
  step("a device has one of somebody");
  await page.goto(base + "/access");
  const cookies = (await devtools.send("Network.getCookies", { urls: [base] })).cookies;
  await devtools.send("Network.clearBrowserCookies");
  await page.type("form.passkey input[name=name]", "another");
  await follow(add);
  assert.equal(path(), "/sign-in");
  await devtools.send("Network.setCookies", { cookies: cookies.map(({ name, value, path, httpOnly, sameSite }) => ({ url: base, name, value, path, httpOnly, sameSite })) });
  step("who is signed out meanwhile is led to the sign-in");
  await look(page, shots, "passkeys", () => page.goto(base + "/access"));

  await signOut();
  await look(page, shots, "sign-in", () => page.goto(base + "/sign-in"));
  await page.click("form.passkey button");
  assert.ok(await page.$eval("input[name=name]", (name) => !name.validity.valid), "a name is wanted");
  await page.goto(base + "/sign-in?to=%2Fhealth");
  await page.type("input[name=name]", "admin");
  await follow("form.passkey button");
  assert.equal(path(), "/health");
  step("it signs in where password and code would, and leads where one was going");

  await signOut();
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await page.type("input[name=name]", "admin");
  await page.click("form.passkey button");
  await page.waitForSelector("form.passkey .trouble:not([hidden])");
  assert.match(await text("form.passkey .trouble"), /No passkey was used/);
  await devtools.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: true });
  await follow("form.passkey button");
  assert.equal(path(), "/");
  step("a wrong finger is told, and another try is made on the same page");

  await page.goto(base + "/access");
  assert.match(await text("form.passkey .keys li"), /my <b>laptop<\/b>\s+for localhost, made/);
  await page.goto(base + "/sign-in");
  await page.type("input[name=name]", "admin");
  await page.evaluate(() => { document.querySelector("form.passkey").submit = () => {}; });
  await page.click("form.passkey button");
  await page.waitForFunction(() => document.querySelector("form.passkey").elements.credential.value);
  const second = await page.browser().newPage();
  await second.goto(base + "/access");
  await Promise.all([second.waitForNavigation(), second.$eval("form.passkey .keys button", (button) => button.click())]);
  assert.match(await second.$eval(".told", (told) => told.innerText), /The passkey my <b>laptop<\/b> is of no use any more/);
  assert.equal(await second.$("form.passkey .keys"), null);
  await second.close();
  await page.bringToFront();
  await Promise.all([page.waitForNavigation(), page.evaluate(() => HTMLFormElement.prototype.submit.call(document.querySelector("form.passkey")))]);
  assert.equal(path(), "/sign-in/passkey");
  assert.match(await text(".trouble"), /This passkey is not known here/);
  step("revoked, it is refused: also an answer that was given before");

  await signOut();
  await page.type("input[name=name]", "admin");
  await page.click("form.passkey button");
  await page.waitForSelector("form.passkey .trouble:not([hidden])");
  assert.match(await text("form.passkey .trouble"), /No passkey was used/);
  assert.equal(path(), "/sign-in");
  step("and it is asked for no more");

  complaints.length = 0;
  await look(page, shots, "sign-in-by-address", () => page.goto(address + "/sign-in"));
  assert.match(await text(".door"), /Passkeys work at http:\/\/localhost:\d+\./);
  await follow(".door .note a");
  assert.equal(new URL(page.url()).origin, base);
  await page.setJavaScriptEnabled(false);
  await page.goto(base + "/sign-in");
  assert.equal(await page.$eval("form.passkey", (form) => getComputedStyle(form).display), "none");
  step("where they are not offered, the page says where they are; without JavaScript nothing is in the way");
  assert.deepEqual(complaints, [], "the browser complains");
});
