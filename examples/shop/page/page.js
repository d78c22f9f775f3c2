// The tokens are in cookies that this script cannot read. The script knows when the access token
// expires. It renews the token shortly before, and also when a server answers 401.

const byId = (id) => document.getElementById(id);
const { cart, payment } = document.body.dataset;

// An error: the session has ended, or there was no session.
class LoggedOut extends Error {}

// An error: a request was rejected. The message is for the user.
class Refused extends Error {}

function note(text) {
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  byId("log").prepend(line);
}

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

// ---- Requests

// Sends a request. `credentials` makes the browser send cookies to other origins too.
async function send(url, method = "GET", body = null, more = {}) {
  const request = { method, credentials: "include", ...more };
  if (body) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  return fetch(url, request).catch(() => {
    throw new Refused("The server does not answer. Try again in a moment.");
  });
}

// Sends a request to a service. After a 401, renews the token and sends the request again.
async function call(url, method, body) {
  let answer = await send(url, method, body);
  if (answer.status === 401) {
    note(`${new URL(url).port}: 401 ${(await problem(answer)).code}`);
    await renew();
    answer = await send(url, method, body);
    if (answer.status === 401) throw new LoggedOut();
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

const SENTENCES = {
  invalid_grant: "The user or the password is wrong.",
  "insufficient-scope": "This account has no permission for that.",
};

// Reads an error response. The auth server follows RFC 6749, and the services follow RFC 9457.
async function problem(answer) {
  const body = await answer.json().catch(() => ({}));
  const code = body.error ?? body.code ?? "";
  const sentence = SENTENCES[code] ?? body.error_description ?? body.title ?? "The server refused.";
  return { code, sentence };
}

async function refusal(answer) {
  const { code, sentence } = await problem(answer);
  note(`${new URL(answer.url).port}: ${answer.status} ${code}`);
  if (answer.status === 429) {
    return new Refused(`Too many attempts. Try again in ${answer.headers.get("retry-after")} s.`);
  }
  if (answer.status >= 500) return new Refused("The server has a problem. Try again in a moment.");
  return new Refused(sentence);
}

// ---- The access token

// The expiry of the access token, or null if it is unknown: { lifetime, until }, in milliseconds.
let token = null;

// Tabs share the cookies. A tab that has renewed them notifies the others.
const tabs = new BroadcastChannel("renewed");
tabs.onmessage = ({ data }) => {
  if (!token) return;
  note("another tab renewed the access token");
  expires(data);
};

function expires(seconds) {
  token = { lifetime: seconds * 1000, until: Date.now() + seconds * 1000 };
  countDown();
}

function countDown() {
  if (!token) return;
  const left = Math.max(0, token.until - Date.now());
  const [bar, text] = byId("renewal").children;
  bar.max = token.lifetime;
  bar.value = left;
  text.textContent = `expires in ${Math.ceil(left / 1000)} s, renewed automatically before`;
  const early = Math.min(30_000, Math.max(1000, token.lifetime / 5));
  if (left <= early && !renewal) renew().catch(failed);
}
setInterval(countDown, 250);
document.addEventListener("visibilitychange", countDown);

// Requests that are rejected at the same time share one renewal. Tabs take turns, and a tab does
// not renew if another tab has just done so.
let renewal = null;

function renew() {
  const old = token;
  renewal ??= navigator.locks
    .request("renew", () => (token === old ? renewOnce() : undefined))
    .finally(() => { renewal = null; });
  return renewal;
}

async function renewOnce() {
  for (let attempt = 0; attempt < 4; attempt++) {
    // The browser stores the cookies of the response even if the user leaves the page meanwhile.
    const answer = await send("/auth/refresh", "POST", null, { keepalive: true }).catch(() => null);
    if (answer?.ok) {
      const { expires_in } = await answer.json();
      note(`renewed: the new access token expires in ${expires_in} s`);
      expires(expires_in);
      notice("");
      return tabs.postMessage(expires_in);
    }
    if (answer && answer.status < 500 && answer.status !== 429) throw new LoggedOut();
    // While the auth server cannot be reached, the refresh token stays valid.
    await wait(Number(answer?.headers.get("retry-after")) || 2 ** attempt);
  }
  throw new Refused("The auth server does not answer.");
}

// ---- The shop

const price = (cents) => (cents / 100).toFixed(2);
let cents = 0;

function fillCart(content) {
  cents = content.cents;
  byId("items").replaceChildren(...content.items.map((item) => listItem(item)));
  const pay = document.querySelector("#pay button");
  pay.textContent = cents ? `Pay ${price(cents)}` : "The cart is empty";
  pay.disabled = !cents;
}

function listItem(...parts) {
  const item = document.createElement("li");
  item.append(...parts);
  return item;
}

async function showCart() {
  const content = await (await call(`${cart}/cart`)).json();
  byId("who").textContent = `${name ?? content.user} of ${content.company}`;
  if (!token) expires(content.expires_in);
  fillCart(content);
}

// The stream follows the cart, and shows within seconds that the session has ended. The server ends
// the stream when its token expires or is revoked. The browser then opens another stream, and gives
// up after a 401.
let stream = null;

function follow() {
  stream?.close();
  stream = null;
  if (!token || document.hidden) return;
  stream = new EventSource(`${cart}/cart/live`, { withCredentials: true });
  stream.onmessage = ({ data }) => fillCart(JSON.parse(data));
  stream.onerror = ({ target }) => {
    if (target !== stream || target.readyState !== EventSource.CLOSED) return;
    showCart().then(follow).catch(failed);
  };
}
document.addEventListener("visibilitychange", follow);

const moment = (seconds) => new Date(seconds * 1000)
  .toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

// "Firefox 140 on Linux", from the `User-Agent` of the login. Most browsers also name other
// browsers there.
function browserName(agent) {
  const names = { Edg: "Edge", OPR: "Opera", Firefox: "Firefox", Chrome: "Chrome", Version: "Safari", curl: "curl" };
  const systems = ["Android", "iPhone", "iPad", "Windows", "Mac OS X", "CrOS", "Linux"];
  const name = Object.keys(names).find((name) => agent.includes(`${name}/`));
  const system = systems.find((system) => agent.includes(system));
  const version = agent.split(`${name}/`)[1]?.match(/^\d+/);
  return (name ? `${names[name]} ${version ?? ""}` : "Another client") + (system ? ` on ${system}` : "");
}

async function showSessions() {
  const answer = await send("/auth/sessions");
  if (answer.status === 400) throw new LoggedOut();
  if (!answer.ok) throw await refusal(answer);
  const { sessions } = await answer.json();
  byId("sessions").replaceChildren(...sessions.map((session) => {
    const times = document.createElement("small");
    times.textContent = `since ${moment(session.started_at)}, last used ${moment(session.renewed_at)}`;
    const name = browserName(session.label ?? "");
    if (session.current) return listItem(`${name} (this browser)`, times);
    const end = document.createElement("button");
    end.textContent = "This wasn't me";
    end.value = `/auth/sessions/${session.id}`;
    return listItem(name, times, end);
  }));
}

// Shows the profile that the shop read at another provider, and what the user granted there. The page
// has these elements only if a provider is configured.
let name = null;

async function showAccount() {
  if (!byId("account")) return;
  const answer = await send("/auth/account");
  if (answer.status === 400) throw new LoggedOut();
  if (!answer.ok) throw await refusal(answer);
  const account = await answer.json();
  name = account.name;
  const means = account.provider ? `${account.provider}, as ${name ?? "somebody without a name"}` : "a password";
  const scopes = account.scopes.length ? " The shop asked for:" : "";
  byId("profile").textContent = `You logged in with ${means}.${scopes}`;
  byId("scopes").replaceChildren(...account.scopes.map((scope) =>
    listItem(`${scope.name} (${scope.is_granted ? "granted" : "not granted"})`)));
  for (const form of byId("account").querySelectorAll("[data-provider]")) {
    form.hidden = account.linked.includes(form.dataset.provider);
  }
}

async function showShop() {
  await showAccount();
  await showCart();
  await showSessions();
  show("shop");
  follow();
}

function showLogin(sentence = "") {
  token = name = null;
  follow();
  byId("who").textContent = "";
  show("login", sentence);
}

function show(id, sentence = "") {
  byId("shop").hidden = id !== "shop";
  for (const part of document.querySelectorAll("#login, #elsewhere")) part.hidden = id !== "login";
  clearLines(document);
  notice(sentence);
}

function notice(sentence) {
  byId("notice").textContent = sentence;
  byId("notice").hidden = !sentence;
}

const ENDINGS = {
  reused: "You were logged out: somebody used a copy of your session's token. If it was not you, change your password.",
  logged_out: "You were logged out: the session was ended in another tab or browser.",
  too_many: "You were logged out: there were too many logins of this account.",
  account_closed: "You were logged out: this account may not log in any more.",
};

// Returns the reason why the last session of this browser ended. The rejection does not contain the
// reason. A user who logged out and comes back is not shown a reason.
async function reason() {
  const { ended } = await (await send("/device")).json();
  if (!ended) return "You were logged out: the session has expired.";
  if (ended === "logged_out" && byId("shop").hidden) return "";
  return ENDINGS[ended] ?? `You were logged out (${ended}).`;
}

// Shows an error of a request that the page made by itself, or the reason why the session has
// ended.
async function failed(error) {
  if (!(error instanceof LoggedOut)) {
    note(`failed: ${error.message}`);
    return notice(error.message);
  }
  // If several requests fail at the same time, the page shows one reason.
  if (!byId("login").hidden) return;
  const sentence = await reason().catch(() => "You were logged out.");
  if (sentence) note(sentence);
  showLogin(sentence);
}

// ---- Clicks

function clearLines(place) {
  for (const line of place.querySelectorAll(".error, .done")) line.textContent = "";
}

// Runs an action when a form is submitted. The button shows that the action is running, and the
// form shows its error.
function onSubmit(id, action) {
  byId(id)?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { target: form, submitter: button } = event;
    if (form.ariaBusy) return;
    clearLines(form);
    form.ariaBusy = button.ariaBusy = "true";
    try {
      await action(Object.fromEntries(new FormData(form)), button, form);
    } catch (error) {
      if (error instanceof LoggedOut) await failed(error);
      else form.querySelector(".error").textContent = error.message;
    } finally {
      form.ariaBusy = button.ariaBusy = null;
    }
    form.querySelector(".error").scrollIntoView({ block: "nearest" });
  });
}

onSubmit("login", async (credentials) => {
  const answer = await send("/auth/login", "POST", credentials);
  if (!answer.ok) throw await refusal(answer);
  note("logged in");
  expires((await answer.json()).expires_in);
  await showShop();
});

onSubmit("add", async (order) => {
  await call(`${cart}/cart`, "POST", order);
  note(`put ${order.item} into the cart`);
  await showCart();
});

// A real payment server gets the price from the shop, not from the page.
onSubmit("pay", async (_, button, form) => {
  const paid = cents;
  await call(`${payment}/payments`, "POST", { cents: paid });
  await call(`${cart}/cart`, "DELETE");
  note(`paid ${price(paid)}`);
  form.querySelector(".done").textContent = `Paid ${price(paid)}. Thank you!`;
  await showCart();
});

onSubmit("message", async (message, _, form) => {
  const answer = await send("/auth/messages", "POST", message);
  if (answer.status === 400) throw new LoggedOut();
  if (!answer.ok) throw await refusal(answer);
  note("sent a message");
  form.querySelector(".done").textContent = "The message is sent.";
});

onSubmit("leave", async (_, button) => {
  const isOther = button.closest("li");
  const answer = await send(button.value, isOther ? "DELETE" : "POST");
  // 400 means that the session had ended already.
  if (!answer.ok && answer.status !== 400) throw await refusal(answer);
  if (isOther) {
    note("ended another session and revoked its tokens");
    return showSessions();
  }
  note("logged out");
  showLogin();
});

// ---- Start. On a first visit there is no session, so the page shows the login at once.

const { is_known } = await (await send("/device")).json();
if (is_known) {
  showShop().catch(failed);
} else {
  showLogin();
}
