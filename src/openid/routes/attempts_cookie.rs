//! The sealed cookie with a browser's attempts to log in.

use std::fmt::{self, Debug};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use crate::bearer::CookieName;
use crate::clock::UnixTime;
use crate::issuer::routes::set_cookie::{Reach, SameSite, SetCookie};
use crate::openid::routes::attempt::{Attempt, LIFETIME};
use crate::openid::seal::Sealer;
use crate::random::NoRandomness;

/// The maximum number of attempts that a browser can have at the same time. Users rarely have more
/// than this number of tabs with a login page.
const MAX_ATTEMPTS: usize = 3;

/// The maximum length of the cookie's name and value together, in bytes. A browser silently drops a
/// cookie of more than 4096 bytes.
const MAX_BYTES: usize = 3_800;

/// The maximum number of cookies with this name that are read. A browser normally sends one such
/// cookie. It can send more only if the name does not begin with `__Host-`, and a sibling domain
/// has set a cookie with the same name.
const MAX_CANDIDATES: usize = 4;

/// The cookie of a browser that has begun to log in. It has `SameSite=Lax`, so that browsers send
/// it when the provider sends the user back, and it has `Path=/`, which the prefix `__Host-`
/// requires.
#[derive(Clone)]
pub(crate) struct AttemptsCookie {
    pub(crate) name: String,
    pub(crate) is_secure: bool,
    pub(crate) sealer: Sealer,
}

impl AttemptsCookie {
    /// Returns the login attempts in the browser's cookie, from the oldest to the newest. The error
    /// states why no attempt could be read.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Vec<Attempt>, &'static str> {
        let name = CookieName::new(&self.name);
        let mut values = name.values(headers).take(MAX_CANDIDATES).peekable();
        if values.peek().is_none() {
            return Err("the browser sent no cookie of a login");
        }
        let opened = values.find_map(|value| {
            let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= MAX_BYTES)?;
            serde_json::from_slice(&self.sealer.open(text, &[])?).ok()
        });
        opened.ok_or("the cookie of the login was changed, or sealed with another secret")
    }

    /// Returns the `Set-Cookie` field for these attempts. Leaves out expired attempts. If the other
    /// attempts do not all fit, also leaves out the oldest of them. If no attempt is left, the
    /// field deletes the cookie.
    pub(crate) fn write(
        &self,
        mut attempts: Vec<Attempt>,
        now: UnixTime,
    ) -> Result<HeaderValue, NoRandomness> {
        attempts.retain(|attempt| !attempt.is_expired(now));
        let surplus = attempts.len().saturating_sub(MAX_ATTEMPTS);
        attempts.drain(..surplus);
        loop {
            if attempts.is_empty() {
                return Ok(self.render("", Duration::ZERO));
            }
            // Serialization cannot fail: all values in an attempt can be written as JSON.
            let json = Zeroizing::new(serde_json::to_vec(&attempts).unwrap_or_default());
            let value = self.sealer.seal(&json, &[])?;
            if self.name.len().saturating_add(value.len()) <= MAX_BYTES {
                return Ok(self.render(&value, LIFETIME));
            }
            attempts.remove(0);
        }
    }

    fn render(&self, value: &str, max_age: Duration) -> HeaderValue {
        let Self { name, is_secure, .. } = self;
        let (reach, same_site, is_secure) = (Reach::Host, SameSite::Lax, *is_secure);
        SetCookie { name, value, reach, max_age, same_site, is_secure }.render()
    }
}

impl Debug for AttemptsCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptsCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::routes::return_path::MAX_RETURN_PATH_BYTES;
    use crate::jwt::Secret;

    const START: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn cookie() -> AttemptsCookie {
        let sealer = Sealer::new(&Secret::generate().unwrap(), "test");
        AttemptsCookie { name: "__Host-login".to_owned(), is_secure: true, sealer }
    }

    fn attempts(count: usize, return_path: usize) -> Vec<Attempt> {
        let attempt = |_| {
            let mut attempt = Attempt::begin("google", START).unwrap();
            attempt.return_to = "/".repeat(return_path);
            attempt.audience = vec!["a".repeat(500)];
            attempt.set_session(&"ABCDEFGHIJ-_klmnopqr09".parse().unwrap());
            attempt.is_link = true;
            attempt
        };
        (0..count).map(attempt).collect()
    }

    fn written(cookie: &AttemptsCookie, attempts: Vec<Attempt>, now: UnixTime) -> String {
        cookie.write(attempts, now).unwrap().to_str().unwrap().to_owned()
    }

    fn read(cookie: &AttemptsCookie, set: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        let pair = set.split(';').next().unwrap();
        headers.insert("cookie", format!("a=b; {pair}").parse().unwrap());
        let attempts = cookie.read(&headers).unwrap_or_default();
        attempts.iter().map(Attempt::state).collect()
    }

    #[test]
    fn the_latest_attempts_win_and_two_large_ones_always_fit() {
        let cookie = cookie();
        for (count, path, kept) in [
            (1, 1, 1),
            (3, 1, 3),
            (4, 1, 3),
            (100, 1, 3),
            (2, MAX_RETURN_PATH_BYTES, 2),
            (3, MAX_RETURN_PATH_BYTES, 2),
        ] {
            let attempts = attempts(count, path);
            let states: Vec<_> = attempts.iter().map(Attempt::state).collect();
            let set = written(&cookie, attempts, START);
            assert_eq!(read(&cookie, &set), states[count - kept..], "{count} {path}");
            let pair = set.split(';').next().unwrap();
            assert!(pair.len() <= MAX_BYTES, "{}", pair.len());
        }
    }

    #[test]
    fn the_cookie_is_bound_to_the_host_and_lasts_ten_minutes() {
        let cookie = cookie();
        let set = written(&cookie, attempts(1, 1), START);
        let attributes = set.split_once("; ").unwrap().1;
        assert_eq!(attributes, "Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(
            written(&cookie, attempts(3, 1), START.saturating_add(Duration::from_secs(600))),
            "__Host-login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
    }

    #[test]
    fn a_changed_or_foreign_cookie_has_no_attempts() {
        let own = cookie();
        let set = written(&own, attempts(1, 1), START);
        assert_eq!(read(&own, &set).len(), 1);
        assert!(read(&cookie(), &set).is_empty());
        assert!(read(&own, &set.replacen("=v1.", "=v1.A", 1)).is_empty());
        assert!(read(&own, "__Host-login=").is_empty());
        assert!(read(&own, &format!("__Host-login={}", "A".repeat(MAX_BYTES + 1))).is_empty());
        assert!(!format!("{own:?}").contains("key"));
    }
}
