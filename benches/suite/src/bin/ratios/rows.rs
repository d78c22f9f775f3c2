//! The rows of the table of ratios.

use suite::contenders::Contender::{self, Ask, CheckSignature, ReadClaims, Verify, VerifyEach};
use suite::tokens::Variant::{
    EscapedName, Exponent, Float, Forged, Good, Integer, Missing, Negative,
};

/// A cost in the table: the sum of the times of these operations, each multiplied by its factor.
pub type Cost = Vec<(f64, Contender)>;

/// One line of the table: the ratio of the cost `ours` to the cost `other`.
pub struct Row {
    pub what: &'static str,
    pub ours: Cost,
    pub other: Cost,
    /// The largest ratio that the project accepts.
    pub goal: Option<f64>,
    /// The minimum work that any implementation must do for the same result as `ours`.
    pub floor: Option<Cost>,
}

/// Returns the rows for one kind of token.
pub fn rows(kind: &str) -> Vec<Row> {
    if is_hs256(kind) { hs256(kind) } else { public_key(kind) }
}

/// Returns the rows for a public-key algorithm. In each row, `floor` is the cost of one signature
/// check.
fn public_key(algorithm: &str) -> Vec<Row> {
    let signature = || only(CheckSignature(Good));
    let verify = || only(Verify("JwtAuth", Good));
    let layer = || added(Ask("tower-jwt-auth", Good));
    let cached_layer = || added(Ask("tower-jwt-auth, cached", Good));
    let row = |what, ours, other| Row { what, ours, other, goal: None, floor: Some(signature()) };
    let mut rows = vec![
        row("`Verifier::verify` / signature", only(Verify("Verifier", Good)), signature())
            .goal(1.10),
        row("`JwtAuth::verify` / signature", verify(), signature()).goal(1.10),
        row("layer / signature", layer(), signature()).goal(1.10),
        row("layer with its cache, a hit / signature", cached_layer(), signature()),
        row(
            "cache hit / signature, 100 tokens in turn",
            only(VerifyEach("JwtAuth, cached", 100)),
            signature(),
        ),
    ];
    // The other crates do not support ML-DSA-44.
    if algorithm != "ML-DSA-44" {
        let peer = |what, name| row(what, layer(), added(Ask(name, Good)));
        rows.extend([
            row(
                "`JwtAuth::verify` / `jsonwebtoken::decode` (`aws_lc_rs`)",
                verify(),
                only(Verify("jsonwebtoken, aws_lc_rs", Good)),
            ),
            peer("layer / `from_fn` by hand", "by hand"),
            peer("layer / `axum-jwt-auth`", "axum-jwt-auth"),
            peer("layer / `jwt-authorizer`", "jwt-authorizer"),
            peer("layer / `huskarl-axum`", "huskarl-axum"),
        ]);
    }
    rows
}

/// Returns the rows for HS256. The goals in the rows depend on `kind`, the size of the token.
fn hs256(kind: &str) -> Vec<Row> {
    let of = |goals: [f64; 3]| match kind {
        "small" => goals[0],
        "typical" => goals[1],
        _ => goals[2],
    };
    let floor = || only(Verify("floor", Good));
    let row = |what, ours, other| Row { what, ours, other, goal: None, floor: None };
    let layer = || added(Ask("tower-jwt-auth", Good));
    let keyed_layer = || added(Ask("tower-jwt-auth, kid", Good));
    let layer_floor = || [floor(), added(Ask("no-op layer", Good))].concat();
    let verify = || only(Verify("JwtAuth", Good));
    let decode = |backend| only(Verify(backend, Good));

    let mut rows = vec![
        row("`JwtAuth::verify` / floor", verify(), floor())
            .goal(of([1.25, 1.20, 1.04]))
            .floor(floor()),
        row("`Verifier::verify` / floor", only(Verify("Verifier", Good)), floor())
            .goal(of([1.15, 1.14, 1.03]))
            .floor(floor()),
        row(
            "`JwtAuth::verify` / `jsonwebtoken::decode` (`aws_lc_rs`)",
            verify(),
            decode("jsonwebtoken, aws_lc_rs"),
        )
        .goal(of([0.28, 0.31, 0.37]))
        .floor(floor()),
        row(
            "`JwtAuth::verify` / `jsonwebtoken::decode` (`rust_crypto`)",
            verify(),
            decode("jsonwebtoken, rust_crypto"),
        )
        .floor(floor()),
        row("`JwtAuth::verify` / `aliri`", verify(), decode("aliri")).floor(floor()),
        row("layer / `from_fn` by hand", layer(), added(Ask("by hand", Good)))
            .goal(of([0.34, 0.35, 0.36]))
            .floor(layer_floor()),
        row("layer / `axum-jwt-auth`", layer(), added(Ask("axum-jwt-auth", Good)))
            .goal(of([0.46, 0.44, 0.42]))
            .floor(layer_floor()),
        row("layer / `aliri_tower`", layer(), added(Ask("aliri_tower", Good))).floor(layer_floor()),
        row("layer / `jwt-authorizer`", layer(), added(Ask("jwt-authorizer", Good)))
            .floor(layer_floor()),
        row("layer / `huskarl-axum`", layer(), added(Ask("huskarl-axum", Good)))
            .floor(layer_floor()),
        row(
            "layer / `tower-oauth2-resource-server`, tokens with a `kid`",
            keyed_layer(),
            added(Ask("tower-oauth2-resource-server", Good)),
        )
        .floor(layer_floor()),
        row(
            "forged token: layer / by hand",
            refusing(Ask("tower-jwt-auth", Forged)),
            refusing(Ask("by hand", Forged)),
        )
        .goal(0.33)
        .floor(only(Verify("floor", Forged))),
        row(
            "no token: layer / by hand, whole requests",
            only(Ask("tower-jwt-auth", Missing)),
            only(Ask("by hand", Missing)),
        ),
    ];
    if kind == "typical" {
        let with = |variant| only(Verify("JwtAuth", variant));
        let each = |name, users| only(VerifyEach(name, users));
        rows.extend([
            row(
                "cache hit / `JwtAuth::verify`, 100 tokens in turn",
                each("JwtAuth, cached", 100),
                each("JwtAuth", 100),
            )
            .goal(0.10),
            row(
                "cache hit / `JwtAuth::verify`, 1,000 tokens in turn",
                each("JwtAuth, cached", 1_000),
                each("JwtAuth", 1_000),
            )
            .goal(0.25),
            row(
                "`JwtAuth::verify` with roles, tenant and 100,000 revocations / floor",
                only(Verify("JwtAuth, all checks", Good)),
                floor(),
            )
            .goal(1.35)
            .floor(floor()),
            row("a claim that is an integer / the token without it", with(Integer), verify())
                .goal(1.10),
            row("the same claim as a float", with(Float), verify()).goal(1.10),
            row("the same claim as a negative number", with(Negative), verify()).goal(1.10),
            row("the same claim with an exponent", with(Exponent), verify()).goal(1.10),
            row("the same claim with an escaped name", with(EscapedName), verify()).goal(1.10),
        ]);
    }
    rows
}

/// Returns the cost for the row about allocations: the cost of an accepted request, minus the cost
/// of a request to a route behind a no-op layer, and minus the cost of parsing the claims into
/// their type. For public-key algorithms, the cost of checking the signature is subtracted too.
pub fn allocations(kind: &str) -> Cost {
    let mut cost = vec![
        (1.0, Ask("tower-jwt-auth", Good)),
        (-1.0, Ask("no-op layer", Good)),
        (-1.0, ReadClaims),
    ];
    if !is_hs256(kind) {
        cost.push((-1.0, CheckSignature(Good)));
    }
    cost
}

fn is_hs256(kind: &str) -> bool {
    ["small", "typical", "large"].contains(&kind)
}

impl Row {
    fn goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    fn floor(self, floor: Cost) -> Self {
        Self { floor: Some(floor), ..self }
    }
}

fn only(contender: Contender) -> Cost {
    vec![(1.0, contender)]
}

/// Returns the cost that authentication adds to the route.
fn added(contender: Contender) -> Cost {
    vec![(1.0, contender), (-1.0, Ask("no layer", Good))]
}

/// Returns the cost of a rejection, minus the cost of a route that always responds with a bare 401.
fn refusing(contender: Contender) -> Cost {
    vec![(1.0, contender), (-1.0, Ask("bare 401", Good))]
}
