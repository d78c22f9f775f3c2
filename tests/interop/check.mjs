// Verifies our tokens with jose, or issues tokens with it for us.
//
//   check.mjs algorithms ALG...    prints the algorithms that this version of jose supports
//   check.mjs keys ALG             writes `private.json` and `public.json` into the folder KEYS
//   check.mjs accept|issue ALG     with the keys in the folder KEYS, or with JWT_SECRET
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import {
  SignJWT, calculateJwkThumbprint, createLocalJWKSet, exportJWK, generateKeyPair, importJWK, importPKCS8,
  jwtVerify,
} from "jose";

const issuer = "https://auth.shop.example";
const { JWT_SECRET, KEYS } = process.env;
const [what, ...algorithms] = process.argv.slice(2);
const [alg] = algorithms;

const read = (name) => readFileSync(`${KEYS}/${name}`, "utf8");
const secret = () => new TextEncoder().encode(JWT_SECRET);

// The key that signs, and its identifier.
async function signer() {
  if (!KEYS) return { key: secret() };
  if (existsSync(`${KEYS}/private.pem`)) return { key: await importPKCS8(read("private.pem"), alg) };
  const jwk = JSON.parse(read("private.json"));
  return { key: await importJWK(jwk, alg), kid: jwk.kid };
}

const commands = {
  async algorithms() {
    for (const alg of algorithms) {
      // Older versions of node do not have all algorithms.
      if (await generateKeyPair(alg).catch(() => false)) console.log(alg);
    }
  },

  async keys() {
    const pair = await generateKeyPair(alg, { extractable: true });
    const kid = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
    const [jwk, publicJwk] = await Promise.all(
      [pair.privateKey, pair.publicKey].map(async (key) => ({ ...(await exportJWK(key)), alg, use: "sig", kid })),
    );
    writeFileSync(`${KEYS}/private.json`, JSON.stringify(jwk));
    writeFileSync(`${KEYS}/public.json`, JSON.stringify({ keys: [publicJwk] }));
  },

  async accept() {
    const token = readFileSync(0, "utf8").trim();
    const rules = {
      algorithms: [alg], audience: "cart", issuer, typ: "at+jwt", clockTolerance: 0,
      requiredClaims: ["sub", "iat", "exp", "jti"],
    };
    // A set of keys finds its key by the `kid` of the token.
    const key = KEYS ? createLocalJWKSet(JSON.parse(read("public.json"))) : secret();
    const { payload } = await jwtVerify(token, key, rules);
    assert.ok(Number.isInteger(payload.exp) && Number.isInteger(payload.iat));
    const start = token.lastIndexOf(".") + 1;
    const forged = token.slice(0, start) + (token[start] === "A" ? "B" : "A") + token.slice(start + 1);
    await assert.rejects(jwtVerify(forged, key, rules), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
    console.log(JSON.stringify(payload));
  },

  async issue() {
    const { key, kid } = await signer();
    const token = await new SignJWT({ scope: "cart:read", nested: { a: [1, 2.5, null] } })
      .setProtectedHeader({ alg, typ: "at+jwt", kid })
      .setIssuer(issuer).setSubject("zoë").setAudience(["cart", "mail"]).setIssuedAt()
      .setExpirationTime("1m")
      .sign(key);
    console.log(token);
  },
};
await commands[what]();
