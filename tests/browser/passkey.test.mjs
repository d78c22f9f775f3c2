// Tests the example with passkeys in a real browser, with the virtual authenticator of the DevTools
// protocol. `tests/browser/run` starts the example and the tests.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";

const { PASSKEY_ORIGIN, CHROMIUM } = process.env;

let browser, context, page, devTools, authenticatorId;

before(async () => {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
after(() => browser.close());

beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the page failed: ${error}`));
  devTools = await context.newCDPSession(page);
  await devTools.send("WebAuthn.enable");
  ({ authenticatorId } = await devTools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  }));
  await page.goto(PASSKEY_ORIGIN);
});
afterEach(() => context.close());

// The server keeps users between tests.
const newName = () => `user-${Math.random().toString(36).slice(2)}`;
const shows = (text) => page.waitForSelector(`#status:has-text(${JSON.stringify(text)})`, { timeout: 8000 });
const cookieNames = async () => (await context.cookies()).map(({ name }) => name).sort();

async function click(button, name) {
  await page.fill("#name", name);
  await page.click(`#${button}`);
}

async function register(name) {
  await click("register", name);
  await shows(`Logged in as ${name}.`);
}

async function logOut() {
  await page.click("#log-out");
  await shows("Not logged in.");
}

// Calls the protected route. Returns the status and the user's name.
const me = () => page.evaluate(async () => {
  const response = await fetch("/me");
  return [response.status, response.ok ? (await response.json()).name : null];
});

// Sends a passkey's answer to the server. Returns the status and the response.
const finish = (credential, path = "login") => page.evaluate(async ([credential, path]) => {
  const response = await fetch(`/auth/passkey/${path}/finish`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(credential),
  });
  return [response.status, await response.json()];
}, [credential, path]);

const use = (name) => page.evaluate((name) => usePasskey(name), name);

async function isRefused([status, answer], reason) {
  assert.equal(status, 400);
  assert.equal(answer.error, "passkey_refused");
  assert.match(answer.error_description, reason);
  assert.deepEqual(await me(), [401, null]);
  assert.ok(!(await cookieNames()).includes("__Host-site_token"));
}

test("a passkey is registered, and logs its user in after a logout", async () => {
  assert.deepEqual(await me(), [401, null]);
  const name = newName();
  await register(name);
  assert.deepEqual(await me(), [200, name]);
  const { credentials } = await devTools.send("WebAuthn.getCredentials", { authenticatorId });
  assert.equal(credentials.length, 1);

  await logOut();
  assert.deepEqual(await me(), [401, null]);
  await click("log-in", name);
  await shows(`Logged in as ${name}.`);
  assert.deepEqual(await me(), [200, name]);

  const cookies = (await context.cookies()).filter((cookie) => cookie.name !== "__Host-ceremony");
  assert.deepEqual(cookies.map((cookie) => cookie.name).sort(), [
    "__Host-session", "__Host-site_token", "__Secure-refresh_token",
  ]);
  for (const { httpOnly, secure, sameSite } of cookies) {
    assert.deepEqual([httpOnly, secure, sameSite], [true, true, "Strict"]);
  }
});

test("the session is renewed, and a second login ends the first session", async () => {
  const name = newName();
  await register(name);
  const sessions = () => page.evaluate(async () => (await (await fetch("/auth/sessions")).json()).sessions);
  const [first] = await sessions();
  assert.deepEqual([first.label, first.current], ["passkey", true]);
  const renew = () => page.evaluate(async () => (await fetch("/auth/refresh", { method: "POST" })).status);
  assert.equal(await renew(), 200);
  await click("log-in", name);
  await shows(`Logged in as ${name}.`);
  const after = await sessions();
  assert.equal(after.length, 1);
  assert.notEqual(after[0].id, first.id);
});

// The first passkey is on the first authenticator, which therefore refuses to create another one.
async function changeAuthenticator() {
  await devTools.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
  await devTools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "usb",
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}

test("a logged-in user adds a second passkey, and logs in with either", async () => {
  const name = newName();
  await register(name);
  const added = await page.evaluate(async () => {
    try {
      await createPasskey("ignored");
      return "added";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(added, "InvalidStateError");
  await changeAuthenticator();
  const status = await page.evaluate(async () => {
    const credential = await createPasskey("ignored");
    const response = await fetch("/auth/passkey/register/finish", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(credential),
    });
    return response.status;
  });
  assert.equal(status, 204);
  await logOut();
  await click("log-in", name);
  await shows(`Logged in as ${name}.`);
});

test("a passkey is not added for a user who has logged out", async () => {
  const [alice, mallory] = [newName(), newName()];
  await register(alice);
  await changeAuthenticator();
  const create = () => page.evaluate(() => createPasskey("ignored"));
  const first = await create();
  const ceremony = (await context.cookies()).filter(({ name }) => name === "__Host-ceremony");
  const second = await create();
  await logOut();
  await isRefused(await finish(second, "register"), /log in again/);

  // Somebody else logs in, with the cookie of the ceremony that the first user began.
  await register(mallory);
  await context.addCookies(ceremony);
  const [status, answer] = await finish(first, "register");
  assert.equal(status, 400);
  assert.match(answer.error_description, /log in again/);
});

test("a forged assertion is refused", async () => {
  const name = newName();
  await register(name);
  await logOut();
  const decode = (text) => Buffer.from(text, "base64url");
  const change = {
    signature: (response) => {
      const bytes = decode(response.signature);
      bytes[bytes.length - 1] ^= 1;
      response.signature = bytes.toString("base64url");
    },
    challenge: (response) => {
      const data = JSON.parse(decode(response.clientDataJSON));
      data.challenge = Buffer.alloc(32).toString("base64url");
      response.clientDataJSON = Buffer.from(JSON.stringify(data)).toString("base64url");
    },
    origin: (response) => {
      const data = JSON.parse(decode(response.clientDataJSON));
      data.origin = "http://evil.localhost";
      response.clientDataJSON = Buffer.from(JSON.stringify(data)).toString("base64url");
    },
    "user verification": (response) => {
      const bytes = decode(response.authenticatorData);
      bytes[32] &= ~4;
      response.authenticatorData = bytes.toString("base64url");
    },
  };
  for (const [part, forge] of Object.entries(change)) {
    const credential = await use(name);
    forge(credential.response);
    const [status, answer] = await finish(credential);
    assert.equal(status, 400, `a forged ${part} was accepted`);
    await isRefused([status, answer], /not accepted/);
  }
  const [status] = await finish(await use(name));
  assert.equal(status, 200);
});

test("a challenge is used once", async () => {
  const name = newName();
  await register(name);
  await logOut();
  const credential = await use(name);
  const cookies = await context.cookies();
  assert.equal((await finish(credential))[0], 200);
  assert.deepEqual(await me(), [200, name]);
  await logOut();
  // The passkey is rejected even with the cookie of the ceremony.
  await context.addCookies(cookies);
  assert.ok((await cookieNames()).includes("__Host-ceremony"));
  await isRefused(await finish(credential), /was used/);

  // A refused answer uses the challenge up, too.
  const next = await use(name);
  const { signature } = next.response;
  next.response.signature = credential.response.signature;
  await isRefused(await finish(next), /not accepted/);
  next.response.signature = signature;
  await isRefused(await finish(next), /was used/);
});

test("the answer of another ceremony is refused", async () => {
  const name = newName();
  await register(name);
  await logOut();
  const first = await use(name);
  const second = await use(name);
  await isRefused(await finish(first), /not accepted/);
  await isRefused(await finish(second), /was used/);
});

test("the ceremony of another browser is refused", async () => {
  const name = newName();
  await register(name);
  await logOut();
  const credential = await use(name);
  await context.clearCookies();
  await isRefused(await finish(credential), /begin again/);
});

test("the passkey of another user is refused", async () => {
  const [alice, mallory] = [newName(), newName()];
  await register(alice);
  await logOut();
  await register(mallory);
  await logOut();
  const { id } = await use(mallory);
  // The server asks for a passkey of Alice, and gets a valid one of Mallory for the same challenge.
  const credential = await page.evaluate(async ([name, id]) => {
    const { publicKey } = await post("passkey/login/start", { name });
    publicKey.allowCredentials = [{ type: "public-key", id }];
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
    return (await navigator.credentials.get({ publicKey: options })).toJSON();
  }, [alice, id]);
  assert.equal(credential.id, id);
  await isRefused(await finish(credential), /not accepted/);
});

test("the answer of another registration is refused, and so is a name that is taken", async () => {
  const name = newName();
  const credential = await page.evaluate((name) => createPasskey(name), name);
  assert.equal((await finish(credential, "register"))[0], 200);
  await logOut();
  await page.evaluate((name) => post("passkey/register/start", { name }), newName());
  await isRefused(await finish(credential, "register"), /not accepted/);
  await click("register", name);
  await shows("the name is taken");
});

test("a page of another site cannot log in", async () => {
  const name = newName();
  await register(name);
  await logOut();
  const credential = await use(name);
  // Only the origin is wrong: the cookies and the passkey are right.
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  const response = await fetch(`${PASSKEY_ORIGIN}/auth/passkey/login/finish`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json", "Cookie": cookies,
      "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site",
    },
    body: JSON.stringify(credential),
  });
  assert.equal(response.status, 403);
  assert.deepEqual(response.headers.getSetCookie(), []);
});
