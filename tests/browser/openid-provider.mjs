// Runs `oidc-provider`, a certified OpenID provider, as the provider of a login. It has a login page
// and a consent page with a checkbox for each scope. By hand:
//
//   PORT=4003 REDIRECT_URI=http://localhost:4000/auth/login/openid/callback node openid-provider.mjs
//
// It listens on 127.0.0.1, which is another site than `localhost`, as a provider on the internet is.
// It ends when its standard input ends.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import Provider from "oidc-provider";

export const CLIENT = { id: "shop", secret: "a-secret-only-for-tests-0123456789abcdef" };

// The provider's users and their claims. One of them has the name of a user of the shop, and shares
// nothing else with that user.
export const USERS = {
  carol: { sub: "user-1001", name: "Carol Danvers", email: "carol@provider.example", email_verified: true },
  dave: { sub: "user-1002", name: "Dave", email: "dave@provider.example", email_verified: true },
  alice: { sub: "user-1003", name: "alice", email: "alice@provider.example", email_verified: false },
};

const MEANINGS = {
  openid: "know who you are",
  profile: "read your name",
  email: "read your address",
  "messages:send": "send messages in your name",
};

// Starts the provider. `redirectUri` may be a function, for a client that starts later than the provider.
// While `isSlow` is set, token requests get no answer.
export async function start({ port = 0, redirectUri, keys } = {}) {
  const server = createServer();
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  keys ??= newKeys();
  const running = { issuer, keys, isSlow: false };
  let provider;
  server.on("request", async (request, response) => {
    if (running.isSlow && request.url === "/token") return;
    provider ??= newProvider(issuer, keys, typeof redirectUri === "function" ? redirectUri() : redirectUri);
    try {
      await answer(provider, request, response);
    } catch (error) {
      response.writeHead(error.status ?? 500).end(`${error.error_description ?? error.message}`);
    }
  });
  running.close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return running;
}

function newKeys() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return [{ ...privateKey.export({ format: "jwk" }), alg: "ES256", use: "sig", kid: "1" }];
}

const accountOf = (sub) => Object.values(USERS).find((user) => user.sub === sub);

function newProvider(issuer, keys, redirectUri) {
  return new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri],
      grant_types: ["authorization_code"], response_types: ["code"],
      id_token_signed_response_alg: "ES256", token_endpoint_auth_method: "client_secret_basic",
    }],
    scopes: Object.keys(MEANINGS),
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
    cookies: { keys: [CLIENT.secret], names: { session: "provider_session" } },
    ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
    findAccount: (_, sub) => accountOf(sub) && { accountId: sub, claims: () => accountOf(sub) },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = page("Log out", `${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>`);
        },
        postLogoutSuccessSource: (ctx) => { ctx.body = page("Logged out", "<p>You are logged out.</p>"); },
      },
    },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = "html";
      ctx.body = page("Error", `<p id="error">${escape(error)}: ${escape(error_description)}</p>`);
    },
  });
}

async function answer(provider, request, response) {
  const { pathname } = new URL(request.url, provider.issuer);
  const [, first, uid, action] = pathname.split("/");
  if (first !== "interaction" || !uid) return provider.callback()(request, response);
  if (request.method === "GET") return showInteraction(provider, request, response);
  const form = new URLSearchParams(await text(request));
  return finishInteraction(provider, request, response, action, form);
}

async function showInteraction(provider, request, response) {
  const { uid, prompt, params, session } = await provider.interactionDetails(request, response);
  const cancel = `<button formaction="/interaction/${uid}/cancel" formnovalidate>Cancel</button>`;
  let body;
  if (prompt.name === "login") {
    body = page("Log in", `<form method="post" action="/interaction/${uid}/login">
      <label>User <input name="user" list="users" required autofocus></label>
      <datalist id="users">${Object.keys(USERS).map((user) => `<option>${user}`).join("")}</datalist>
      <button>Log in</button> ${cancel}</form>`);
  } else {
    const boxes = params.scope.split(" ").map((scope) => `<label><input type="checkbox" name="scope"
      value="${escape(scope)}" ${scope === "openid" ? "checked disabled" : ""}> ${escape(MEANINGS[scope] ?? scope)}</label>`);
    body = page("Consent", `<p>${escape(accountOf(session.accountId).name)}, the shop would like to:</p>
      <form method="post" action="/interaction/${uid}/consent">${boxes.join("")}
      <button>Continue</button> ${cancel}</form>`);
  }
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" }).end(body);
}

async function finishInteraction(provider, request, response, action, form) {
  const finish = (result) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: action === "consent" });
  if (action === "cancel") {
    return finish({ error: "access_denied", error_description: "the user cancelled" });
  }
  if (action === "login") {
    const user = USERS[form.get("user")];
    if (user) return finish({ login: { accountId: user.sub } });
    const { uid } = await provider.interactionDetails(request, response);
    return response.writeHead(303, { Location: `/interaction/${uid}` }).end();
  }
  const { params, session } = await provider.interactionDetails(request, response);
  const asked = params.scope.split(" ");
  const granted = asked.filter((scope) => scope === "openid" || form.getAll("scope").includes(scope));
  const rejected = asked.filter((scope) => !granted.includes(scope));
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(granted.join(" "));
  if (rejected.length) grant.rejectOIDCScope(rejected.join(" "));
  return finish({ consent: { grantId: await grant.save() } });
}

async function text(request) {
  let body = "";
  for await (const part of request) body += part;
  return body;
}

const escape = (text) => `${text}`.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt()};`);

const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8">
  <meta name="viewport" content="width=device-width"><title>${title}</title>
  <style>body { font: 16px/1.6 system-ui, sans-serif; max-width: 30rem; margin: 2rem auto; padding: 0 1rem }
  label { display: block; margin: .5rem 0 }</style><h1>${title}</h1>${body}</html>`;

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { PORT, REDIRECT_URI } = process.env;
  const { issuer } = await start({ port: Number(PORT), redirectUri: REDIRECT_URI });
  console.log(`ready ${issuer}`);
  process.stdin.on("end", () => process.exit()).resume();
}
