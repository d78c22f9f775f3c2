//! The rules for a token's header and claims.

use std::sync::Arc;
use std::time::Duration;

use crate::jwt::claim_path::ClaimPath;
use crate::jwt::one_or_many::OneOrMany;
use crate::jwt::payload::claim_place::{ClaimPlace, Purpose};
use crate::jwt::payload::claim_rule::ClaimRule;
use crate::jwt::payload::notes::Wanted;
use crate::jwt::payload::registered_claim::RegisteredClaim;
use crate::jwt::token_error;
use crate::misuse;

const MAX_LEEWAY: Duration = Duration::from_secs(60);
const MAX_RULES: usize = 64;

/// The rules that a token must meet besides having a valid signature.
///
/// By default:
///
/// - `exp` is present and in the future; `nbf` and `iat`, if present, are in the past. The leeway
///   is 5 seconds.
/// - No date is after the year 9999, since such a date is probably in milliseconds.
/// - `typ` is absent, `JWT` or `at+jwt`.
/// - `aud` is absent: a token with an `aud` is rejected until [`audience`](Self::audience) is
///   called (RFC 7519 section 4.1.3).
/// - The token has at most 8 KiB.
///
/// A claim with the value `null` counts as absent.
///
/// # Panics
///
/// Every method panics on a setting that cannot work. The message of the panic says what to do. A
/// method that takes a list panics if it is called twice, since the first list would be lost.
#[derive(Clone, Debug)]
pub struct Validation {
    pub(super) issuers: Vec<String>,
    pub(super) audience: Vec<String>,
    pub(super) accepts_any_audience: bool,
    pub(super) leeway: Duration,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) allows_missing_expiry: bool,
    pub(super) types: Vec<String>,
    /// True if `at+jwt` is rejected. Has no effect unless `types` is empty.
    pub(super) rejects_access_tokens: bool,
    /// The text of the error for a token whose `typ` is not accepted. The text is created in
    /// advance, so that rejecting a token allocates nothing.
    pub(super) wrong_type: Option<Arc<str>>,
    max_token_bytes: usize,
    pub(super) wanted: Wanted,
}

/// A setting that a preset chooses and that the application can replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Audience,
    Types,
    Places(Purpose),
    /// The accepted values of the claim at this path.
    Claim(ClaimPath),
}

impl Default for Validation {
    fn default() -> Self {
        Self {
            issuers: Vec::new(),
            audience: Vec::new(),
            accepts_any_audience: false,
            leeway: Duration::from_secs(5),
            max_lifetime: None,
            allows_missing_expiry: false,
            types: Vec::new(),
            rejects_access_tokens: false,
            wrong_type: None,
            max_token_bytes: 8 * 1024,
            wanted: Wanted::default(),
        }
    }
}

impl Validation {
    /// Creates the default rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires `iss` to be exactly equal to `issuer`, or to one of several issuers. By default
    /// `iss` is not checked.
    #[track_caller]
    #[must_use]
    pub fn issuer(mut self, issuer: impl OneOrMany) -> Self {
        refuse_second_call("issuer", &self.issuers);
        self.issuers = issuer.into_strings();
        if self.issuers.is_empty() || self.issuers.iter().any(String::is_empty) {
            misuse::refuse(
                "issuer(..) needs at least one name, and none may be empty: give the `iss` that \
                 your issuer writes",
            );
        }
        self
    }

    /// Requires that `aud` contains `audience`. The comparison is exact. If you pass several
    /// audiences, `aud` must contain at least one of them. By default, a token with an `aud` is
    /// rejected.
    #[track_caller]
    #[must_use]
    pub fn audience(mut self, audience: impl OneOrMany) -> Self {
        refuse_second_call("audience", &self.audience);
        self.audience = audience.into_strings();
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            misuse::refuse("audience(..) needs at least one name, and none may be empty");
        }
        self.refuse_two_audiences();
        self
    }

    /// Accepts tokens with any `aud`, and tokens without an `aud`.
    ///
    /// # Security
    ///
    /// After a call of this method, this service also accepts tokens that were issued for other
    /// services (RFC 8725 section 3.9). An attacker who controls another service can then present
    /// the tokens of that service's users to this service. Call this method only if no other
    /// service uses the key.
    #[track_caller]
    #[must_use]
    pub fn dangerous_any_audience(mut self) -> Self {
        self.accepts_any_audience = true;
        self.refuse_two_audiences();
        self
    }

    #[track_caller]
    fn refuse_two_audiences(&self) {
        if self.accepts_any_audience && !self.audience.is_empty() {
            misuse::refuse(
                "audience(..) and dangerous_any_audience() exclude each other: keep one",
            );
        }
    }

    /// Sets the tolerated difference between the clocks of issuer and verifier. 5 seconds by
    /// default, at most 60.
    #[track_caller]
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        if leeway > MAX_LEEWAY {
            misuse::refuse(format_args!(
                "a leeway of {leeway:?} accepts tokens long expired: 60 s is the most, \
                 and a longer life is the issuer's to give",
            ));
        }
        self.leeway = leeway;
        self
    }

    /// Rejects tokens whose `exp` is more than `lifetime` after `iat`, and tokens without `iat` or
    /// `exp`. There is no limit by default.
    #[track_caller]
    #[must_use]
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        if lifetime.is_zero() {
            misuse::refuse(
                "max_lifetime(0) refuses every token: give the longest that your issuer signs for, or leave it out",
            );
        }
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Accepts tokens without `exp`, unless [`max_lifetime`](Self::max_lifetime) is set. An `exp`
    /// that is present is still checked.
    ///
    /// # Security
    ///
    /// A stolen token without `exp` works until its key is retired or the token is revoked. A
    /// revocation is forgotten after some time, by default 30 days for a subject, a tenant, a key
    /// or everyone. After that time, the token is accepted again. To prevent that, set a time in
    /// the far future with [`Revocation::forget_at`](crate::revocation::Revocation::forget_at).
    #[must_use]
    pub fn dangerous_allow_missing_expiry(mut self) -> Self {
        self.allows_missing_expiry = true;
        self
    }

    /// Accepts a `sub` that is a 64-bit whole number. By default `sub` must be a string (RFC 7519
    /// section 4.1.2). For a number, the subject of the token is the decimal text, so 42 and `"42"`
    /// are the same subject. The claims type receives the number.
    #[must_use]
    pub fn accept_numeric_subject(mut self) -> Self {
        self.wanted.numeric_subject = true;
        self
    }

    /// Requires the `typ` header to be one of these values, and rejects a missing `typ`. Case and
    /// an `application/` prefix are ignored (RFC 7515 section 4.1.9). By default `typ` may be
    /// `JWT`, `at+jwt` or absent.
    #[track_caller]
    #[must_use]
    pub fn accept_type(mut self, types: impl OneOrMany) -> Self {
        refuse_second_call("accept_type", &self.types);
        self.types = types.into_strings();
        if self.types.is_empty() || self.types.iter().any(String::is_empty) {
            misuse::refuse("accept_type(..) needs at least one `typ`, and none may be empty");
        }
        if let Some(long) = self.types.iter().find(|typ| typ.contains('/')) {
            misuse::refuse(format_args!(
                "accept_type({long:?}): leave out `application/`, it is optional in tokens",
            ));
        }
        let types = token_error::quoted(&self.types);
        self.wrong_type = Some(format!("`typ` is missing or not {types}").into());
        self
    }

    /// Requires these claims to be present. A claim with the value `null` counts as missing. By
    /// default only `exp` is required.
    #[track_caller]
    #[must_use]
    pub fn require_claim(mut self, names: impl OneOrMany) -> Self {
        let rules = self.wanted.rules.iter().filter(|rule| rule.values.is_empty());
        let current: Vec<String> = rules.map(|rule| rule.path.first().to_owned()).collect();
        refuse_second_call("require_claim", &current);
        let names = names.into_strings();
        if names.is_empty() {
            misuse::refuse("require_claim(..) needs at least one name");
        }
        let mut seen = Vec::new();
        for name in names {
            // Each rule uses one of 64 bits, so the same rule must not be added twice.
            if !seen.contains(&name) {
                seen.push(name.clone());
                self.wanted.rules.push(ClaimRule::new(ClaimPath::from([name]), Vec::new()));
            }
        }
        self.refuse_too_many_rules();
        self
    }

    /// Requires the value of `claim` to equal one of `values`, character for character. By default,
    /// no claim is compared with a value.
    ///
    /// The claim is given by its name, a path with dots such as `act.sub`, an array of names, or a
    /// [`ClaimPath`]. The value must be a string. A token is rejected with
    /// [`TokenErrorKind::WrongClaim`] if the value is missing, `null`, not a string, or not one of
    /// `values`.
    ///
    /// If this method is called for several claims, all of them must have an allowed value.
    ///
    /// ```
    /// use tower_jwt_auth::jwt::Validation;
    ///
    /// let rules = Validation::new()
    ///     .claim_is("token_use", "access")
    ///     .claim_is("client_id", ["cart-web", "cart-app"]);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if this method is called twice for the same claim, or if `values` is empty or
    /// contains an empty string. Panics for `iss` and `aud`, which have their own methods, and for
    /// `exp`, `nbf`, `iat` and `cnf`, which are never strings. Panics for members of `sub`, `jti`
    /// and `sid`, which are never objects. Panics if the path has an empty name, or uses
    /// `object_keys` or `object_member`. Panics if this method and
    /// [`require_claim`](Self::require_claim) have added more than 64 rules in total.
    ///
    /// [`TokenErrorKind::WrongClaim`]: crate::jwt::TokenErrorKind::WrongClaim
    #[track_caller]
    #[must_use]
    pub fn claim_is(mut self, claim: impl Into<ClaimPath>, values: impl OneOrMany) -> Self {
        let (path, values) = (claim.into(), values.into_strings());
        refuse_empty_name("claim_is", &path);
        if values.is_empty() || values.iter().any(String::is_empty) {
            misuse::refuse(format_args!(
                "claim_is(\"{path}\", ..) needs at least one value, and none may be empty"
            ));
        }
        if path.reads_objects() {
            misuse::refuse(format_args!(
                "claim_is(\"{path}\", ..) compares one string: leave out `object_keys` and \
                 `object_member`"
            ));
        }
        let advice = match RegisteredClaim::from_name(path.first()) {
            Some(RegisteredClaim::Issuer) => Some("use issuer(..)"),
            Some(RegisteredClaim::Audience) => Some("use audience(..)"),
            Some(RegisteredClaim::Subject | RegisteredClaim::Id | RegisteredClaim::Session)
                if path.rest().is_empty() =>
            {
                None
            }
            None => None,
            Some(_) => Some("this claim is never such a string, so every token would be refused"),
        };
        if let Some(advice) = advice {
            misuse::refuse(format_args!("claim_is(\"{path}\", ..): {advice}"));
        }
        let mut rules = self.wanted.rules.iter().filter(|rule| !rule.values.is_empty());
        if let Some(rule) = rules.find(|rule| rule.path.is_at(&path)) {
            misuse::refuse(format_args!(
                "claim_is(\"{path}\", ..) was called before, with {}: give all values in one \
                 call, as in claim_is(\"{path}\", [a, b])",
                token_error::quoted(&rule.values)
            ));
        }
        self.wanted.rules.push(ClaimRule::new(path, values));
        self.refuse_too_many_rules();
        self
    }

    #[track_caller]
    fn refuse_too_many_rules(&self) {
        if self.wanted.rules.len() > MAX_RULES {
            misuse::refuse(format_args!(
                "require_claim(..) and claim_is(..) take at most {MAX_RULES} names together: let \
                 the type of the claims need the rest"
            ));
        }
    }

    /// Reads the roles from this claim instead of `roles`. The argument is a claim's name, a path
    /// with dots such as `realm_access.roles`, an array of names, or a [`ClaimPath`]. A string that
    /// contains `://` is one name.
    ///
    /// The value of the claim must be a string, an array of strings, or an array of objects with a
    /// `value` (RFC 7643). Any other value makes the token invalid. If the claim is missing or
    /// `null`, the token has no roles. If this method is not called, the claim `roles` is read, and
    /// is ignored if its value has none of these types.
    #[track_caller]
    #[must_use]
    pub fn roles_claim(self, path: impl Into<ClaimPath>) -> Self {
        self.set_place("roles_claim", "add_roles_claim", ClaimPlace::new(Purpose::Roles, path))
    }

    /// Reads roles from one more claim. The default claim `roles`, or the claim that
    /// [`roles_claim`](Self::roles_claim) sets, is still read.
    #[track_caller]
    #[must_use]
    pub fn add_roles_claim(self, path: impl Into<ClaimPath>) -> Self {
        self.add_place("add_roles_claim", ClaimPlace::new(Purpose::Roles, path))
    }

    /// Reads the scopes from this claim instead of `scope` and `scp`. See
    /// [`roles_claim`](Self::roles_claim) for the forms of the argument and of the value. A string
    /// may contain several scopes, separated by spaces.
    #[track_caller]
    #[must_use]
    pub fn scope_claim(self, path: impl Into<ClaimPath>) -> Self {
        self.set_place("scope_claim", "add_scope_claim", ClaimPlace::new(Purpose::Scopes, path))
    }

    /// Reads scopes from one more claim. The default claims `scope` and `scp`, or the claim that
    /// [`scope_claim`](Self::scope_claim) sets, are still read.
    #[track_caller]
    #[must_use]
    pub fn add_scope_claim(self, path: impl Into<ClaimPath>) -> Self {
        self.add_place("add_scope_claim", ClaimPlace::new(Purpose::Scopes, path))
    }

    /// Reads the tenant from this claim. See [`roles_claim`](Self::roles_claim) for the forms of
    /// the argument. The value must be a string. If the value is missing or `null`, the token has
    /// no tenant. By default no token has a tenant.
    #[track_caller]
    #[must_use]
    pub fn tenant_claim(mut self, path: impl Into<ClaimPath>) -> Self {
        self.wanted.places.retain(|place| place.purpose != Purpose::Tenant);
        self.add_place("tenant_claim", ClaimPlace::new(Purpose::Tenant, path))
    }

    #[track_caller]
    fn set_place(mut self, method: &str, adding: &str, place: ClaimPlace) -> Self {
        let is_same = |other: &ClaimPlace| other.purpose == place.purpose;
        if self.wanted.places.iter().any(|other| is_same(other) && other.is_configured) {
            misuse::refuse(format_args!(
                "{method}(\"{}\") would replace a claim that was set before: use {adding}(..) \
                 for one more",
                place.path
            ));
        }
        self.wanted.places.retain(|other| !is_same(other));
        self.add_place(method, place)
    }

    #[track_caller]
    fn add_place(mut self, method: &str, place: ClaimPlace) -> Self {
        let path = &place.path;
        refuse_empty_name(method, path);
        let mut places = self.wanted.places.iter();
        let is_taken = places.any(|other| other.purpose != place.purpose && other.path.is_at(path));
        if is_taken || RegisteredClaim::from_name(path.first()).is_some() {
            let other = match place.purpose {
                Purpose::Tenant => "name a claim that has no other meaning, such as \"tenant\"",
                Purpose::Roles => "for scopes there is `has_scope`",
                Purpose::Scopes => "for roles there is `has_role`",
            };
            misuse::refuse(format_args!(
                "{method}(\"{path}\"): this claim has a meaning of its own; {other}"
            ));
        }
        self.wanted.add(place);
        self
    }

    /// Sets the maximum length of a token in bytes. 8 KiB by default.
    #[track_caller]
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        if !(64..=1024 * 1024).contains(&bytes) {
            misuse::refuse(format_args!(
                "max_token_bytes({bytes}): between 64 bytes and 1 MiB; 8192 is the default",
            ));
        }
        self.max_token_bytes = bytes;
        self
    }

    /// Requires these claims in addition to the claims that are already required.
    pub(crate) fn also_require(mut self, names: Vec<&str>) -> Self {
        for name in names {
            let path = ClaimPath::from([name]);
            let mut rules = self.wanted.rules.iter().filter(|rule| rule.values.is_empty());
            if !rules.any(|rule| rule.path.is_at(&path)) {
                self.wanted.rules.push(ClaimRule::new(path, Vec::new()));
            }
        }
        self
    }

    /// Requires that `typ` is `JWT` or absent, as in an ID token.
    #[cfg(feature = "openid-login")]
    pub(crate) fn id_token_type(mut self) -> Self {
        self.rejects_access_tokens = true;
        self.wrong_type = Some("`typ` is not \"JWT\", so the token is not an ID token".into());
        self
    }

    /// Returns true if the accepted audiences are configured, or if every audience is accepted.
    pub(crate) fn decides_audience(&self) -> bool {
        self.accepts_any_audience || !self.audience.is_empty()
    }

    /// Returns true if a claim with this name must have a certain value.
    pub(crate) fn decides_claim(&self, name: &str) -> bool {
        let mut rules = self.wanted.rules.iter().filter(|rule| !rule.values.is_empty());
        rules.any(|rule| rule.path.first() == name && rule.path.rest().is_empty())
    }

    /// Removes a setting of a preset, so that a setting of the application can replace it.
    pub(crate) fn forget(&mut self, setting: &Setting) {
        match setting {
            Setting::Audience => {
                self.audience.clear();
                self.accepts_any_audience = false;
            }
            Setting::Types => self.types.clear(),
            Setting::Places(purpose) => {
                self.wanted.places.retain(|place| place.purpose != *purpose);
            }
            Setting::Claim(path) => {
                let is_other = |rule: &ClaimRule| rule.values.is_empty() || !rule.path.is_at(path);
                self.wanted.rules.retain(is_other);
            }
        }
    }

    /// Returns all settings that [`Self::forget`] can remove.
    #[cfg(feature = "jwks")]
    pub(crate) fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        if self.decides_audience() {
            settings.push(Setting::Audience);
        }
        if !self.types.is_empty() {
            settings.push(Setting::Types);
        }
        for place in self.wanted.places.iter().filter(|place| place.is_configured) {
            settings.push(Setting::Places(place.purpose));
        }
        let rules = self.wanted.rules.iter().filter(|rule| !rule.values.is_empty());
        settings.extend(rules.map(|rule| Setting::Claim(rule.path.clone())));
        settings
    }

    #[cfg(feature = "connections")]
    pub(crate) fn tolerated(&self) -> Duration {
        self.leeway
    }

    pub(crate) fn token_limit(&self) -> usize {
        self.max_token_bytes
    }

    pub(crate) fn wanted(&self) -> &Wanted {
        &self.wanted
    }
}

#[track_caller]
fn refuse_second_call(method: &str, current: &[String]) {
    if !current.is_empty() {
        misuse::refuse(format_args!(
            "{method}(..) was called before, with {}: give all in one call, as in {method}([a, b])",
            token_error::quoted(current)
        ));
    }
}

#[track_caller]
fn refuse_empty_name(method: &str, path: &ClaimPath) {
    if path.has_empty_name() {
        misuse::refuse(format_args!(
            "{method}(\"{path}\") has an empty name: write names with dots between them, or an \
             array of names"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn required(validation: &Validation) -> Vec<String> {
        validation.wanted.rules.iter().map(|rule| rule.path.to_string()).collect()
    }

    #[test]
    fn a_claim_required_twice_is_required_once() {
        let validation = Validation::new().require_claim(["sub", "sub", "jti"]);
        assert_eq!(required(&validation), ["sub", "jti"]);
    }

    #[test]
    fn a_claim_is_also_required_unless_it_is_required_already() {
        let validation = Validation::new().require_claim(["sub"]).claim_is("plan", "pro");
        let validation = validation.also_require(vec!["sub", "jti", "plan"]);
        // The rule about the value of `plan` is a separate rule.
        assert_eq!(required(&validation), ["sub", "plan", "jti", "plan"]);
    }

    #[cfg(feature = "jwks")]
    #[test]
    fn only_the_forgotten_setting_is_removed() {
        let preset = Validation::new()
            .require_claim(["azp"])
            .audience("api")
            .accept_type("at+jwt")
            .roles_claim("groups")
            .claim_is("azp", "shop")
            .claim_is("token_use", "access");
        assert_eq!(Validation::new().settings(), []);
        let settings = preset.settings();
        assert_eq!(settings.len(), 5);
        for forgotten in &settings {
            let mut rest = preset.clone();
            rest.forget(forgotten);
            let others = settings.iter().filter(|setting| *setting != forgotten);
            assert_eq!(rest.settings(), others.cloned().collect::<Vec<_>>(), "{forgotten:?}");
            assert!(required(&rest).contains(&"azp".to_owned()), "{forgotten:?}");
        }
    }

    #[test]
    fn sixty_four_claims_can_be_required() {
        let names: Vec<_> = (0..64).map(|n| format!("claim-{n}")).collect();
        assert_eq!(required(&Validation::new().require_claim(&names)), names);
    }

    #[test]
    #[should_panic(expected = "at most 64 names")]
    fn sixty_five_claims_cannot_be_required() {
        let names: Vec<_> = (0..65).map(|n| format!("claim-{n}")).collect();
        let _ = Validation::new().require_claim(&names);
    }

    #[test]
    fn the_sixty_fourth_rule_counts() {
        let names: Vec<_> = (0..63).map(|n| format!("claim-{n}")).collect();
        let rules = Validation::new().require_claim(&names).claim_is("last", "a");
        let last = rules.wanted.rules_in("last");
        assert_eq!(last, 1 << 63);
        assert_eq!(rules.wanted.rules_in("claim-0"), 1);
        assert_eq!(rules.wanted.rules_in("claim"), 0);
    }

    #[test]
    #[should_panic(expected = "at most 64 names together")]
    fn sixty_five_rules_are_refused() {
        let names: Vec<_> = (0..64).map(|n| format!("claim-{n}")).collect();
        let _ = Validation::new().require_claim(&names).claim_is("last", "a");
    }
}
