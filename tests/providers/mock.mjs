// Runs `oauth2-mock-server`, which signs any claims on request.
//
//   mock.mjs           tokens for the audience `cart`, signed with each of the ALGORITHMS in turn
//   mock.mjs SHAPE     tokens as `keycloak`, `auth0` or `entra` writes them, and one to try
//
// PORT is the port on localhost, which the system chooses by default. The fields `claims` and
// `header` of a token request are JSON, and replace those of the token; `null` removes one. A line on
// standard input, such as `ES512` or `ES512 my-kid`, adds a key.
import { createInterface } from "node:readline";
import { OAuth2Server } from "oauth2-mock-server";

const tenant = "8f1e6b0c-3a2d-4c57-9b1f-2f6f0d8e4a11";
const realm = "https://keycloak.example/realms/shop";

// The shapes that the providers document: tokens of the user `alice` for the service `cart`.
const shapes = {
  keycloak: {
    header: { typ: "JWT" },
    claims: {
      iss: realm, aud: ["cart", "account"], azp: "shop-frontend", typ: "Bearer", acr: "1",
      sub: "0b2a1f3e-5d70-4bb2-a4b0-1c1d6f1d9f10", sid: "6f0d3a52-8f0a-4f3c-9a51-7ce2f3b0c9de",
      preferred_username: "alice", realm_access: { roles: ["admin", "offline_access"] },
      resource_access: { cart: { roles: ["buyer"] }, account: { roles: ["view-profile"] } },
      scope: "profile cart:read",
    },
  },
  auth0: {
    header: { typ: "JWT" },
    claims: {
      iss: "https://shop.eu.auth0.com/", sub: "auth0|65f0c0ffee",
      aud: ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
      azp: "2kXq0Zb1eYc8", scope: "openid profile cart:read", permissions: ["cart:read", "cart:write"],
    },
  },
  entra: {
    header: { typ: "JWT" },
    claims: {
      iss: `https://login.microsoftonline.com/${tenant}/v2.0`, tid: tenant, ver: "2.0",
      aud: "5b7e3c1a-0d2f-4e68-8a9b-c1d2e3f40516", azp: "9a0b1c2d-3e4f-4a5b-8c6d-7e8f90a1b2c3",
      azpacr: "1", sub: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
      oid: "00000000-0000-0000-66f3-3332eca7ea81", preferred_username: "alice@shop.example",
      roles: ["admin"], scp: "cart.read",
    },
  },
};

const { PORT, ALGORITHMS = "RS256" } = process.env;
const [name] = process.argv.slice(2);
const shape = name ? shapes[name] : { header: { typ: "at+jwt" }, claims: { aud: "cart", sub: "alice" } };
if (!shape) throw new Error(`the shapes are ${Object.keys(shapes).join(", ")}`);

function replace(object, members) {
  for (const [name, value] of Object.entries(members)) {
    // JSON leaves `undefined` out. The server would add its own `typ` if the member were deleted.
    object[name] = value ?? undefined;
  }
}

const server = new OAuth2Server();
for (const algorithm of ALGORITHMS.split(" ")) await server.issuer.keys.generate(algorithm);
server.service.on("beforeTokenSigning", ({ header, payload }, { body }) => {
  replace(header, { ...shape.header, ...JSON.parse(body.header ?? "{}") });
  replace(payload, { ...shape.claims, ...JSON.parse(body.claims ?? "{}") });
});
await server.start(Number(PORT ?? 0), "127.0.0.1");
console.log(`ready ${server.issuer.url}`);
if (name) {
  const body = new URLSearchParams({ grant_type: "client_credentials" });
  const answer = await fetch(`${server.issuer.url}/token`, { method: "POST", body });
  console.log(`token ${(await answer.json()).access_token}`);
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const [algorithm, kid] = line.split(" ");
    console.log(`added ${(await server.issuer.keys.generate(algorithm, { kid })).kid}`);
  })
  .on("close", () => process.exit());
