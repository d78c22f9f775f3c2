//! The settings of [`Sessions`].

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::issuer::sessions::event::SessionEvent;
#[cfg(feature = "feeds")]
use crate::issuer::sessions::publisher::Publisher;
use crate::issuer::sessions::service::Sessions;
use crate::issuer::sessions::store::RefreshStore;
use crate::misuse;

impl<S: RefreshStore> Sessions<S> {
    /// Sets the time after which a session expires if it is not renewed. 7 days by default.
    ///
    /// # Panics
    ///
    /// Panics if `lifetime` is zero.
    #[track_caller]
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.rows.rules.idle = lasting(lifetime, "idle_lifetime");
        self
    }

    /// Sets the maximum lifetime of a session. Renewals do not extend it. 30 days by default. A
    /// change applies to sessions that start afterward.
    ///
    /// # Panics
    ///
    /// Panics if `lifetime` is zero.
    #[track_caller]
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.rows.rules.absolute = lasting(lifetime, "absolute_lifetime");
        self
    }

    /// Sets the grace period: the time for which a refresh token is still accepted after its
    /// exchange. If a client presents the token again within this time, the server creates no
    /// further token, but returns the session's current token. 10 seconds by default, a minute at
    /// most.
    ///
    /// Within the grace period, a thief who has a copy of a used token also gets the current token.
    /// The theft is detected if the thief and the user renew with the same token at times that are
    /// further apart than the grace period. It is also detected if, for several renewals in a row,
    /// the used token is presented again [at least 2 seconds](Self::max_repeats) after the renewal.
    /// If `grace` is zero, a session ends as soon as any token is presented again after its
    /// exchange. This logs out users who have two tabs or a bad connection. If a database failover
    /// interrupts a renewal, the client must send its request again. If the failover takes longer
    /// than the grace period, the second request comes too late, and the user must log in again.
    ///
    /// # Panics
    ///
    /// Panics if `grace` is more than a minute.
    #[track_caller]
    pub fn grace(mut self, grace: Duration) -> Self {
        if grace > Duration::from_secs(60) {
            misuse::refuse("Sessions::grace is for retries: a minute at most");
        }
        self.rows.rules.grace = grace;
        self
    }

    /// Ends a session after this many renewals in a row with a *late repeat*: a request with a
    /// refresh token that was exchanged at least 2 seconds earlier, but within the grace period. 5
    /// by default.
    ///
    /// Each renewal counts at most once. If there is no late repeat between two renewals, the count
    /// starts again at zero.
    ///
    /// If a thief and the user share a session, each of its tokens is presented by both of them, so
    /// every renewal can have a late repeat. A lost response or a slow second tab can also cause a
    /// late repeat, but these causes rarely affect five renewals in a row.
    ///
    /// If a token is presented again less than 2 seconds after its exchange, the cause is usually a
    /// second tab, or a client that sends several requests in parallel. This limit therefore
    /// ignores such *early repeats*. [`max_repeats_at_once`](Self::max_repeats_at_once) sets a
    /// limit that includes them.
    ///
    /// A request that lists sessions, or ends a session by its identifier, must present the current
    /// refresh token. If such a request presents a used token within the token's grace period, the
    /// server refuses the request and counts it as a repeat. A late repeat counts toward this
    /// limit. An early repeat counts only toward the limit of
    /// [`max_repeats_at_once`](Self::max_repeats_at_once), or toward a limit of 20 if that method
    /// is not called.
    ///
    /// # Panics
    ///
    /// Panics if `renewals` is zero.
    #[track_caller]
    pub fn max_repeats(mut self, renewals: u32) -> Self {
        if renewals == 0 {
            misuse::refuse(
                "Sessions::max_repeats(0) would end every session: use grace(Duration::ZERO) to \
                 refuse each repeated use",
            );
        }
        self.rows.rules.max_repeats = renewals;
        self
    }

    /// Ends a session after this many renewals in a row with a repeat, either late or early. An
    /// early repeat is a request with a refresh token that was exchanged less than 2 seconds
    /// earlier. [`max_repeats`](Self::max_repeats) ignores early repeats, and explains late ones.
    /// Off by default, except for requests that list sessions or end a session by its identifier:
    /// for these, the default is 20.
    ///
    /// Each renewal counts at most once. If there is no repeat between two renewals, the count
    /// starts again at zero. A good limit is 20. If [`max_repeats`](Self::max_repeats) is larger
    /// than this limit, `max_repeats` applies instead.
    ///
    /// This limit detects a thief who renews at the same moments as the user's page. It is off by
    /// default because some honest clients present *every* token again within 2 seconds: two tabs
    /// that renew together, and clients that send several requests in parallel. Their users would
    /// be logged out as if their tokens were stolen. Enable this limit if your clients renew once
    /// for all their requests and tabs. In a browser, use
    /// [`navigator.locks`](https://developer.mozilla.org/en-US/docs/Web/API/Web_Locks_API).
    ///
    /// # Panics
    ///
    /// Panics if `renewals` is zero.
    #[track_caller]
    pub fn max_repeats_at_once(mut self, renewals: u32) -> Self {
        if renewals == 0 {
            misuse::refuse(
                "Sessions::max_repeats_at_once(0) would end every session: use grace(Duration::ZERO) \
                 to refuse each repeated use",
            );
        }
        self.rows.rules.max_repeats_at_once = Some(renewals);
        self
    }

    /// Accepts the previous refresh token even after the grace period, as long as the current token
    /// was never used. Off by default.
    ///
    /// This option is for mobile clients. If the network changes or the system suspends the
    /// application, the response with the new token may be lost. Minutes later, the client presents
    /// its previous token again. By default the session then ends, as it does after a theft. With
    /// this option, the client gets the lost token. The session is not extended a second time.
    ///
    /// # Security
    ///
    /// With this option, most thefts are detected late or never. A stolen token can be used until
    /// the user's *second* renewal after the theft. Without this option, it can be used until 10
    /// seconds after the first renewal. If the thief and the user take turns to renew, both are
    /// accepted, since each of them presents the previous token. The theft is detected when one of
    /// them presents a token that is older than the previous token, or when
    /// [`max_repeats`](Self::max_repeats) renewals in a row have had a late repeat. With this
    /// option, a request with the previous token after the grace period also counts as a late
    /// repeat. Each such request that the server accepts is reported as
    /// [`SessionEvent::ParentAccepted`]: monitor the number of these events.
    pub fn dangerous_accept_unused_parent(mut self) -> Self {
        self.rows.rules.accept_unused_parent = true;
        self
    }

    /// Sets the maximum number of sessions per user. 100 by default. A login over the limit ends
    /// the least recently used sessions. The limit also holds if many logins arrive at the same
    /// time.
    ///
    /// # Panics
    ///
    /// Panics if `sessions` is zero.
    #[track_caller]
    pub fn max_per_subject(mut self, sessions: usize) -> Self {
        if sessions == 0 {
            misuse::refuse("Sessions::max_per_subject(0) would let nobody log in: give at least 1");
        }
        self.max_per_subject = sessions;
        self
    }

    /// Uses this clock instead of the system's clock.
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.rows.clock = Arc::new(clock);
        self
    }

    /// Revokes the access tokens of every session that ends early, for any cause: a logout, a
    /// stolen token, a closed account. By default, those tokens stay valid until they expire.
    ///
    /// The revocation is published when the session ends. If publishing fails, the session still
    /// ends, and the error is [`Unavailable`](crate::issuer::SessionErrorKind::Unavailable). During
    /// the next hour, the library tries to publish the same message again whenever somebody ends
    /// the session again or presents one of its refresh tokens, until publishing succeeds. Only
    /// access tokens of this `issuer` are revoked.
    ///
    /// If the feed has no log yet, a background task creates the log immediately, and retries until
    /// it succeeds. Without a log, a service has no revocation data, and a service with read-only
    /// access cannot create the log itself. Outside of a tokio runtime, the background task does
    /// not run, and the first revocation creates the log.
    ///
    /// # Panics
    ///
    /// This method does not panic. A later call that ends a session panics outside of a tokio
    /// runtime.
    #[cfg(feature = "feeds")]
    pub fn with_revocation(
        mut self,
        feed: impl crate::revocation::RevocationFeed,
        issuer: &crate::issuer::token_issuer::TokenIssuer,
    ) -> Self {
        let publisher = Publisher::new(feed, issuer.name(), issuer.token_lifetime());
        self.rows.publisher = Some(publisher);
        self
    }

    /// Calls `hook` with each session event. The hook runs inside the request, so it should leave
    /// slow work to a task. If the hook panics, the request continues.
    pub fn with_events(mut self, hook: impl Fn(&SessionEvent<'_>) + Send + Sync + 'static) -> Self {
        self.rows.hook = Some(Arc::new(hook));
        self
    }
}

#[track_caller]
fn lasting(lifetime: Duration, function: &str) -> Duration {
    if lifetime.is_zero() {
        misuse::refuse(format_args!(
            "Sessions::{function} of zero would end every session at once: give a time"
        ));
    }
    lifetime
}
