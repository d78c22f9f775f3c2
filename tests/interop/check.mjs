// Verifies our tokens with jose, or issues tokens with it for us: `check.mjs accept|issue ALG`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { SignJWT, jwtVerify } from "jose";

const issuer = "https://auth.shop.example";
const secret = new TextEncoder().encode(process.env.JWT_SECRET);
const [what, alg] = process.argv.slice(2);

if (what === "accept") {
  const token = readFileSync(0, "utf8").trim();
  const rules = {
    algorithms: [alg], audience: "cart", issuer, typ: "at+jwt", clockTolerance: 0,
    requiredClaims: ["sub", "iat", "exp", "jti"],
  };
  const { payload } = await jwtVerify(token, secret, rules);
  assert.ok(Number.isInteger(payload.exp) && Number.isInteger(payload.iat));
  const forged = token.slice(0, -2) + (token.endsWith("AA") ? "BB" : "AA");
  await assert.rejects(jwtVerify(forged, secret, rules), { code: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED" });
  console.log(JSON.stringify(payload));
} else {
  const token = await new SignJWT({ scope: "cart:read", nested: { a: [1, 2.5, null] } })
    .setProtectedHeader({ alg, typ: "at+jwt" })
    .setIssuer(issuer).setSubject("zoë").setAudience(["cart", "mail"]).setIssuedAt()
    .setExpirationTime("1m")
    .sign(secret);
  console.log(token);
}
