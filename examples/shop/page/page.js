// The tokens are in cookies that this script cannot read. It knows of them only what servers
// answer: 401 when the access token is gone, and then it asks for another, once, and tries again.

const byId = (id) => document.getElementById(id);
const { cart, payment } = document.body.dataset;

class LoggedOut extends Error {}

function note(text) {
  const line = document.createElement("li");
  line.textContent = `${new Date().toLocaleTimeString()} ${text}`;
  byId("log").prepend(line);
}

// Cookies go along to the page's own origin by themselves, and to others only if asked.
async function send(url, method = "GET", body = null, more = {}) {
  const request = { method, credentials: "include", ...more };
  if (body) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  return fetch(url, request);
}

// Requests that find out at once share one renewal. Another tab may be renewing too: the server
// gives both the same tokens.
let renewal = null;

function renew() {
  renewal ??= renewOnce().finally(() => { renewal = null; });
  return renewal;
}

async function renewOnce() {
  for (let attempt = 0; attempt < 4; attempt++) {
    // If the page is left meanwhile, the browser still takes the cookies of the answer.
    const answer = await send("/auth/refresh", "POST", null, { keepalive: true }).catch(() => null);
    if (answer?.ok) {
      const { expires_in } = await answer.json();
      note(`renewed: the new access token is good for ${expires_in} s`);
      return;
    }
    if (answer && answer.status < 500 && answer.status !== 429) throw new LoggedOut();
    // Nothing is lost while the auth server is away: the refresh token is as good as before.
    const wait = Number(answer?.headers.get("retry-after")) || 2 ** attempt;
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
  throw new Error("the auth server does not answer");
}

async function call(url, method, body) {
  let answer = await send(url, method, body);
  if (answer.status === 401) {
    note(`${new URL(url).port}: ${problem(await answer.json())}`);
    await renew();
    answer = await send(url, method, body);
    if (answer.status === 401) throw new LoggedOut();
  }
  return answer;
}

const problem = ({ type, title }) => `${type.split("/").pop()}: ${title}`;

async function showCart() {
  const answer = await call(`${cart}/cart`);
  const { user, company, items } = await answer.json();
  byId("who").textContent = `${user} of ${company}`;
  byId("items").replaceChildren(...items.map(listItem));
}

function listItem(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

async function showSessions() {
  const answer = await send("/auth/sessions");
  if (answer.status === 400) throw new LoggedOut();
  if (!answer.ok) throw new Error(`sessions: ${answer.status}`);
  const { sessions } = await answer.json();
  byId("sessions").replaceChildren(...sessions.map((session) => {
    const since = new Date(session.started_at * 1000).toLocaleTimeString();
    const item = listItem(`${session.current ? "here" : session.label ?? "elsewhere"}, since ${since} `);
    if (!session.current) {
      const end = document.createElement("button");
      end.textContent = "This wasn't me";
      end.onclick = () => act(async () => {
        const answer = await send(`/auth/sessions/${session.id}`, "DELETE");
        if (!answer.ok) throw new Error(`the session goes on: ${answer.status}`);
        note("ended another session, and its tokens everywhere");
        await showSessions();
      });
      item.append(end);
    }
    return item;
  }));
}

function show(isLoggedIn) {
  byId("shop").hidden = !isLoggedIn;
  byId("login").hidden = isLoggedIn;
  if (!isLoggedIn) byId("who").textContent = "nobody is logged in";
}

async function showShop() {
  await showCart();
  await showSessions();
  show(true);
}

async function act(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof LoggedOut)) return note(`failed: ${error.message}`);
    note("not logged in");
    show(false);
  }
}

function onSubmit(id, action) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(() => action(Object.fromEntries(new FormData(event.target))));
  });
}

onSubmit("login", async (credentials) => {
  const answer = await send("/auth/login", "POST", credentials);
  if (!answer.ok) return note(`login: ${answer.status === 429 ? "too many attempts" : (await answer.json()).error}`);
  note("logged in");
  await showShop();
});

onSubmit("add", async (order) => {
  const answer = await call(`${cart}/cart`, "POST", order);
  note(answer.ok ? `put ${order.item} into the cart` : `cart: ${problem(await answer.json())}`);
  await showCart();
});

byId("pay").onclick = () => act(async () => {
  const answer = await call(`${payment}/payments`, "POST", { cents: 1999 });
  note(answer.ok ? "paid 19.99" : `payment: ${problem(await answer.json())}`);
});

const leave = (path) => () => act(async () => {
  const answer = await send(path, "POST");
  // 204, or 400 for who was not logged in. After anything else the session goes on.
  if (!answer.ok && answer.status !== 400) throw new Error(`you are still logged in: ${answer.status}`);
  throw new LoggedOut();
});
byId("logout").onclick = leave("/auth/logout");
byId("everywhere").onclick = leave("/auth/logout-everywhere");

act(showShop);
