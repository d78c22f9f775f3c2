//! A reference implementation that decides if claims are accepted. It works on the parsed JSON, and
//! follows `docs/reference/verification.md`.

use std::time::Duration;

use serde_json::Number;
use tower_jwt_auth::JwtAuth;

use crate::json::{Node, claim, is_in_band};
use crate::{AUDIENCE, ISSUER, NOW, clock, key};

/// A configuration for both the crate and the reference.
pub struct Rules {
    pub issuer: Option<&'static str>,
    pub audience: &'static [&'static str],
    pub leeway: u32,
    pub max_lifetime: Option<u32>,
    /// The path of the roles claim, if not the default.
    pub roles: Option<&'static [&'static str]>,
    /// The path of the scope claim, if not one of the defaults.
    pub scopes: Option<&'static [&'static str]>,
    pub tenant: Option<&'static str>,
    pub numeric_subject: bool,
    pub missing_expiry: bool,
    pub any_audience: bool,
    pub required: &'static [&'static str],
}

pub static RULES: [Rules; 4] = [
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
        // The duplicate must have no effect.
        required: &["https://i.example/roles", "https://i.example/roles"],
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
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    pub audience: Vec<String>,
    pub tenant: Option<String>,
}

impl Rules {
    pub fn auth(&self) -> JwtAuth {
        let mut auth = JwtAuth::new(key()).with_clock(clock());
        if let Some(path) = self.roles {
            auth = auth.roles_claim(path);
        }
        if let Some(path) = self.scopes {
            auth = auth.scope_claim(path);
        }
        if let Some(name) = self.tenant {
            auth = auth.tenant_claim(name);
        }
        if self.numeric_subject {
            auth = auth.accept_numeric_subject();
        }
        if self.missing_expiry {
            auth = auth.dangerous_allow_missing_expiry();
        }
        if self.any_audience {
            auth = auth.dangerous_any_audience();
        }
        auth = auth.leeway(Duration::from_secs(self.leeway.into()));
        if let Some(issuer) = self.issuer {
            auth = auth.issuer(issuer);
        }
        if !self.audience.is_empty() {
            auth = auth.audience(self.audience);
        }
        if let Some(seconds) = self.max_lifetime {
            auth = auth.max_lifetime(Duration::from_secs(seconds.into()));
        }
        if self.required.is_empty() { auth } else { auth.require_claim(self.required) }
    }

    /// Decides on the payload, ignoring the type that the claims are read into.
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
            if is_in_band(name) || node.has_in_band_name() {
                return None;
            }
            match (name.as_str(), node) {
                (_, Node::Null) => {}
                ("sub", Node::Number(number)) if self.numeric_subject && is_whole(number) => {}
                ("iss" | "sub" | "jti" | "sid", node) => drop(node.text()?),
                ("exp" | "nbf" | "iat", node) if !matches!(node, Node::Number(_)) => return None,
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
        exp: Option<&Number>,
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
            && claim(claims, "cnf").is_none()
            && ["exp", "nbf", "iat"].into_iter().all(in_seconds)
            && not_ahead("nbf")
            && not_ahead("iat")
            && short_enough
    }
}

/// Returns true for a whole number except `-0`, which `serde_json` parses as a float.
fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Returns true if `number` is greater than `seconds`. The comparison is exact, since all limits
/// here are whole numbers far below 2^53.
fn later(number: &Number, seconds: i128) -> bool {
    match number.as_i128() {
        Some(number) => number > seconds,
        None => number.as_f64().expect("a number") > seconds as f64,
    }
}

/// Returns true if `exp` is at most `max` seconds after `iat`. Floating point is exact here: times
/// near now are multiples of 2^-22, and so is their difference.
fn within(iat: &Number, exp: &Number, max: u32) -> bool {
    match (iat.as_i128(), exp.as_i128()) {
        (Some(iat), Some(exp)) => exp - iat <= i128::from(max),
        _ => exp.as_f64().expect("a number") - iat.as_f64().expect("a number") <= f64::from(max),
    }
}

/// Returns the strings at the end of `path`, or no strings if the path ends early or at a `null`.
/// Returns `None` for a value of any other type.
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

/// Returns a string, or the `value` of an object.
fn element(node: &Node) -> Option<String> {
    match node {
        Node::Object(members) => members.iter().find(|(name, _)| name == "value")?.1.text(),
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
