//! Finds the reason for which a payload is malformed.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::Value;

use crate::jwt::duplicates;
use crate::jwt::json::Text;
use crate::jwt::misfit::Misfit;
use crate::jwt::payload::claim_place::PlaceSeed;
use crate::jwt::payload::fitting;
use crate::jwt::payload::notes::Wanted;
use crate::jwt::spans::{Placer, Spans};
use crate::jwt::token_error::{TokenError, TokenErrorKind};

/// The error for a payload that cannot be read, whatever the type of the claims.
#[cold]
pub(crate) fn error(json: &str, wanted: &Wanted) -> TokenError {
    let because = |reason| TokenError::because(TokenErrorKind::Malformed, reason);
    let Ok(Value::Object(mut claims)) = serde_json::from_str(json) else {
        return because("the payload is not one JSON object");
    };
    if duplicates::are_anywhere(json) {
        return because("a member name occurs twice in one object");
    }
    if wanted.numeric_subject && claims.get("sub").is_some_and(Value::is_number) {
        claims.remove("sub");
    }
    let claims = Value::Object(claims);
    let misfit = fitting::misfit_of::<Registered>(&claims).or_else(|| of_places(&claims, wanted));
    TokenError::misfitting(TokenErrorKind::Malformed, misfit)
}

/// The configured place that holds a value of the wrong type.
fn of_places(claims: &Value, wanted: &Wanted) -> Option<Misfit> {
    let mut configured = wanted.places.iter().filter(|place| place.is_configured);
    configured.find_map(|place| {
        let (mut spans, mut placer) = (Spans::default(), Placer::new("", 0));
        let seed = PlaceSeed::new(place, &mut spans, &mut placer);
        let misfit = fitting::read(claims.get(place.path.first())?, seed).err()?;
        Some(misfit.of_configured(&place.path.to_string()))
    })
}

/// The types that a pass over the payload insists on.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Registered {
    iss: Option<String>,
    sub: Option<String>,
    jti: Option<String>,
    sid: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    aud: Option<Strings>,
}

/// A string or an array of strings.
struct Strings;

impl<'de> Deserialize<'de> for Strings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StringsVisitor)
    }
}

struct StringsVisitor;

impl<'de> Visitor<'de> for StringsVisitor {
    type Value = Strings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Strings, E> {
        Ok(Strings)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Strings, A::Error> {
        while seq.next_element_seed(Text)?.is_some() {}
        Ok(Strings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::jwt::payload::claim_place::{Place, Target};

    fn said(claims: Value, roles: &str) -> String {
        let mut wanted = Wanted::default();
        wanted.add(Place::new(Target::Roles, roles));
        error(&claims.to_string(), &wanted).to_string()
    }

    #[test]
    fn the_claim_of_the_wrong_type_is_named() {
        for (claims, expected) in [
            (json!({ "sub": 1 }), "invalid type for `sub`: a number"),
            (json!({ "iss": [] }), "invalid type for `iss`: an array"),
            (json!({ "exp": "2033-05-18" }), "invalid type for `exp`: a string"),
            (json!({ "aud": {} }), "invalid type for `aud`: an object"),
            (json!({ "aud": ["a", 1] }), "invalid type inside `aud`: a number"),
            (json!({ "roles": 7 }), "invalid type for `roles`: a number"),
            (json!({ "roles": { "admin": true } }), "invalid type for `roles`: an object"),
            (json!({ "roles": ["a", 1] }), "invalid type inside `roles`: a number"),
            (json!({ "roles": [{ "name": "a" }] }), "invalid type inside `roles`: an object"),
        ] {
            assert_eq!(said(claims, "roles"), format!("the token is malformed: {expected}"));
        }
        for (claims, expected) in [
            (json!({ "a": 1 }), "invalid type for `a.roles`: a number"),
            (json!({ "a": { "roles": [[]] } }), "invalid type inside `a.roles`: an array"),
        ] {
            assert_eq!(said(claims, "a.roles"), format!("the token is malformed: {expected}"));
        }
    }

    #[test]
    fn a_claim_that_may_have_its_shape_is_not_named() {
        let claims = json!({
            "iss": "", "sub": null, "jti": "1", "sid": "s", "exp": 1, "nbf": -1, "iat": 1.5,
            "aud": ["a"], "scope": 7, "scp": [], "roles": ["a", { "value": "b" }], "more": null,
        });
        assert_eq!(said(claims, "roles"), "the token is malformed");
        assert_eq!(said(json!({ "roles": 1 }), "groups"), "the token is malformed");
    }
}
