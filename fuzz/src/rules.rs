//! Which claims are accepted, decided over the parsed JSON: `docs/design.md` section 4, steps 7
//! to 11.

use std::time::Duration;

use serde_json::Number;
use tower_jwt_auth::JwtAuth;

use crate::json::{Node, get, is_in_band};
use crate::{AUDIENCE, ISSUER, NOW, clock, key};

/// A configuration, for the crate and for the reference.
pub struct Rules {
    pub issuer: Option<&'static str>,
    pub audience: &'static [&'static str],
    pub leeway: u32,
    pub max_lifetime: Option<u32>,
    pub roles: &'static [&'static str],
    pub required: &'static [&'static str],
}

pub static RULES: [Rules; 3] = [
    Rules {
        issuer: Some(ISSUER),
        audience: &[AUDIENCE],
        leeway: 5,
        max_lifetime: None,
        roles: &["roles"],
        required: &[],
    },
    Rules {
        issuer: None,
        audience: &[],
        leeway: 0,
        max_lifetime: None,
        roles: &["realm_access", "roles"],
        required: &["sub", "company"],
    },
    Rules {
        issuer: None,
        audience: &[AUDIENCE, "basket"],
        leeway: 60,
        max_lifetime: Some(600),
        roles: &["https://i.example/roles"],
        // Written twice, required once.
        required: &["https://i.example/roles", "https://i.example/roles"],
    },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    Accepted,
    Expired,
    Invalid,
}

/// What the crate must have noted of an accepted token.
#[derive(Debug, Default)]
pub struct Noted {
    pub scopes: Vec<String>,
    pub roles: Vec<String>,
    pub audience: Vec<String>,
}

impl Rules {
    pub fn auth(&self) -> JwtAuth {
        let mut auth = JwtAuth::new(key()).with_clock(clock()).roles_claim(self.roles.join("."));
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

    /// The decision, apart from the type that claims are read into.
    pub fn decide(&self, payload: &Node) -> (Decision, Noted) {
        let Some((claims, noted)) = payload.strict_members().and_then(|claims| {
            let noted = self.read(claims)?;
            Some((claims, noted))
        }) else {
            return (Decision::Invalid, Noted::default());
        };
        let decision = match get(claims, "exp") {
            Some(Node::Number(exp)) if self.allows_but_expiry(claims, &noted, exp) => {
                // RFC 7519 section 4.1.4: not accepted on or after the time.
                let expired = !later(exp, i128::from(NOW) - i128::from(self.leeway));
                if expired { Decision::Expired } else { Decision::Accepted }
            }
            _ => Decision::Invalid,
        };
        (decision, noted)
    }

    /// `None` for a claim of the wrong type.
    fn read(&self, claims: &[(String, Node)]) -> Option<Noted> {
        let mut noted = Noted::default();
        for (name, node) in claims {
            if is_in_band(name) || node.has_in_band_name() {
                return None;
            }
            match name.as_str() {
                "iss" | "sub" | "jti" | "sid" => drop(node.text()?),
                "exp" | "nbf" | "iat" if !matches!(node, Node::Number(_)) => return None,
                "aud" => noted.audience = owned(node.texts()?),
                "scope" | "scp" => {
                    let scopes = node.texts()?.join(" ");
                    noted.scopes.extend(scopes.split(' ').map(str::to_owned));
                }
                _ => {}
            }
        }
        noted.scopes.retain(|scope| !scope.is_empty());
        noted.roles = roles(claims, self.roles)?;
        Some(noted)
    }

    fn allows_but_expiry(&self, claims: &[(String, Node)], noted: &Noted, exp: &Number) -> bool {
        let is_there = |name: &&str| !matches!(get(claims, name), None | Some(Node::Null));
        let for_us = match get(claims, "aud") {
            None => self.audience.is_empty(),
            Some(_) => noted.audience.iter().any(|name| self.audience.contains(&name.as_str())),
        };
        let ahead = i128::from(NOW) + i128::from(self.leeway);
        let not_ahead = |name| match get(claims, name) {
            Some(Node::Number(number)) => !later(number, ahead),
            _ => true,
        };
        let short_enough = self.max_lifetime.is_none_or(|max| match get(claims, "iat") {
            Some(Node::Number(iat)) => within(iat, exp, max),
            _ => false,
        });
        self.issuer.is_none_or(|issuer| get(claims, "iss").and_then(Node::text) == Some(issuer))
            && for_us
            && self.required.iter().all(is_there)
            && get(claims, "cnf").is_none()
            && not_ahead("nbf")
            && not_ahead("iat")
            && short_enough
    }
}

fn owned(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

/// Whether `number` is more than `seconds`, exactly: bounds here are whole and far below 2^53.
fn later(number: &Number, seconds: i128) -> bool {
    match number.as_i128() {
        Some(number) => number > seconds,
        None => number.as_f64().expect("a number") > seconds as f64,
    }
}

/// Whether `exp` is at most `max` after `iat`. In floating point this is exact where it matters:
/// times near now are multiples of 2^-22, and so is their difference.
fn within(iat: &Number, exp: &Number, max: u32) -> bool {
    match (iat.as_i128(), exp.as_i128()) {
        (Some(iat), Some(exp)) => exp - iat <= i128::from(max),
        _ => exp.as_f64().expect("a number") - iat.as_f64().expect("a number") <= f64::from(max),
    }
}

/// The roles at the end of a path that may end early; `None` for a value of another type.
fn roles(members: &[(String, Node)], path: &[&str]) -> Option<Vec<String>> {
    let mut found = members.iter().filter(|(name, _)| name == path[0]);
    let Some((_, node)) = found.next() else { return Some(Vec::new()) };
    if found.next().is_some() {
        return None;
    }
    if path.len() > 1 {
        return roles(node.members()?, &path[1..]);
    }
    match node {
        Node::Text(role) => Some(vec![role.clone()]),
        Node::Array(roles) => roles.iter().map(role).collect(),
        _ => None,
    }
}

/// A string, or an object with one `value`.
fn role(node: &Node) -> Option<String> {
    if let Some(members) = node.members() {
        let mut values = members.iter().filter(|(name, _)| name == "value");
        let (_, value) = values.next()?;
        return value.text().filter(|_| values.next().is_none()).map(str::to_owned);
    }
    node.text().map(str::to_owned)
}
