//! The failure that a conformance suite reports for a store or a feed.

use std::error::Error;
use std::fmt;

/// The rule that a store or a feed broke, and the evidence. Conformance suites report this error.
#[derive(Debug)]
pub struct Failure {
    rule: &'static str,
    finding: Finding,
}

impl Failure {
    /// Returns the text of the rule that the store or the feed broke.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

/// The evidence that a store or a feed breaks a rule.
#[derive(Debug)]
pub(crate) struct Finding(String);

impl Finding {
    pub(crate) fn new(found: impl Into<String>) -> Self {
        Self(found.into())
    }
}

/// Runs a check. If the check fails, the error names `rule` as the broken rule.
pub(crate) async fn rule(
    rule: &'static str,
    check: impl Future<Output = Result<(), Finding>>,
) -> Result<(), Failure> {
    check.await.map_err(|finding| Failure { rule, finding })
}

pub(crate) fn ensure(holds: bool, otherwise: &str) -> Result<(), Finding> {
    if holds { Ok(()) } else { Err(Finding::new(otherwise)) }
}

/// Converts any error into a [`Finding`]. Its text contains the error and all causes of the error.
impl<E: Error> From<E> for Finding {
    fn from(error: E) -> Self {
        Self::new(chain(&error))
    }
}

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
        write!(f, "{}: {}", self.rule, self.finding.0)
    }
}

impl Error for Failure {}
