//! Finds the registered claim that makes a token malformed.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use crate::jwt::fitting;
use crate::jwt::json::Text;
use crate::jwt::member::RoleSeed;
use crate::jwt::misfit::Misfit;
use crate::jwt::noted::Wanted;

/// A registered claim of `json` that is of another type than it must be; `None` if something else
/// is wrong.
#[cold]
pub(crate) fn misfit(json: &str, wanted: &Wanted) -> Option<Misfit> {
    let mut claims: Value = serde_json::from_str(json).ok()?;
    if wanted.roles != ["roles"] {
        // Then a claim of that name may be anything.
        claims.as_object_mut()?.remove("roles");
    }
    fitting::misfit_of::<Registered>(&claims)
}

/// The types that a pass over the payload insists on. None is ever `null`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Registered {
    iss: String,
    sub: String,
    jti: String,
    sid: String,
    exp: f64,
    nbf: f64,
    iat: f64,
    aud: Strings,
    scope: Strings,
    scp: Strings,
    roles: Roles,
}

/// A string or an array of them.
#[derive(Default)]
struct Strings;

/// The same, or an array with objects that have a `value`.
#[derive(Default)]
struct Roles;

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral(|| Text)).map(|()| Self)
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrSeveral(|| RoleSeed)).map(|()| Self)
    }
}

/// Makes a seed for each element.
struct OneOrSeveral<F>(F);

impl<'de, S: DeserializeSeed<'de>, F: Fn() -> S> Visitor<'de> for OneOrSeveral<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self.0())?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(claims: Value, roles: &str) -> Option<String> {
        let wanted = Wanted { roles: vec![roles.to_owned()], tenant: None, required: Vec::new() };
        misfit(&claims.to_string(), &wanted).map(|misfit| misfit.to_string())
    }

    #[test]
    fn the_registered_claim_is_named() {
        for (claims, expected) in [
            (json!({ "sub": 1 }), "invalid type for `sub`: a number"),
            (json!({ "iss": null }), "invalid type for `iss`: null"),
            (json!({ "exp": "2033-05-18" }), "invalid type for `exp`: a string"),
            (json!({ "aud": {} }), "invalid type for `aud`: an object"),
            (json!({ "aud": ["a", 1] }), "invalid type inside `aud`: a number"),
            (json!({ "roles": null }), "invalid type for `roles`: null"),
            (json!({ "roles": [{ "name": "a" }] }), "missing field `value` in `roles`"),
        ] {
            assert_eq!(said(claims, "roles").as_deref(), Some(expected));
        }
        let odd = json!({ "roles": 1, "scope": false });
        let expected = "invalid type for `scope`: a boolean";
        assert_eq!(said(odd, "groups").as_deref(), Some(expected));
    }

    #[test]
    fn what_may_be_there_is_not_blamed() {
        let claims = json!({
            "iss": "", "sub": "a", "jti": "1", "sid": "s", "exp": 1, "nbf": -1, "iat": 1.5,
            "aud": ["a"], "scope": "a b", "scp": [], "roles": ["a", { "value": "b" }], "more": null,
        });
        assert_eq!(said(claims, "roles"), None);
        assert_eq!(said(json!({ "roles": 1 }), "groups"), None);
        assert_eq!(said(json!({}), "roles"), None);
    }
}
