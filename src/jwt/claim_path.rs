//! The path to a value within the claims, such as the roles, the scopes or the tenant.

use std::borrow::Cow;
use std::fmt::{self, Display};

/// The path to a value in the claims. It is a claim's name, or the names that lead to a nested
/// value, outermost first.
///
/// A string is one name, or several names separated by dots. If a name contains a dot, use an array
/// of names. A string that contains `://` is one name.
///
/// ```
/// use tower_jwt_auth::{JwtAuth, Secret, jwt::ClaimPath};
///
/// let secret = Secret::generate()?;
/// // Keycloak: roles of the realm and those of one client.
/// let auth = JwtAuth::new(secret.clone())
///     .roles_claim("realm_access.roles")
///     .add_roles_claim(["resource_access", "my.client", "roles"]);
/// // Auth0: a name that is a URL.
/// let auth = JwtAuth::new(secret.clone()).roles_claim("https://shop.example/roles");
/// // Zitadel: an object whose keys are the roles.
/// let roles = ClaimPath::from("urn:zitadel:iam:org:project:roles").object_keys();
/// let auth = JwtAuth::new(secret.clone()).roles_claim(roles);
/// // Spring: [{"authority":"ROLE_USER"}]
/// let roles = ClaimPath::from("authorities").object_member("authority");
/// let auth = JwtAuth::new(secret).roles_claim(roles);
/// # Ok::<_, tower_jwt_auth::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ClaimPath {
    names: Vec<String>,
    takes_keys: bool,
    member: Option<String>,
}

impl ClaimPath {
    fn new(names: Vec<String>) -> Self {
        Self { names, takes_keys: false, member: None }
    }

    /// Reads an object at this path as the set of its keys: `{"admin":{},"editor":true}` has the
    /// roles `admin` and `editor`. Keys with the value `false` or `null` are skipped. By default,
    /// an object at this path makes a token invalid.
    pub fn object_keys(mut self) -> Self {
        self.takes_keys = true;
        self
    }

    /// Sets the name of the member that is read from each object, if the value at this path is an
    /// array of objects: `authority` for `[{"authority":"ROLE_USER"}]`. The default is `value` (RFC
    /// 7643 section 2.4).
    pub fn object_member(mut self, name: impl Into<String>) -> Self {
        self.member = Some(name.into());
        self
    }

    pub(crate) fn first(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Returns the names on the path, without the first name.
    pub(crate) fn rest(&self) -> &[String] {
        self.names.get(1..).unwrap_or_default()
    }

    pub(crate) fn takes_keys(&self) -> bool {
        self.takes_keys
    }

    pub(crate) fn member(&self) -> &str {
        self.member.as_deref().unwrap_or("value")
    }

    /// Returns true if both paths lead to the same claim. The settings for reading the claim's
    /// value may differ.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        self.names == other.names
    }

    /// Returns true if [`object_keys`](Self::object_keys) or [`object_member`](Self::object_member)
    /// was called.
    pub(crate) fn reads_objects(&self) -> bool {
        self.takes_keys || self.member.is_some()
    }

    pub(crate) fn has_empty_name(&self) -> bool {
        self.names.is_empty()
            || self.names.iter().any(String::is_empty)
            || self.member.as_deref() == Some("")
    }
}

impl Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join("."))
    }
}

impl From<&str> for ClaimPath {
    /// Splits the string at its dots. A string that contains `://` is one name.
    fn from(path: &str) -> Self {
        if path.contains("://") {
            return Self::new(vec![path.to_owned()]);
        }
        Self::new(path.split('.').map(str::to_owned).collect())
    }
}

impl From<String> for ClaimPath {
    fn from(path: String) -> Self {
        Self::from(path.as_str())
    }
}

impl From<&String> for ClaimPath {
    fn from(path: &String) -> Self {
        Self::from(path.as_str())
    }
}

impl From<Cow<'_, str>> for ClaimPath {
    fn from(path: Cow<'_, str>) -> Self {
        Self::from(&*path)
    }
}

impl<S: Into<String>, const N: usize> From<[S; N]> for ClaimPath {
    /// Creates a path from these names. Dots in a name do not split the name.
    fn from(names: [S; N]) -> Self {
        Self::new(names.into_iter().map(Into::into).collect())
    }
}

impl<S: Into<String>> From<Vec<S>> for ClaimPath {
    /// Creates a path from these names. Dots in a name do not split the name.
    fn from(names: Vec<S>) -> Self {
        Self::new(names.into_iter().map(Into::into).collect())
    }
}

impl<S: AsRef<str>> From<&[S]> for ClaimPath {
    /// Creates a path from these names. Dots in a name do not split the name.
    fn from(names: &[S]) -> Self {
        Self::new(names.iter().map(|name| name.as_ref().to_owned()).collect())
    }
}

impl<S: AsRef<str>, const N: usize> From<&[S; N]> for ClaimPath {
    /// Creates a path from these names. Dots in a name do not split the name.
    fn from(names: &[S; N]) -> Self {
        Self::from(names.as_slice())
    }
}

impl<S: AsRef<str>> From<&Vec<S>> for ClaimPath {
    /// Creates a path from these names. Dots in a name do not split the name.
    fn from(names: &Vec<S>) -> Self {
        Self::from(names.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_separate_names_in_texts_without_a_scheme() {
        let names = |path: ClaimPath| path.names;
        assert_eq!(names("roles".into()), ["roles"]);
        assert_eq!(names("cognito:groups".into()), ["cognito:groups"]);
        assert_eq!(names("realm_access.roles".into()), ["realm_access", "roles"]);
        assert_eq!(names("https://a.example/roles".into()), ["https://a.example/roles"]);
        assert_eq!(names(Cow::Borrowed("a.b").into()), ["a", "b"]);
        assert_eq!(names(["a", "my.client"].into()), ["a", "my.client"]);
        assert_eq!(names((&["a", "my.client"]).into()), ["a", "my.client"]);
        assert_eq!(names((&vec!["a", "my.client"]).into()), ["a", "my.client"]);
        assert!(ClaimPath::from("a..b").has_empty_name());
        assert!(ClaimPath::from("").has_empty_name());
        assert!(ClaimPath::from([""; 0]).has_empty_name());
    }
}
