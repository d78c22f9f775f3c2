// Runs `oidc-provider`, a certified OpenID provider. Settings in the environment:
//
//   PORT       required: the port on 127.0.0.1
//   KEYS       a file that keeps the keys. Without it, a restart replaces all keys.
//   DOCUMENT   `rfc8414` serves the document of RFC 8414 only, `openid` that of OpenID only
//   MOUNT      the path of the issuer, such as `/realms/shop`
//
// `cart-client` gets access tokens with its secret. The `resource` that it asks for contains the
// algorithm and the audience of the token: `https://cart.example/?alg=ES256&audience=cart`. The
// client `cart` logs the user `alice` in, without a login page, and gets an ID token.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import Provider, { errors } from "oidc-provider";

const { PORT, KEYS, DOCUMENT, MOUNT = "" } = process.env;
const issuer = `http://127.0.0.1:${PORT}${MOUNT}`;
const algorithms = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];
const secret = "a-secret-only-for-tests-0123456789abcdef";

async function key(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...jwk, alg, use: "sig", kid: await calculateJwkThumbprint(jwk) };
}

let keys;
if (KEYS && existsSync(KEYS)) {
  keys = JSON.parse(readFileSync(KEYS, "utf8"));
} else {
  keys = await Promise.all(algorithms.map(key));
  if (KEYS) writeFileSync(KEYS, JSON.stringify(keys));
}

const scope = "cart:read cart:write";
const provider = new Provider(issuer, {
  jwks: { keys },
  clients: [
    {
      client_id: "cart-client", client_secret: secret, grant_types: ["client_credentials"],
      redirect_uris: [], response_types: [], scope,
      token_endpoint_auth_method: "client_secret_basic",
    },
    {
      client_id: "cart", client_secret: secret, grant_types: ["authorization_code"],
      redirect_uris: ["https://cart.example/callback"], response_types: ["code"],
      scope: `openid ${scope}`, id_token_signed_response_alg: "ES256",
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  scopes: ["openid", ...scope.split(" ")],
  enabledJWA: { idTokenSigningAlgValues: algorithms },
  pkce: { required: () => false },
  cookies: { keys: [secret] },
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  interactions: { url: (_, { uid }) => `${MOUNT}/login/${uid}` },
  async loadExistingGrant({ oidc }) {
    const { client: { clientId }, session: { accountId } } = oidc;
    const grant = new oidc.provider.Grant({ clientId, accountId });
    grant.addOIDCScope(`openid ${scope}`);
    for (const resource of [oidc.params.resource ?? []].flat()) grant.addResourceScope(resource, scope);
    await grant.save();
    return grant;
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      async getResourceServerInfo(_, resource) {
        const { alg = "RS256", audience = "cart" } = Object.fromEntries(new URL(resource).searchParams);
        if (!algorithms.includes(alg)) throw new errors.InvalidTarget();
        return { scope, audience, accessTokenFormat: "jwt", accessTokenTTL: 300, jwt: { sign: { alg } } };
      },
    },
  },
  extraTokenClaims: () => ({ roles: ["admin"], company: "acme" }),
});

const documents = {
  openid: `${MOUNT}/.well-known/openid-configuration`,
  rfc8414: `/.well-known/oauth-authorization-server${MOUNT}`,
};
const answer = provider.callback();
createServer(async (req, res) => {
  const { pathname } = new URL(req.url, issuer);
  if (pathname.startsWith(`${MOUNT}/login/`)) {
    await provider.interactionFinished(req, res, { login: { accountId: "alice" } });
    return;
  }
  const [document] = Object.entries(documents).find(([, path]) => path === pathname) ?? [];
  const isHidden = document && DOCUMENT && document !== DOCUMENT;
  if (isHidden || (!document && !pathname.startsWith(`${MOUNT}/`))) {
    res.writeHead(404).end();
    return;
  }
  // The provider knows its own part of the path only, and finds the rest in `originalUrl`.
  req.url = document === "rfc8414" ? "/.well-known/oauth-authorization-server" : req.url.slice(MOUNT.length);
  req.originalUrl = `${MOUNT}${req.url}`;
  answer(req, res);
}).listen(Number(PORT), "127.0.0.1", () => console.log(`ready ${issuer}`));
process.stdin.on("end", () => process.exit()).resume();
