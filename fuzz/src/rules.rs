//! A reference implementation that decides whether claims are accepted. It works on the parsed
//! JSON, and follows `docs/reference/verification.md`.

use std::time::Duration;

use tower_jwt_auth::jwt::{Validation, VerifiedToken, Verifier};
use tower_jwt_auth::{JwtAuth, UnixTime};

use crate::json::{Node, claim, float};
use crate::{AUDIENCE, ISSUER, NOW, clock, key};

/// A configuration for both the crate and the reference implementation.
pub struct Rules {
    pub issuer: Option<&'static str>,
    pub audience: &'static [&'static str],
    pub leeway: u32,
    pub max_lifetime: Option<u32>,
    /// The path of the roles claim. `None` means the default path.
    pub roles: Option<&'static [&'static str]>,
    /// The path of the scope claim. `None` means the default paths.
    pub scopes: Option<&'static [&'static str]>,
    pub tenant: Option<&'static str>,
    pub numeric_subject: bool,
    pub missing_expiry: bool,
    pub any_audience: bool,
    pub required: &'static [&'static str],
    /// Claims that must have a certain value: the path of each claim, and its allowed values.
    pub exact: &'static [(&'static [&'static str], &'static [&'static str])],
}

pub static RULES: [Rules; 5] = [
    Rules {
        issuer: Some(ISSUER),
        audience: &[AUDIENCE],
        leeway: 5,
        max_lifetime: None,
        roles: None,
        scopes: None,
        tenant: None,
        numeric_subject: false,
        missing_expiry: false,
        any_audience: false,
        required: &[],
        exact: &[],
    },
    Rules {
        issuer: None,
        audience: &[],
        leeway: 0,
        max_lifetime: None,
        roles: Some(&["realm_access", "roles"]),
        scopes: Some(&["scp"]),
        tenant: Some("company"),
        numeric_subject: false,
        missing_expiry: false,
        any_audience: false,
        required: &["sub", "company"],
        exact: &[],
    },
    Rules {
        issuer: None,
        audience: &[AUDIENCE, "basket"],
        leeway: 60,
        max_lifetime: Some(600),
        roles: Some(&["https://i.example/roles"]),
        scopes: None,
        tenant: None,
        numeric_subject: true,
        missing_expiry: false,
        any_audience: false,
        // Requiring the same claim twice must have no effect.
        required: &["https://i.example/roles", "https://i.example/roles"],
        exact: &[],
    },
    Rules {
        issuer: None,
        audience: &[],
        leeway: 5,
        max_lifetime: None,
        roles: None,
        scopes: Some(&["realm_access", "scope"]),
        tenant: None,
        numeric_subject: false,
        missing_expiry: true,
        any_audience: true,
        required: &[],
        exact: &[],
    },
    Rules {
        issuer: None,
        audience: &[],
        leeway: 5,
        max_lifetime: None,
        roles: None,
        scopes: None,
        tenant: Some("company"),
        numeric_subject: true,
        missing_expiry: true,
        any_audience: true,
        required: &["sub"],
        exact: &[
            (&["sub"], &["a", "7", "b"]),
            (&["company"], &["\u{e9}", "c", "a\n\"\\//b"]),
            (&["act", "sub"], &["a", "s"]),
            (&["act", "x", "value"], &["r"]),
        ],
    },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    Accepted,
    Expired,
    Invalid,
}

/// The values that the crate must extract from an accepted token.
#[derive(Debug, Default)]
pub struct Noted {
    /// The claims `iss`, `sub`, `jti` and `sid`.
    pub names: [Option<String>; 4],
    /// The claims `exp`, `nbf` and `iat`.
    pub dates: [Option<UnixTime>; 3],
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    pub audience: Vec<String>,
    pub tenant: Option<String>,
}

impl Noted {
    /// Checks that the crate extracted the same values from the token.
    pub fn check(&self, token: &VerifiedToken) {
        let names = [token.issuer(), token.subject(), token.id(), token.session()];
        assert_eq!(names, self.names.each_ref().map(Option::as_deref), "names");
        let dates = [token.expires_at(), token.not_before(), token.issued_at()];
        assert_eq!(dates, self.dates, "dates");
        assert!(token.scopes().eq(&self.scopes), "scopes");
        assert!(token.roles().eq(&self.roles), "roles");
        assert!(token.audience().eq(&self.audience), "audience");
        assert_eq!(token.tenant(), self.tenant.as_deref(), "tenant");
    }
}

/// Applies the rules with the methods of [`Validation`].
macro_rules! configure {
    ($rules:ident, $auth:expr) => {{
        let mut auth = $auth.leeway(Duration::from_secs($rules.leeway.into()));
        if let Some(path) = $rules.roles {
            auth = auth.roles_claim(path);
        }
        if let Some(path) = $rules.scopes {
            auth = auth.scope_claim(path);
        }
        if let Some(name) = $rules.tenant {
            auth = auth.tenant_claim(name);
        }
        if $rules.numeric_subject {
            auth = auth.accept_numeric_subject();
        }
        if $rules.missing_expiry {
            auth = auth.dangerous_allow_missing_expiry();
        }
        if $rules.any_audience {
            auth = auth.dangerous_any_audience();
        }
        if let Some(issuer) = $rules.issuer {
            auth = auth.issuer(issuer);
        }
        if !$rules.audience.is_empty() {
            auth = auth.audience($rules.audience);
        }
        if let Some(seconds) = $rules.max_lifetime {
            auth = auth.max_lifetime(Duration::from_secs(seconds.into()));
        }
        for (path, values) in $rules.exact {
            auth = auth.claim_is(*path, *values);
        }
        if $rules.required.is_empty() { auth } else { auth.require_claim($rules.required) }
    }};
}

impl Rules {
    pub fn auth(&self) -> JwtAuth {
        configure!(self, JwtAuth::new(key()).with_clock(clock()))
    }

    pub fn verifier(&self) -> Verifier {
        let validation = configure!(self, Validation::new());
        Verifier::new(key()).with_clock(clock()).with_validation(validation)
    }

    /// Returns the decision of the rules on a payload. The decision does not depend on the claims
    /// type.
    pub fn decide(&self, payload: &Node) -> (Decision, Noted) {
        let Some((claims, noted)) = payload.strict_members().and_then(|claims| {
            let noted = self.read(claims)?;
            Some((claims, noted))
        }) else {
            return (Decision::Invalid, Noted::default());
        };
        let exp = match claim(claims, "exp") {
            Some(Node::Number(exp)) => Some(exp),
            _ => None,
        };
        if exp.is_none() && !self.missing_expiry || !self.allows_but_expiry(claims, &noted, exp) {
            return (Decision::Invalid, noted);
        }
        // RFC 7519 section 4.1.4: a token must not be accepted on or after its `exp`.
        let past = i128::from(NOW) - i128::from(self.leeway);
        let is_expired = exp.is_some_and(|exp| !later(exp, past));
        (if is_expired { Decision::Expired } else { Decision::Accepted }, noted)
    }

    /// Returns `None` if a claim has the wrong type.
    fn read(&self, claims: &[(String, Node)]) -> Option<Noted> {
        let mut noted = Noted::default();
        for (name, node) in claims {
            match (name.as_str(), node) {
                (_, Node::Null) => {}
                ("sub", Node::Number(number)) if self.numeric_subject && is_whole(number) => {
                    noted.names[1] = Some(number.clone());
                }
                ("iss" | "sub" | "jti" | "sid", node) => {
                    let place = ["iss", "sub", "jti", "sid"].into_iter().position(|n| n == name)?;
                    noted.names[place] = Some(node.text()?.to_owned());
                }
                ("exp" | "nbf" | "iat", Node::Number(number)) => {
                    let place = ["exp", "nbf", "iat"].into_iter().position(|n| n == name)?;
                    noted.dates[place] = Some(date(number)?);
                }
                ("exp" | "nbf" | "iat", _) => return None,
                ("aud", node) => noted.audience = owned(node.texts()?),
                (name, node) if Some(name) == self.tenant => {
                    noted.tenant = Some(node.text()?.to_owned());
                }
                _ => {}
            }
        }
        let mut scopes = match self.scopes {
            Some(path) => strings(claims, path)?,
            // The scopes of both claims, `scope` and `scp`, in the order of the payload. A claim of
            // the wrong type is ignored.
            None => {
                let defaults = claims.iter().filter(|(name, _)| name == "scope" || name == "scp");
                let texts = defaults.filter_map(|(name, _)| strings(claims, &[name.as_str()]));
                texts.flatten().collect()
            }
        };
        scopes = scopes.iter().flat_map(|text| text.split(' ')).map(str::to_owned).collect();
        scopes.retain(|scope| !scope.is_empty());
        noted.scopes = scopes;
        noted.roles = match self.roles {
            Some(path) => strings(claims, path)?,
            None => strings(claims, &["roles"]).unwrap_or_default(),
        };
        Some(noted)
    }

    fn allows_but_expiry(
        &self,
        claims: &[(String, Node)],
        noted: &Noted,
        exp: Option<&String>,
    ) -> bool {
        let is_there = |name: &&str| claim(claims, name).is_some();
        let in_seconds = |name| match claim(claims, name) {
            Some(Node::Number(number)) => !later(number, 253_402_300_799),
            _ => true,
        };
        let for_us = match claim(claims, "aud") {
            _ if self.any_audience => true,
            None => self.audience.is_empty(),
            Some(_) => noted.audience.iter().any(|name| self.audience.contains(&name.as_str())),
        };
        let ahead = i128::from(NOW) + i128::from(self.leeway);
        let not_ahead = |name| match claim(claims, name) {
            Some(Node::Number(number)) => !later(number, ahead),
            _ => true,
        };
        let short_enough = self.max_lifetime.is_none_or(|max| match (claim(claims, "iat"), exp) {
            (Some(Node::Number(iat)), Some(exp)) => within(iat, exp, max),
            _ => false,
        });
        self.issuer.is_none_or(|issuer| claim(claims, "iss").and_then(Node::text) == Some(issuer))
            && for_us
            && self.required.iter().all(is_there)
            && self.exact.iter().all(|(path, values)| {
                at_path(claims, path).and_then(Node::text).is_some_and(|is| values.contains(&is))
            })
            && claim(claims, "cnf").is_none()
            && ["exp", "nbf", "iat"].into_iter().all(in_seconds)
            && not_ahead("nbf")
            && not_ahead("iat")
            && short_enough
    }
}

/// Returns true for a 64-bit whole number without an exponent, except `-0`.
fn is_whole(number: &str) -> bool {
    number != "-0" && (number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok())
}

/// Returns a date, or `None` if the number is out of range.
fn date(number: &str) -> Option<UnixTime> {
    if let Ok(seconds) = number.parse() {
        return Some(UnixTime::from_secs(seconds));
    }
    let seconds = float(number);
    // The cast turns a float beyond the range of `i64` into the nearest `i64`.
    let nanos = i128::from(seconds.floor() as i64) * 1_000_000_000
        + ((seconds - seconds.floor()) * 1e9).round() as i128;
    seconds.is_finite().then(|| UnixTime::from_nanos(nanos))
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Returns true if `number` is greater than `seconds`. The comparison is exact, since all limits
/// here are whole numbers far below 2^53.
fn later(number: &str, seconds: i128) -> bool {
    match number.parse::<i128>() {
        Ok(number) => number > seconds,
        Err(_) => float(number) > seconds as f64,
    }
}

/// Returns true if `exp` is at most `max` seconds after `iat`. The subtraction of two
/// floating-point numbers is exact here: times near the present are multiples of 2^-22 seconds, and
/// so is the difference of two such times.
fn within(iat: &str, exp: &str, max: u32) -> bool {
    match (iat.parse::<i128>(), exp.parse::<i128>()) {
        (Ok(iat), Ok(exp)) => exp.saturating_sub(iat) <= i128::from(max),
        _ => float(exp) - float(iat) <= f64::from(max),
    }
}

/// Returns the strings in the claim at `path`. Returns no strings if the claim, or a member that
/// contains it, is missing or `null`. Returns `None` if the claim, or such a member, has the wrong
/// type.
fn strings(members: &[(String, Node)], path: &[&str]) -> Option<Vec<String>> {
    let Some(node) = claim(members, path[0]) else { return Some(Vec::new()) };
    if path.len() > 1 {
        return strings(node.members()?, &path[1..]);
    }
    match node {
        Node::Text(text) => Some(vec![text.clone()]),
        Node::Array(nodes) => nodes.iter().map(element).collect(),
        _ => None,
    }
}

/// Returns the value at the end of `path`.
fn at_path<'n>(members: &'n [(String, Node)], path: &[&str]) -> Option<&'n Node> {
    let (first, rest) = path.split_first()?;
    let node = claim(members, first)?;
    if rest.is_empty() { Some(node) } else { at_path(node.members()?, rest) }
}

/// Returns the node itself if it is a string, and its member `value` if it is an object.
fn element(node: &Node) -> Option<String> {
    match node {
        Node::Object(_) => node.members()?.iter().find(|(name, _)| name == "value")?.1.text(),
        node => node.text(),
    }
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_decides_as_the_crate_does() {
        let exp = NOW + 60;
        for claims in [
            format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{exp},"roles":7,"scope":[1]}}"#),
            format!(
                r#"{{"iss":"{ISSUER}","aud":["{AUDIENCE}"],"exp":{exp},"cnf":null,"sub":null}}"#
            ),
            format!(r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{exp},"x":{{"a":1,"a":2}}}}"#),
            format!(r#"{{"sub":"a","company":"c","exp":{exp},"realm_access":{{"roles":["r"]}}}}"#),
            format!(r#"{{"sub":"a","company":7,"exp":{exp}}}"#),
            format!(r#"{{"sub":"a","company":"c","aud":null,"exp":{exp},"scp":7}}"#),
            format!(
                r#"{{"sub":42,"aud":"basket","exp":{exp},"iat":{NOW},"https://i.example/roles":"r"}}"#
            ),
            format!(
                r#"{{"sub":-0,"aud":"basket","exp":{exp},"iat":{NOW},"https://i.example/roles":"r"}}"#
            ),
            r#"{"aud":"x","realm_access":{"scope":"a b"}}"#.to_owned(),
            r#"{"realm_access":7}"#.to_owned(),
            r#"{"sub":"a","company":"c","act":{"sub":"s","x":{"value":"r"}}}"#.to_owned(),
            r#"{"sub":"a","company":"c","act":{"sub":"s","x":{"value":7}}}"#.to_owned(),
            r#"{"sub":7,"company":"c","act":{"sub":"s","x":{"value":"r"}}}"#.to_owned(),
            r#"{"exp":null}"#.to_owned(),
            r#"{"exp":1}"#.to_owned(),
            r#"{"exp":1700000060000}"#.to_owned(),
        ] {
            let node = Node::parse(claims.as_bytes()).unwrap();
            let token = crate::sign(br#"{"alg":"HS256"}"#, claims.as_bytes());
            for (number, rules) in RULES.iter().enumerate() {
                let (decision, noted) = rules.decide(&node);
                let verdict = rules.auth().claims::<serde_json::Value>().verify(&token);
                let is_accepted = decision == Decision::Accepted;
                assert_eq!(verdict.is_ok(), is_accepted, "{number}: {claims}: {verdict:?}");
                if let Ok(claims) = verdict {
                    assert!(claims.token().roles().eq(&noted.roles));
                    assert!(claims.token().scopes().eq(&noted.scopes));
                    assert_eq!(claims.token().tenant(), noted.tenant.as_deref());
                }
            }
        }
    }
}
