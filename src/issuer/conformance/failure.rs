//! What a store does not hold.

use std::error::Error;
use std::fmt;

use crate::issuer::error::IssueError;
use crate::issuer::sessions::error::SessionError;
use crate::issuer::sessions::store::StoreError;

/// What a store does not hold.
#[derive(Debug)]
pub struct Failure {
    rule: &'static str,
    found: String,
}

impl Failure {
    pub(crate) fn new(found: impl Into<String>) -> Self {
        Self { rule: "", found: found.into() }
    }

    /// The rule that is broken.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// Names the rule that a check is about.
pub(crate) async fn rule(
    rule: &'static str,
    check: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    check.await.map_err(|failure| Failure { rule, ..failure })
}

pub(crate) fn ensure(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(otherwise)) }
}

/// Errors of what a check called, with their causes, of which none holds a value.
macro_rules! from {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(chain(&error))
            }
        })*
    };
}

from!(StoreError, SessionError, IssueError, tokio::task::JoinError);

fn chain(error: &dyn Error) -> String {
    let mut found = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        found.push_str(": ");
        found.push_str(&cause.to_string());
        source = cause.source();
    }
    found
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.found)
    }
}

impl Error for Failure {}
