//! The key set of Microsoft Entra ID.

use serde::Deserialize;
use serde_json::Value;

use crate::jwks::{FetchedKeys, KeySetUrl, KeySource, KeySourceError};
use crate::jwt::{KeyError, texts_of_keys};

/// The key set of Microsoft, without the keys that are reserved for other tenants.
///
/// Each key has a member `issuer`. For a key that signs for every tenant, the member contains the
/// text `{tenantid}`. For a key that signs for one tenant, the member is the name of that tenant's
/// issuer, and the key must not verify tokens of another tenant.
pub(super) struct EntraKeys {
    url: KeySetUrl,
    /// The issuer name of the only tenant whose reserved keys are used. If `None`, no reserved keys
    /// are used.
    only: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    issuer: Option<Value>,
}

impl EntraKeys {
    /// Creates a source for this URL. The source skips keys that are reserved for one tenant,
    /// except the keys of the tenant whose issuer is `only`.
    #[track_caller]
    pub(super) fn new(url: &str, only: Option<String>) -> Self {
        Self { url: KeySetUrl::new("Issuer::entra", url), only }
    }
}

impl KeySource for EntraKeys {
    async fn fetch(&self) -> Result<FetchedKeys, KeySourceError> {
        let fetched = self.url.fetch().await?;
        let json = usable(fetched.json(), self.only.as_deref()).map_err(KeySourceError::new)?;
        Ok(fetched.with_json(json))
    }
}

/// Returns the key set without the keys that are reserved for one tenant. If an issuer is passed as
/// `only`, the keys of that issuer's tenant stay in the set.
fn usable(json: &[u8], only: Option<&str>) -> Result<String, KeyError> {
    let is_usable = |key: &str| match serde_json::from_str(key) {
        Ok(Owner { issuer: Some(Value::String(issuer)) }) => {
            issuer.contains("{tenantid}") || only == Some(&*issuer)
        }
        Ok(Owner { issuer }) => issuer.is_none(),
        // A key that is not an object, or in which a name occurs twice, stays in the set unchanged.
        // When the set is parsed later, such a key is skipped and counted.
        Err(_) => true,
    };
    let keys = texts_of_keys(json)?.into_iter().filter(|key| is_usable(key));
    Ok(format!(r#"{{"keys":[{}]}}"#, keys.collect::<Vec<_>>().join(",")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_of_other_tenants_are_not_used() {
        let issuer = |tenant| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let set = json!({ "keys": [
            { "kid": "all", "issuer": issuer("{tenantid}") },
            { "kid": "none" },
            { "kid": "personal", "issuer": issuer("9188040d-6c67-4c5b-b112-36a304b66dad") },
            { "kid": "own", "issuer": issuer("own") },
            { "kid": "number", "issuer": 7 },
            7,
        ] });
        let kids = |only: Option<&str>| {
            let json = usable(set.to_string().as_bytes(), only).unwrap();
            let set: Value = serde_json::from_str(&json).unwrap();
            let keys = set["keys"].as_array().unwrap();
            keys.iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
        };
        // The last key is not an object.
        assert_eq!(kids(None), [json!("all"), json!("none"), Value::Null]);
        let own = issuer("own");
        assert_eq!(kids(Some(&own)), [json!("all"), json!("none"), json!("own"), Value::Null]);
        assert!(usable(b"{}", None).is_err() && usable(b"<html>", None).is_err());
    }

    #[test]
    fn the_import_sees_names_that_occur_twice() {
        for key in [
            r#"{"kid":"a","kid":"b"}"#,
            r#"{"kid":"a","issuer":"{tenantid}","issuer":"{tenantid}"}"#,
        ] {
            let set = format!(r#"{{"keys":[{key}]}}"#);
            assert_eq!(usable(set.as_bytes(), None).unwrap(), set);
        }
    }
}
