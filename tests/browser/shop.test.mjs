// The page of the shop in a real browser: `tests/browser/run` starts both.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { chromium } from "playwright-core";

const { AUTH_ORIGIN, CART_ORIGIN, CHROMIUM, SCREENSHOT } = process.env;
const GRACE_SECS = 10;
// `run` starts the shop with access tokens that last so long.
const ACCESS_SECS = 3;

const sleep = (secs) => new Promise((resolve) => setTimeout(resolve, secs * 1000));

let browser, context, page;

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
after(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext();
  page = await open();
});
afterEach(() => context.close());

async function open() {
  const tab = await context.newPage();
  tab.on("pageerror", (error) => assert.fail(`the page failed: ${error}`));
  await tab.goto(AUTH_ORIGIN);
  return tab;
}

async function logIn(tab, user = "alice", password = "wonderland") {
  await tab.fill("[name=user]", user);
  await tab.fill("[name=password]", password);
  await tab.click("#login button");
}

const isIn = (tab) => tab.waitForSelector("#shop:not([hidden])", { timeout: 5000 });
const isOut = (tab) => tab.waitForSelector("#login:not([hidden])", { timeout: 5000 });
const says = (tab, text) => tab.waitForSelector(`#log li:has-text(${JSON.stringify(text)})`, { timeout: 8000 });

const AUTH_COOKIES = ["__Host-session", "__Secure-refresh_token"];
// Lets nobody in: it says that this browser has logged in before, and logging out leaves it.
const DEVICE = "__Host-device";

const cookieNames = async () => (await context.cookies()).map(({ name }) => name);

// What the browser sends along to renew.
async function refreshCookies() {
  const cookies = await context.cookies(`${AUTH_ORIGIN}/auth/refresh`);
  const ours = cookies.filter(({ name }) => AUTH_COOKIES.includes(name));
  return ours.map(({ name, value }) => `${name}=${value}`).sort().join("; ");
}

// A thief with a copy of the cookies, and no browser.
const present = (cookies) => fetch(`${AUTH_ORIGIN}/auth/refresh`, {
  method: "POST", headers: { Cookie: cookies },
});

test("logging in, the cart and paying work across three origins", async () => {
  await isOut(page);
  await logIn(page, "alice", "wrong");
  await says(page, "login: invalid_grant");
  await logIn(page);
  await isIn(page);
  assert.equal(await page.textContent("#who"), "alice of acme");
  const item = `tea ${Math.random()}`;
  await page.fill("[name=item]", item);
  await page.click("#add button");
  await page.waitForSelector(`#items li:has-text(${JSON.stringify(item)})`);
  await page.click("#pay");
  await says(page, "paid 19.99");
  if (SCREENSHOT) await page.screenshot({ path: SCREENSHOT });
});

test("who lacks the scope is told so", async () => {
  await logIn(page, "bob", "builder");
  await isIn(page);
  await page.click("#pay");
  await says(page, "payment: insufficient-scope");
});

test("no script can read a token, and the cookies say why", async () => {
  await logIn(page);
  await isIn(page);
  assert.equal(await page.evaluate(() => document.cookie), "");
  const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.equal(stored, "{}");
  const cookies = await context.cookies([`${AUTH_ORIGIN}/auth/refresh`, CART_ORIGIN]);
  const names = cookies.map((cookie) => cookie.name).sort();
  assert.deepEqual(names, ["__Host-cart_token", DEVICE, "__Host-payment_token", ...AUTH_COOKIES]);
  for (const cookie of cookies) {
    assert.ok(cookie.httpOnly && cookie.secure, cookie.name);
    assert.equal(cookie.sameSite, "Strict");
    assert.equal(cookie.path, cookie.name === "__Secure-refresh_token" ? "/auth" : "/");
  }
  const elsewhere = await context.cookies(`${AUTH_ORIGIN}/`);
  assert.ok(elsewhere.every((cookie) => cookie.name !== "__Secure-refresh_token"));
});

test("an expired access token is renewed silently, also after a reload", async () => {
  await logIn(page);
  await isIn(page);
  const first = await refreshCookies();
  await sleep(ACCESS_SECS + 1);
  await page.click("#add button");
  await says(page, "renewed");
  await says(page, "put tea into the cart");
  const second = await refreshCookies();
  assert.notEqual(second, first);
  await sleep(ACCESS_SECS + 1);
  await page.reload();
  await isIn(page);
  assert.notEqual(await refreshCookies(), second);
});

test("two tabs that renew at once both stay logged in", async () => {
  await logIn(page);
  await isIn(page);
  const other = await open();
  await isIn(other);
  for (let round = 0; round < 3; round++) {
    await sleep(ACCESS_SECS + 1);
    await Promise.all([page.click("#add button"), other.click("#pay"), other.click("#add button")]);
    await Promise.all([isIn(page), isIn(other)]);
    await sleep(1);
  }
  for (const tab of [page, other]) {
    await says(tab, "renewed");
    assert.equal(await tab.locator('#log li:has-text("not logged in")').count(), tab === page ? 1 : 0);
  }
  // Long after the grace period the family is still one.
  await sleep(GRACE_SECS + 1);
  await Promise.all([page.click("#add button"), other.click("#add button")]);
  await sleep(1);
  await Promise.all([isIn(page), isIn(other)]);
});

test("a stolen refresh token that is used later ends the session in both tabs", async () => {
  await logIn(page);
  await isIn(page);
  const other = await open();
  await isIn(other);
  const stolen = await refreshCookies();
  await sleep(ACCESS_SECS + 1);
  await page.click("#add button");
  await says(page, "renewed");
  await sleep(GRACE_SECS + 1);

  const answer = await present(stolen);
  assert.equal(answer.status, 400);
  assert.deepEqual(await answer.json(), { error: "invalid_grant" });
  assert.equal(answer.headers.get("set-cookie"), null);
  await Promise.all([page.click("#add button"), other.click("#add button")]);
  await Promise.all([isOut(page), isOut(other)]);
});

test("a thief who is first is found out by the victim", async () => {
  await logIn(page);
  await isIn(page);
  const thief = await present(await refreshCookies());
  assert.equal(thief.status, 200);
  const theirs = thief.headers.getSetCookie().map((cookie) => cookie.split("; ")[0]).join("; ");
  await sleep(GRACE_SECS + 1);
  await page.click("#add button");
  await isOut(page);
  assert.equal((await present(theirs)).status, 400);
});

test("logging out takes the cookies, and logging out everywhere every session", async () => {
  await logIn(page);
  await isIn(page);
  const phone = await browser.newContext();
  const mine = context;
  context = phone;
  const far = await open();
  await logIn(far);
  await isIn(far);
  context = mine;

  await page.reload();
  await isIn(page);
  assert.ok(await page.locator("#sessions li").count() >= 2);
  await page.click("#everywhere");
  await isOut(page);
  assert.deepEqual(await cookieNames(), [DEVICE]);
  await sleep(ACCESS_SECS + 1);
  await far.click("#add button");
  await isOut(far);
  await phone.close();

  await logIn(page);
  await isIn(page);
  const token = await refreshCookies();
  await page.click("#logout");
  await isOut(page);
  assert.deepEqual(await cookieNames(), [DEVICE]);
  assert.equal((await present(token)).status, 400);
});

test("another site can neither act nor read", async () => {
  await logIn(page);
  await isIn(page);
  const attack = `<form id=f method=post></form><script>
    async function tryAll(targets) {
      const results = [];
      for (const [url, type] of targets) {
        const request = { method: "POST", credentials: "include", headers: type ? { "Content-Type": type } : {}, body: "{}" };
        results.push(await fetch(url, request).then((a) => a.status, () => "blocked"));
        results.push(await fetch(url, { ...request, mode: "no-cors" }).then((a) => a.type, () => "blocked"));
      }
      return results;
    }</script>`;
  const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(attack));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    // 127.0.0.1 is another site than localhost.
    const evil = await context.newPage();
    const statuses = [];
    evil.on("response", (answer) => statuses.push([new URL(answer.url()).pathname, answer.status()]));
    await evil.goto(`http://127.0.0.1:${server.address().port}/`);
    const targets = ["/auth/logout-everywhere", "/auth/refresh", "/auth/login"].map((path) => [AUTH_ORIGIN + path, ""]);
    const results = await evil.evaluate((all) => tryAll(all), [...targets, [`${CART_ORIGIN}/cart`, "application/json"]]);
    assert.ok(results.every((result) => result === "blocked" || result === "opaque"), `${results}`);
    // What a form can send arrives, and is refused.
    await evil.evaluate((url) => { f.action = url; f.submit(); }, `${AUTH_ORIGIN}/auth/logout-everywhere`);
    await evil.waitForURL(`${AUTH_ORIGIN}/auth/logout-everywhere`);
    const refused = statuses.filter(([path]) => path.startsWith("/auth/")).map(([, status]) => status);
    assert.ok(refused.length >= 4 && refused.every((status) => status === 403), JSON.stringify(statuses));
  } finally {
    server.close();
  }
  await page.reload();
  await isIn(page);
});

test("a cookie of a sibling domain neither logs in nor locks out", async () => {
  // What a page of evil.localhost could set for all of localhost, if that were a domain.
  const foreign = { name: "__Secure-refresh_token", value: "A".repeat(64), secure: true, httpOnly: true };
  await context.addCookies([{ ...foreign, domain: "localhost", path: "/auth/refresh" }]);
  await page.reload();
  await isOut(page);
  await logIn(page);
  await isIn(page);
  await sleep(ACCESS_SECS + 1);
  await page.click("#add button");
  await says(page, "renewed");
  await page.click("#logout");
  await isOut(page);
});

test("a preflight passes without a token, and for the page's origin alone", async () => {
  const ask = (origin) => fetch(`${CART_ORIGIN}/cart`, {
    method: "OPTIONS",
    headers: {
      Origin: origin, "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "content-type",
    },
  });
  const ours = await ask(AUTH_ORIGIN);
  assert.equal(ours.status, 200);
  assert.equal(ours.headers.get("access-control-allow-origin"), AUTH_ORIGIN);
  assert.equal(ours.headers.get("access-control-allow-credentials"), "true");
  const theirs = await ask("https://evil.example");
  assert.notEqual(theirs.headers.get("access-control-allow-origin"), "https://evil.example");
  // A refusal has the headers too, or the page could not tell why.
  const refused = await fetch(`${CART_ORIGIN}/cart`, { headers: { Origin: AUTH_ORIGIN } });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("access-control-allow-origin"), AUTH_ORIGIN);
});
