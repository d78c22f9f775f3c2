// Tests logins with an account at another provider in a real browser. The provider is `oidc-provider`
// on 127.0.0.1, the shop is on localhost, so they are different sites. `tests/browser/run` builds the
// shop, which these tests start.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";
import { CLIENT, start as startProvider } from "./openid-provider.mjs";

const { SHOP, CHROMIUM, SCREENSHOTS } = process.env;
const ATTEMPT_COOKIE = "__Host-login";

let provider, shop, browser, context, page;

// Starts a shop that offers logins at `issuer`, or at nobody.
async function startShop(issuer) {
  const folder = mkdtempSync(join(tmpdir(), "shop-"));
  const database = join(folder, "shop.sqlite");
  const elsewhere = {
    SHOP_OPENID_URL: issuer, SHOP_OPENID_NAME: "Provider",
    SHOP_OPENID_ID: CLIENT.id, SHOP_OPENID_SECRET: CLIENT.secret,
  };
  const child = spawn(SHOP, [], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { AUTH_PORT: "0", CART_PORT: "0", PAYMENT_PORT: "0", SHOP_DB: database, ...(issuer && elsewhere) },
  });
  const stop = () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface(child.stdout)) {
    const origin = line.match(/Or open (\S+) in a browser/)?.[1];
    if (!origin) continue;
    child.stdout.resume();
    return { origin, database, redirectUri: `${origin}/auth/login/openid/callback`, stop };
  }
  throw new Error("the shop ended before it was ready");
}

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
after(() => browser?.close());
// Each test has its own shop, since a shop limits the logins from one address. With a single shop,
// the tests together would reach this limit on a fast machine.
beforeEach(async () => {
  provider = await startProvider({ redirectUri: () => shop.redirectUri });
  shop = await startShop(provider.issuer);
  context = await browser.newContext();
  page = await open();
});
afterEach(async () => {
  await context?.close();
  shop?.stop();
  await provider?.close();
});

async function open(of = context, origin = shop.origin) {
  of.setDefaultTimeout(8000);
  const tab = await of.newPage();
  tab.on("pageerror", (error) => assert.fail(`the page failed: ${error}`));
  await tab.goto(origin);
  return tab;
}

// ---- Steps of the user

const isIn = (tab) => tab.waitForSelector("#shop:not([hidden])");
const isOut = (tab) => tab.waitForSelector("#login:not([hidden])");
const shows = (tab, selector, text) => tab.waitForSelector(`${selector}:visible:has-text(${JSON.stringify(text)})`);

const LOG_IN = "#elsewhere [data-provider=openid] button";
const LINK = "#account [data-provider=openid] button";

// Logs in at the provider, and gives consent unless `scopes` is absent.
async function logInAtProvider(tab, user, scopes) {
  await shows(tab, "h1", "Log in");
  await tab.fill("[name=user]", user);
  await tab.click("button:has-text('Log in')");
  if (scopes) await consent(tab, scopes);
}

async function consent(tab, scopes) {
  await shows(tab, "h1", "Consent");
  for (const scope of scopes) await tab.check(`[value="${scope}"]`);
  await tab.click("button:has-text('Continue')");
}

async function logIn(tab, user, scopes) {
  await tab.click(LOG_IN);
  await logInAtProvider(tab, user, scopes);
  await isIn(tab);
}

async function logInWithPassword(tab, user, password) {
  await tab.fill("[name=user]", user);
  await tab.fill("[name=password]", password);
  await tab.click("#login button");
  await isIn(tab);
}

async function logOut(tab) {
  await tab.click("#logout");
  await isOut(tab);
}

async function logOutAtProvider(tab) {
  await tab.goto(`${provider.issuer}/session/end`);
  await tab.click("button:has-text('Log out')");
  await shows(tab, "h1", "Logged out");
  await tab.goto(shop.origin);
}

// ---- Observations

const scopes = (tab) => tab.locator("#scopes li").allTextContents();
const cookieNames = async (of = context) => (await of.cookies(`${shop.origin}/auth/refresh`)).map(({ name }) => name);
const hasSession = async (of = context) => (await cookieNames(of)).includes("__Host-session");

async function picture(tab, name) {
  if (SCREENSHOTS) await tab.screenshot({ path: `${SCREENSHOTS}/openid-${name}.png`, fullPage: true });
}

// Logs in at the provider, and holds the browser back from the callback. Returns the callback's URL.
async function callbackOf(tab, user) {
  const devTools = await tab.context().newCDPSession(tab);
  const url = new Promise((resolve) => devTools.on("Fetch.requestPaused", async ({ requestId, request }) => {
    await devTools.send("Fetch.failRequest", { requestId, errorReason: "Aborted" });
    resolve(request.url);
  }));
  await devTools.send("Fetch.enable", { patterns: [{ urlPattern: `${shop.redirectUri}*` }] });
  await tab.click(LOG_IN);
  await logInAtProvider(tab, user, ["profile"]);
  const callback = await url;
  await devTools.detach();
  return callback;
}

// Goes to a callback that must be refused. Returns the text that the user sees.
async function isRefused(tab, url, status) {
  const answer = await tab.goto(url);
  assert.equal(answer.status(), status);
  return seesRefusal(tab, answer);
}

async function seesRefusal(tab, answer) {
  assert.equal(answer.headers()["cache-control"], "no-store");
  assert.equal(answer.headers()["referrer-policy"], "no-referrer");
  assert.match(answer.headers()["content-security-policy"], /default-src 'none'/);
  assert.equal(await tab.locator("script").count(), 0);
  return tab.locator("body").innerText();
}

// Makes all logins older, in the shop's database.
function ageLogins(secs) {
  const program = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for id, state in db.execute("SELECT id, state FROM tower_jwt_auth_sessions").fetchall():
    state = json.loads(state)
    state["started_at"] -= int(sys.argv[2]) * 1_000_000_000
    db.execute("UPDATE tower_jwt_auth_sessions SET state = ? WHERE id = ?", (json.dumps(state), id))
db.commit()`;
  execFileSync("python3", ["-c", program, shop.database, `${secs}`]);
}

// Starts a site that serves one page.
async function otherSite(html, host = "127.0.0.1") {
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(html));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://${host}:${server.address().port}/`, close: () => server.close() };
}

// ---- Logins

test("without a configured provider, the page has no button for one", async () => {
  const plain = await startShop();
  try {
    const tab = await open(context, plain.origin);
    await isOut(tab);
    assert.equal(await tab.locator("#elsewhere, #account").count(), 0);
    const policy = (await tab.goto(plain.origin)).headers()["content-security-policy"];
    assert.match(policy, /form-action 'self';/);
    assert.equal((await fetch(`${plain.origin}/auth/login/openid`, { method: "POST" })).status, 404);
  } finally {
    plain.stop();
  }
});

test("a user who grants one scope of two is logged in, and only the other action is refused", async () => {
  await isOut(page);
  await picture(page, "first-visit");
  await logIn(page, "carol", ["profile"]);
  assert.equal(page.url(), `${shop.origin}/`);
  await shows(page, "#who", "Carol Danvers of guests");
  await shows(page, "#profile", "You logged in with Provider, as Carol Danvers.");
  assert.deepEqual(await scopes(page), ["profile (granted)", "messages:send (not granted)"]);
  await page.click("#add button");
  await shows(page, "#items li", "tea");
  await page.click("#message button");
  await shows(page, "#message .error", "You did not allow the shop to send messages in your name.");
  await picture(page, "one-scope-of-two");
  // The sentence says what to do, and that works.
  await logOut(page);
  await page.click(LOG_IN);
  await consent(page, ["profile", "messages:send"]);
  await isIn(page);
  await page.click("#message button");
  await shows(page, "#message .done", "The message is sent.");
  // The session is like any other session: it can be renewed, and it survives a reload.
  await page.reload();
  await isIn(page);
  await shows(page, "#who", "Carol Danvers");
});

test("after a logout, somebody else can log in, whose account has nothing of the first", async () => {
  await logIn(page, "carol", ["profile"]);
  await page.fill("[name=item]", "Carol's book");
  await page.click("#add button");
  await shows(page, "#items li", "Carol's book");
  await logOut(page);
  assert.equal(await hasSession(), false);
  await logOutAtProvider(page);
  await logIn(page, "alice", ["profile", "messages:send"]);
  // The name of this user is also the name of an admin of the shop.
  await shows(page, "#who", "alice of guests");
  assert.equal(await page.locator("#items li", { hasText: "Carol's book" }).count(), 0);
  await page.click("#message button");
  await shows(page, "#message .done", "The message is sent.");
  await picture(page, "somebody-else");
});

test("the same account at the provider is the same user of the shop", async () => {
  await logIn(page, "carol", ["profile"]);
  const item = `tea ${Math.random()}`;
  await page.fill("[name=item]", item);
  await page.click("#add button");
  await shows(page, "#items li", item);
  const other = await browser.newContext();
  const far = await open(other);
  await logIn(far, "carol", []);
  await shows(far, "#items li", item);
  // The second login granted less. The permission belongs to the session, and not to the user.
  assert.deepEqual(await scopes(far), ["profile (not granted)", "messages:send (not granted)"]);
  await other.close();
});

test("no token of the provider reaches the page", async () => {
  const urls = [], bodies = [];
  page.on("request", (request) => urls.push(request.url()));
  page.on("response", async (answer) => {
    if (answer.url().startsWith(shop.origin)) bodies.push(await answer.text().catch(() => ""));
  });
  await logIn(page, "carol", ["profile"]);
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage })), "{}");
  for (const text of [...urls, ...bodies]) assert.ok(!/id_token|[?&]access_token|eyJ/.test(text), text);
  assert.ok((await cookieNames()).every((name) => name !== ATTEMPT_COOKIE), "the attempt is over");
});

test("the page works on a phone", async () => {
  const phone = await browser.newContext({ viewport: { width: 400, height: 860 } });
  const tab = await open(phone);
  const fits = async (name) => {
    assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), name);
    await picture(tab, `phone-${name}`);
  };
  await isOut(tab);
  await fits("first-visit");
  await logIn(tab, "carol", ["profile"]);
  await tab.click("#message button");
  await shows(tab, "#message .error", "You did not allow");
  await fits("logged-in");
  await isRefusedText(tab);
  await fits("refused");
  await phone.close();
});

async function isRefusedText(tab) {
  assert.match(await isRefused(tab, `${shop.redirectUri}?code=x&state=y`, 400), /\S/);
}

// ---- Linking

test("a user links an account after a fresh login, and can then log in with it", async () => {
  await logInWithPassword(page, "bob", "builder");
  await shows(page, "#profile", "You logged in with a password.");
  await page.click("#message button");
  await shows(page, "#message .error", "You logged in with a password.");
  await page.click(LINK);
  await logInAtProvider(page, "dave", ["profile", "messages:send"]);
  await isIn(page);
  await shows(page, "#who", "Dave of acme");
  assert.equal(await page.locator(LINK).isVisible(), false);
  await picture(page, "linked");
  await logOut(page);
  await page.click(LOG_IN);
  await consent(page, ["profile"]);
  await isIn(page);
  await shows(page, "#who", "Dave of acme");
});

test("an account cannot be linked long after the login", async () => {
  await logInWithPassword(page, "alice", "wonderland");
  ageLogins(301);
  const answered = page.waitForResponse((answer) => answer.url().endsWith("/auth/login/openid"));
  await page.click(LINK);
  const answer = await answered;
  assert.equal(answer.status(), 403);
  assert.match(await seesRefusal(page, answer), /Please log in to your account again/);
  await picture(page, "not-fresh");
  await page.click("a");
  await isIn(page);
  await shows(page, "#who", "alice of acme");
});

test("an account of another user cannot be linked", async () => {
  await logIn(page, "carol", ["profile"]);
  const other = await browser.newContext();
  const far = await open(other);
  await logInWithPassword(far, "alice", "wonderland");
  await far.click(LINK);
  await logInAtProvider(far, "carol", ["profile"]);
  await shows(far, "body", "This account belongs to another user of the shop.");
  await far.goto(shop.origin);
  await isIn(far);
  await shows(far, "#who", "alice of acme");
  await other.close();
});

// ---- Bad input

for (const where of ["login", "consent"]) {
  test(`a user who cancels on the ${where} page is told so, and can try again`, async () => {
    await page.click(LOG_IN);
    if (where === "consent") await logInAtProvider(page, "carol");
    const answered = page.waitForResponse((answer) => answer.url().startsWith(shop.redirectUri));
    await page.click("button:has-text('Cancel')");
    const answer = await answered;
    assert.equal(answer.status(), 403);
    const text = await seesRefusal(page, answer);
    assert.match(text, /You are not logged in, because access was not granted/);
    assert.equal(await hasSession(), false);
    await picture(page, `cancelled-${where}`);
    await page.goto(shop.origin);
    await page.click(LOG_IN);
    if (where === "login") await logInAtProvider(page, "carol", ["profile"]);
    else await consent(page, ["profile"]);
    await isIn(page);
  });
}

test("a callback that is used twice is refused, and the session stays", async () => {
  const callback = page.waitForRequest((request) => request.url().startsWith(shop.redirectUri));
  await logIn(page, "carol", ["profile"]);
  const text = await isRefused(page, (await callback).url(), 400);
  assert.match(text, /log in/i);
  await picture(page, "used-twice");
  await page.goBack();
  await isIn(page);
  await shows(page, "#who", "Carol Danvers");
});

test("a code of the provider that is used twice is refused", async () => {
  // The browser keeps the attempt, as if the first callback had not arrived.
  const callback = await callbackOf(page, "carol");
  const cookies = await context.cookies(shop.origin);
  await page.goto(callback);
  await isIn(page);
  await logOut(page);
  await context.addCookies(cookies.filter(({ name }) => name === ATTEMPT_COOKIE));
  await isRefused(page, callback, 400);
  assert.equal(await hasSession(), false);
});

test("a callback with a foreign state or a foreign code is refused", async () => {
  for (const parameter of ["state", "code", "iss"]) {
    await page.goto(shop.origin);
    const callback = new URL(await callbackOf(page, "carol"));
    callback.searchParams.set(parameter, parameter === "iss" ? "https://evil.example" : "A".repeat(43));
    await isRefused(page, callback.href, 400);
    assert.equal(await hasSession(), false, parameter);
    await context.clearCookies();
  }
});

test("a callback in another browser is refused", async () => {
  const callback = await callbackOf(page, "carol");
  const other = await browser.newContext();
  const far = await open(other);
  await isRefused(far, callback, 400);
  assert.equal(await hasSession(other), false);
  // It is also refused in a browser that has started a login of its own.
  await far.goto(shop.origin);
  await far.click(LOG_IN);
  await shows(far, "h1", "Log in");
  await isRefused(far, callback, 400);
  assert.equal(await hasSession(other), false);
  await other.close();
});

test("a callback after the cookie was changed is refused", async () => {
  const callback = await callbackOf(page, "carol");
  const [cookie] = (await context.cookies(shop.origin)).filter(({ name }) => name === ATTEMPT_COOKIE);
  assert.ok(cookie.httpOnly && cookie.secure && cookie.path === "/" && cookie.sameSite === "Lax", JSON.stringify(cookie));
  const last = cookie.value.at(-2) === "A" ? "B" : "A";
  await context.addCookies([{ ...cookie, value: cookie.value.slice(0, -2) + last + cookie.value.at(-1) }]);
  await isRefused(page, callback, 400);
  assert.equal(await hasSession(), false);
});

test("many started logins fit into one cookie, and the latest one works", async () => {
  for (let login = 0; login < 6; login++) {
    await page.goto(shop.origin);
    await page.click(LOG_IN);
    await shows(page, "h1", "Log in");
  }
  const attempts = (await context.cookies(shop.origin)).filter(({ name }) => name === ATTEMPT_COOKIE);
  assert.equal(attempts.length, 1);
  assert.ok(attempts[0].value.length < 3000, `${attempts[0].value.length} bytes`);
  await logInAtProvider(page, "carol", ["profile"]);
  await isIn(page);
});

test("a visitor who starts too many logins is told so, and can go on later", async () => {
  const url = `${shop.origin}/auth/login/openid`;
  let answer;
  for (let attempt = 0; attempt < 5 && answer?.status() !== 429; attempt++) {
    await page.goto(shop.origin);
    await isOut(page);
    // A program at the same address uses up the attempts.
    await Promise.all(Array.from({ length: 40 }, () => fetch(url, { method: "POST", redirect: "manual" })));
    [answer] = await Promise.all([page.waitForResponse(url), page.click(LOG_IN)]);
  }
  assert.match(await page.locator("body").innerText(), /^Too many logins\. Go back, and try again in \d+ s\.$/);
  await picture(page, "too-many-logins");
  await page.waitForTimeout(1000 * Number(answer.headers()["retry-after"]));
  await page.goBack();
  await page.click(LOG_IN);
  await shows(page, "h1", "Log in");
});

test("while the provider is down, the user is told so and can try again later", async () => {
  const down = await startProvider({ redirectUri: () => late.redirectUri });
  await down.close();
  const late = await startShop(down.issuer);
  let up;
  try {
    const tab = await open(context, late.origin);
    const answered = tab.waitForResponse((answer) => answer.url().endsWith("/auth/login/openid"));
    await tab.click(LOG_IN);
    const answer = await answered;
    assert.equal(answer.status(), 503);
    assert.match(await seesRefusal(tab, answer), /does not answer. Please try again in a moment/);
    await picture(tab, "provider-down");
    up = await startProvider({ redirectUri: () => late.redirectUri, keys: down.keys, port: Number(new URL(down.issuer).port) });
    let isUp = false;
    for (let attempt = 0; attempt < 20 && !isUp; attempt++) {
      await tab.goto(late.origin);
      await tab.click(LOG_IN);
      isUp = await tab.waitForSelector("h1:has-text('Log in')", { timeout: 1000 }).then(() => true, () => false);
    }
    await logInAtProvider(tab, "carol", ["profile"]);
    await isIn(tab);
  } finally {
    late.stop();
    await up?.close();
  }
});

test("a provider that does not answer in time leaves no session", async () => {
  const callback = await callbackOf(page, "carol");
  provider.isSlow = true;
  try {
    assert.match(await isRefused(page, callback, 503), /does not answer/);
    assert.equal(await hasSession(), false);
  } finally {
    provider.isSlow = false;
  }
});

test("a provider that goes down during a login leaves no session", async () => {
  const callback = await callbackOf(page, "carol");
  await provider.close();
  try {
    await isRefused(page, callback, 503);
    assert.equal(await hasSession(), false);
  } finally {
    const port = Number(new URL(provider.issuer).port);
    provider = await startProvider({ redirectUri: () => shop.redirectUri, keys: provider.keys, port });
  }
  await context.clearCookies();
  await page.goto(shop.origin);
  await logIn(page, "carol", ["profile"]);
});

// ---- Login CSRF

test("another site cannot start a login", async () => {
  const form = `<form id="f" method="post" action="${shop.origin}/auth/login/openid"></form><script>f.submit()</script>`;
  // Another site, and another origin of the same site.
  for (const host of ["127.0.0.1", "localhost"]) {
    const evil = await otherSite(form, host);
    const tab = await context.newPage();
    const answered = tab.waitForResponse((answer) => answer.url().endsWith("/auth/login/openid"));
    await tab.goto(evil.url).catch(() => {});
    assert.equal((await answered).status(), 403, host);
    assert.ok(!(await cookieNames()).includes(ATTEMPT_COOKIE), host);
    evil.close();
    await tab.close();
  }
  const link = await context.newPage();
  assert.equal((await link.goto(`${shop.origin}/auth/login/openid`)).status(), 405);
});

test("another origin cannot send messages or read the profile", async () => {
  await logIn(page, "dave", ["profile", "messages:send"]);
  // The browser adds the cookies to requests from another port of the same host.
  const evil = await otherSite("", "localhost");
  const tab = await context.newPage();
  const statuses = [];
  tab.on("response", (answer) => { if (answer.url().startsWith(shop.origin)) statuses.push(answer.status()); });
  await tab.goto(evil.url);
  await tab.evaluate(async (shop) => {
    const requests = [["account"], ["messages", { method: "POST", body: JSON.stringify({ text: "spam" }) }]];
    for (const [path, request] of requests) {
      await fetch(`${shop}/auth/${path}`, { credentials: "include", mode: "no-cors", ...request });
    }
  }, shop.origin);
  assert.deepEqual(statuses, [403, 415]);
  evil.close();
});

test("another site cannot finish a login in the victim's browser with the attacker's code", async () => {
  const attacker = await browser.newContext();
  const callback = await callbackOf(await open(attacker), "carol");

  await logInWithPassword(page, "alice", "wonderland");
  const evil = await otherSite(`<script>location = ${JSON.stringify(callback)}</script>`);
  for (const started of [false, true]) {
    const tab = await open();
    if (started) {
      // The victim has started to link an account, which is where the code could do most harm.
      await isIn(tab);
      await tab.click(LINK);
      await shows(tab, "h1", "Log in");
    }
    const answered = tab.waitForResponse((answer) => answer.url().startsWith(shop.redirectUri));
    await tab.goto(evil.url).catch(() => {});
    assert.equal((await answered).status(), 400);
    await tab.close();
  }
  await page.reload();
  await isIn(page);
  await shows(page, "#who", "alice of acme");
  assert.equal(await page.locator(LINK).isVisible(), true, "nothing is linked");
  evil.close();
  await attacker.close();
});
