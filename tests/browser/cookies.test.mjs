// Tests to which hosts a real browser sends the cookies of each set-up. The `Set-Cookie` fields come from
// `tests/data/cookies/set_ups.json`. `tests/it/issuer/routes/cookies.rs` checks that the routes set the
// same fields.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";

const setUps = JSON.parse(readFileSync(new URL("set_ups.json", import.meta.url)));

// `/auth/set` logs in with a set-up and `/auth/delete` logs out. Both, and every other path except
// `/frame`, return the names of the received cookies. Browsers resolve every name below `localhost` to
// this machine.
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const fields = setUps[searchParams.get("setup")] ?? [];
  if (pathname === "/auth/set") response.setHeader("Set-Cookie", fields);
  if (pathname === "/auth/delete") {
    const deleted = (field) => field.replace("VALUE", "").replace(/Max-Age=\d+/, "Max-Age=0");
    response.setHeader("Set-Cookie", fields.map(deleted));
  }
  if (pathname === "/frame") {
    response.setHeader("Content-Type", "text/html");
    response.end(`<iframe src="${searchParams.get("of")}"></iframe>`);
    return;
  }
  const pairs = (request.headers.cookie ?? "").split("; ").filter(Boolean);
  response.end(pairs.map((pair) => pair.split("=")[0]).sort().join(" "));
});

let browser, context, page, port;

before(async () => {
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  port = server.address().port;
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
});
after(async () => {
  await browser.close();
  server.close();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(() => context.close());

const at = (host, path) => `http://${host}:${port}${path}`;

// Fetches `path` from a page of the same host, so that the request is same-site.
async function names(host, path) {
  await page.goto(at(host, "/"));
  return page.evaluate(async (path) => (await fetch(path)).text(), path);
}

const AUTH = "auth.shop.localhost";
const CART = "cart.shop.localhost";

test("the cookies of one host go to no other host", async () => {
  await names(AUTH, "/auth/set?setup=one host");
  assert.equal(await names(AUTH, "/auth/x"), "__Host-cart_token __Host-session __Secure-refresh_token");
  assert.equal(await names(AUTH, "/cart"), "__Host-cart_token __Host-session");
  assert.equal(await names(CART, "/cart"), "");
  await names(AUTH, "/auth/delete?setup=one host");
  assert.equal(await names(AUTH, "/auth/x"), "");
});

test("with cookies for a domain, only the access token goes to all its hosts", async () => {
  await names(AUTH, "/auth/set?setup=a domain");
  assert.equal(await names(AUTH, "/auth/x"), "__Host-session __Secure-cart_token __Secure-refresh_token");
  assert.equal(await names(CART, "/cart"), "__Secure-cart_token");
  assert.equal(await names(CART, "/auth/x"), "__Secure-cart_token");
  assert.equal(await names("shop.localhost", "/cart"), "__Secure-cart_token");
  assert.equal(await names("other.localhost", "/cart"), "");
  await names(AUTH, "/auth/delete?setup=a domain");
  assert.equal(await names(CART, "/cart"), "");
});

async function namesInFrame(top, path) {
  await page.goto(at(top, `/frame?of=${encodeURIComponent(at(AUTH, "/"))}`));
  const frame = page.frames().find((frame) => frame.url().startsWith(at(AUTH, "")));
  return frame.evaluate(async (path) => (await fetch(path)).text(), path);
}

test("an embedded page has separate cookies under each embedding site", async () => {
  const all = "__Host-cart_token __Host-session __Secure-refresh_token";
  await namesInFrame("partner.localhost", "/auth/set?setup=embedded");
  assert.equal(await namesInFrame("partner.localhost", "/auth/x"), all);
  assert.equal(await namesInFrame("evil.localhost", "/auth/x"), "");
  assert.equal(await names(AUTH, "/auth/x"), "");
  await namesInFrame("partner.localhost", "/auth/delete?setup=embedded");
  assert.equal(await namesInFrame("partner.localhost", "/auth/x"), "");
});

test("the cookies of one host do not reach an embedded page", async () => {
  await namesInFrame("partner.localhost", "/auth/set?setup=one host");
  assert.equal(await namesInFrame("partner.localhost", "/auth/x"), "");
});
