// Tests the page of the shop in a real browser. `tests/browser/run` starts the shop and the tests.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, beforeEach, afterEach, test } from "node:test";
import { chromium } from "playwright-core";

const { AUTH_ORIGIN, CART_ORIGIN, CHROMIUM, SCREENSHOTS } = process.env;
const GRACE_SECS = 10;
// The lifetime of access tokens: `run` starts the shop with this value.
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

// Empties the user's cart, which the shop keeps between tests.
async function emptyCart(tab) {
  const status = await tab.evaluate(
    (url) => fetch(url, { method: "DELETE", credentials: "include" }).then((answer) => answer.status),
    `${CART_ORIGIN}/cart`,
  );
  assert.equal(status, 204);
}

const isIn = (tab) => tab.waitForSelector("#shop:not([hidden])", { timeout: 5000 });
const isOut = (tab) => tab.waitForSelector("#login:not([hidden])", { timeout: 8000 });
const shows = (tab, selector, text) => tab.waitForSelector(`${selector}:visible:has-text(${JSON.stringify(text)})`, { timeout: 8000 });
const says = (tab, text) => shows(tab, "#log li", text);

async function isTold(tab, reason) {
  await isOut(tab);
  await shows(tab, "#notice", reason);
}

async function picture(tab, name) {
  if (SCREENSHOTS) await tab.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
}

const AUTH_COOKIES = ["__Host-session", "__Secure-refresh_token"];
// This cookie grants no access. It records that the browser has logged in before. A logout keeps it.
const DEVICE = "__Host-device";

const cookieNames = async () => (await context.cookies()).map(({ name }) => name);

// Returns the cookies that the browser sends with a refresh.
async function refreshCookies() {
  const cookies = await context.cookies(`${AUTH_ORIGIN}/auth/refresh`);
  const ours = cookies.filter(({ name }) => AUTH_COOKIES.includes(name));
  return ours.map(({ name, value }) => `${name}=${value}`).sort().join("; ");
}

// Returns the cookies that a refresh does not change.
async function cookiesOfHost() {
  const cookies = await context.cookies();
  const lasting = cookies.filter(({ name }) => ["__Host-session", DEVICE].includes(name));
  return lasting.map(({ name, value }) => `${name}=${value}`).sort();
}

// Sends a refresh with stolen cookies, from outside the browser.
const present = (cookies) => fetch(`${AUTH_ORIGIN}/auth/refresh`, {
  method: "POST", headers: { Cookie: cookies },
});

test("a first visit shows no error and makes no request that fails", async () => {
  const failed = [];
  const tab = await context.newPage();
  tab.on("console", (message) => failed.push(message.text()));
  tab.on("response", (answer) => { if (!answer.ok()) failed.push(answer.url()); });
  await tab.goto(AUTH_ORIGIN);
  await isOut(tab);
  await sleep(1);
  assert.deepEqual(failed, []);
  assert.equal(await tab.locator("#log li, .error:visible, #notice:visible").count(), 0);
  await picture(tab, "first-visit");
});

test("logging in, the cart and paying work across three origins", async () => {
  await isOut(page);
  await logIn(page);
  await isIn(page);
  assert.equal(await page.textContent("#who"), "alice of acme");
  await emptyCart(page);
  const pay = page.locator("#pay button");
  await shows(page, "#pay button", "The cart is empty");
  assert.ok(await pay.isDisabled());
  const item = `tea ${Math.random()}`;
  await page.fill("[name=item]", item);
  await page.click("#add button");
  await shows(page, "#items li", item);
  await shows(page, "#pay button", "Pay 4.99");
  await page.click("#add button");
  await shows(page, "#pay button", "Pay 9.98");
  await picture(page, "cart");
  await pay.click();
  await shows(page, "#pay .done", "Paid 9.98");
  await shows(page, "#pay button", "The cart is empty");
  assert.equal(await page.locator("#items li").count(), 0);
  await picture(page, "paid");
});

test("a pending click is shown, and a second one is not sent", async () => {
  let logins = 0;
  await page.route("**/auth/login", async (route) => {
    logins++;
    await sleep(0.5);
    await route.continue();
  });
  await logIn(page);
  await page.waitForSelector("#login button[aria-busy=true]");
  await page.click("#login button");
  await isIn(page);
  assert.equal(logins, 1);
  assert.equal(await page.locator("[aria-busy]").count(), 0);
});

test("an error appears at its form and is visible on a phone", async () => {
  const phone = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const mine = context;
  context = phone;
  const tab = await open();
  const isVisible = async (selector) => {
    await tab.waitForSelector(`${selector}:not(:empty)`);
    const box = await tab.locator(selector).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 390 && box.y >= 0 && box.y + box.height <= 844, JSON.stringify(box));
    assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  };
  await logIn(tab, "bob", "wrong");
  await isVisible("#login .error");
  await shows(tab, "#login .error", "The user or the password is wrong.");
  await picture(tab, "phone-wrong-password");
  await logIn(tab, "bob", "builder");
  await isIn(tab);
  await tab.click("#add button");
  await shows(tab, "#pay button", "Pay");
  await tab.click("#pay button");
  await isVisible("#pay .error");
  await shows(tab, "#pay .error", "This account has no permission for that.");
  await picture(tab, "phone-no-permission");
  // Errors disappear when their session ends, and an unreachable server is reported.
  await tab.click("#logout");
  await isOut(tab);
  await logIn(tab);
  await isIn(tab);
  assert.equal(await tab.locator(".error:visible").count(), 0);
  await tab.route(`${CART_ORIGIN}/cart`, (route) => route.abort());
  await tab.click("#add button");
  await isVisible("#add .error");
  await shows(tab, "#add .error", "The server does not answer.");
  await phone.close();
  context = mine;
});

test("the list of sessions shows the browser and the date", async () => {
  await logIn(page);
  await isIn(page);
  const session = await page.locator("#sessions li", { hasText: "(this browser)" }).textContent();
  assert.match(session, /^Chrome \d+ on Linux/);
  const today = await page.evaluate(() => new Date().toLocaleDateString([], { dateStyle: "medium" }));
  assert.ok(session.includes(`since ${today}`), session);
});

test("no script can read a token, and the cookies have strict attributes", async () => {
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

test("an access token is renewed before it expires, without a click, and a countdown shows it", async () => {
  await logIn(page);
  await isIn(page);
  const first = await refreshCookies();
  const counted = new Set();
  for (let tenth = 0; tenth < 10 * ACCESS_SECS; tenth++) {
    counted.add((await page.textContent("#renewal")).match(/expires in (\d+) s/)[1]);
    await sleep(0.1);
  }
  assert.ok(counted.has("3") && counted.has("2") && !counted.has("0"), [...counted].join());
  await says(page, "renewed");
  const second = await refreshCookies();
  assert.notEqual(second, first);
  // No request was rejected in the meantime.
  assert.equal(await page.locator('#log li:has-text("401")').count(), 0);
});

test("an access token that expired while the page was closed is renewed silently", async () => {
  await logIn(page);
  await isIn(page);
  await page.goto("about:blank");
  const first = await refreshCookies();
  await sleep(ACCESS_SECS + 1);
  await page.goto(AUTH_ORIGIN);
  await isIn(page);
  assert.notEqual(await refreshCookies(), first);
  assert.equal(await page.locator("#notice:visible").count(), 0);
});

test("two tabs renew one after the other, and both stay logged in", async () => {
  await logIn(page);
  await isIn(page);
  const other = await open();
  await isIn(other);
  // Long after the grace period, both tabs still share one family of tokens.
  await sleep(GRACE_SECS + 3 * ACCESS_SECS);
  for (const tab of [page, other]) {
    await tab.waitForSelector('#log li:has-text("renewed")');
    assert.equal(await tab.locator('#log li:has-text("logged out")').count(), 0);
    await tab.click("#add button");
    await says(tab, "put tea into the cart");
  }
});

test("requests that renew at once all succeed", async () => {
  await logIn(page);
  await isIn(page);
  await page.goto(`${AUTH_ORIGIN}/page.css`); // a file of the same origin, without the script
  const statuses = await page.evaluate(() => Promise.all(
    [1, 2, 3].map(() => fetch("/auth/refresh", { method: "POST" }).then((answer) => answer.status)),
  ));
  assert.deepEqual(statuses, [200, 200, 200]);
  await sleep(GRACE_SECS + 1);
  await page.goto(AUTH_ORIGIN);
  await isIn(page);
});

test("a stolen refresh token that is used later ends the session in both tabs, which say why", async () => {
  await logIn(page);
  await isIn(page);
  const other = await open();
  await isIn(other);
  const stolen = await refreshCookies();
  await sleep(GRACE_SECS + ACCESS_SECS);

  const answer = await present(stolen);
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).error, "invalid_grant");
  assert.equal(answer.headers.get("set-cookie"), null);
  await Promise.all([isTold(page, "somebody used a copy"), isTold(other, "somebody used a copy")]);
  await picture(page, "stolen");
});

test("after a thief's refresh, the victim's refresh ends the session and the page says why", async () => {
  await logIn(page);
  await isIn(page);
  await page.goto("about:blank");
  const thief = await present(await refreshCookies());
  assert.equal(thief.status, 200);
  const theirs = thief.headers.getSetCookie().map((cookie) => cookie.split("; ")[0]).join("; ");
  await sleep(GRACE_SECS + 1);
  await page.goto(AUTH_ORIGIN);
  await isTold(page, "somebody used a copy");
  assert.equal((await present(theirs)).status, 400);
});

test("an expired session is reported as expired", async () => {
  await logIn(page);
  await isIn(page);
  // Browsers delete expired cookies in the same way.
  for (const name of [...AUTH_COOKIES, "__Host-cart_token", "__Host-payment_token"]) {
    await context.clearCookies({ name });
  }
  await page.click("#add button");
  await isTold(page, "the session has expired");
});

test("logging out deletes the cookies, and logging out everywhere ends every session and says why", async () => {
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
  // The other browser notices without a click. The user who logged out sees no reason, now or after a reload.
  await isTold(far, "ended in another tab or browser");
  assert.equal(await page.locator("#notice:visible").count(), 0);
  await page.reload();
  await isOut(page);
  assert.equal(await page.locator("#notice:visible").count(), 0);
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
  const before = await cookiesOfHost();
  const attack = `<form id=f method=post>
      <input name=user value=bob><input name=password value=builder><input name=audience value=cart>
    </form><script>
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
    // 127.0.0.1 and localhost are different sites.
    const evil = await context.newPage();
    const statuses = [];
    evil.on("response", (answer) => statuses.push([new URL(answer.url()).pathname, answer.status()]));
    await evil.goto(`http://127.0.0.1:${server.address().port}/`);
    const targets = ["/auth/logout-everywhere", "/auth/refresh", "/auth/login"].map((path) => [AUTH_ORIGIN + path, ""]);
    const results = await evil.evaluate((all) => tryAll(all), [...targets, [`${CART_ORIGIN}/cart`, "application/json"]]);
    assert.ok(results.every((result) => result === "blocked" || result === "opaque"), `${results}`);
    // The request of a form arrives and is rejected.
    await evil.evaluate((url) => { f.action = url; f.submit(); }, `${AUTH_ORIGIN}/auth/logout-everywhere`);
    await evil.waitForURL(`${AUTH_ORIGIN}/auth/logout-everywhere`);
    // The login for clients without cookies sets no cookie either.
    await evil.goto(`http://127.0.0.1:${server.address().port}/`);
    await evil.evaluate((url) => { f.action = url; f.submit(); }, `${AUTH_ORIGIN}/login`);
    await evil.waitForURL(`${AUTH_ORIGIN}/login`);
    assert.deepEqual(await cookiesOfHost(), before);
    const refused = statuses.filter(([path]) => path.startsWith("/auth/")).map(([, status]) => status);
    assert.ok(refused.length >= 4 && refused.every((status) => status === 403), JSON.stringify(statuses));
  } finally {
    server.close();
  }
  await page.reload();
  await isIn(page);
});

test("a cookie of a sibling domain neither logs in nor locks out", async () => {
  // A page of evil.localhost could set this cookie for all of localhost, if localhost were a domain.
  const foreign = { name: "__Secure-refresh_token", value: "A".repeat(64), secure: true, httpOnly: true };
  await context.addCookies([{ ...foreign, domain: "localhost", path: "/auth/refresh" }]);
  await page.reload();
  await isOut(page);
  await logIn(page);
  await isIn(page);
  await says(page, "renewed");
  await page.click("#logout");
  await isOut(page);
});

test("a preflight passes without a token, and only for the page's origin", async () => {
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
  // A rejection has the CORS headers too. Otherwise the page could not read the reason.
  const refused = await fetch(`${CART_ORIGIN}/cart`, { headers: { Origin: AUTH_ORIGIN } });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("access-control-allow-origin"), AUTH_ORIGIN);
});
