//! The rules about single claims: `require_claim` and `claim_is`.

use serde::de::Deserialize;
use serde_json::Error;

use crate::jwt::claim_path::ClaimPath;
use crate::jwt::json::reader::Reader;
use crate::jwt::spans::{Placer, Span};

/// A rule about one claim: the claim must be present, or must have one of several values.
#[derive(Clone, Debug)]
pub(crate) struct ClaimRule {
    /// A copy of the first name in `path`. The name of every member in a payload is compared with
    /// this copy, which is faster than a comparison with `path`.
    first: String,
    pub(crate) path: ClaimPath,
    /// The strings that are accepted as the value of the claim. If the list is empty, every value
    /// except `null` is accepted.
    pub(crate) values: Vec<String>,
}

/// The result of comparing a value with a [`ClaimRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuleOutcome {
    /// The value, or a member on the path to it, is missing or `null`.
    Missing,
    Wrong,
    Right,
}

impl ClaimRule {
    pub(crate) fn new(path: ClaimPath, values: Vec<String>) -> Self {
        Self { first: path.first().to_owned(), path, values }
    }

    /// Returns true if `claim` is the first name in the path of this rule.
    #[inline]
    pub(crate) fn is_in(&self, claim: &str) -> bool {
        self.first == claim
    }

    /// Compares a claim with this rule. The claim's value is the next value in `reader`, and `next`
    /// is the first byte of that value. The position of `reader` does not change, so the caller can
    /// read the value again.
    pub(crate) fn compare(
        &self,
        reader: &mut Reader<'_>,
        next: u8,
        placer: &Placer<'_>,
    ) -> RuleOutcome {
        if self.values.is_empty() {
            return if next == b'n' { RuleOutcome::Missing } else { RuleOutcome::Right };
        }
        let find = |reader: &mut Reader<'_>| self.at_path(reader, next, placer, self.path.rest());
        // Invalid JSON is not reported here. The reader reports an error when the value is read
        // again.
        reader.read_ahead(find).unwrap_or(RuleOutcome::Wrong)
    }

    fn at_path(
        &self,
        reader: &mut Reader<'_>,
        next: u8,
        placer: &Placer<'_>,
        names: &[String],
    ) -> Result<RuleOutcome, Error> {
        let finding = match (next, names.split_first()) {
            (b'"', None) => return self.compare_string(reader, placer),
            (b'{', Some((first, rest))) => {
                let mut finding = RuleOutcome::Missing;
                reader.each_member(|reader, name, next| {
                    if name == first {
                        finding = self.at_path(reader, next, placer, rest)?;
                        return Ok(());
                    }
                    reader.skip_value()
                })?;
                return Ok(finding);
            }
            (b'n', _) => RuleOutcome::Missing,
            _ => RuleOutcome::Wrong,
        };
        reader.skip_value()?;
        Ok(finding)
    }

    fn compare_string(
        &self,
        reader: &mut Reader<'_>,
        placer: &Placer<'_>,
    ) -> Result<RuleOutcome, Error> {
        let is_right = match reader.plain_string() {
            Some((start, len)) => {
                let span = Span::new(start, len);
                self.values.iter().any(|value| placer.is(span, value))
            }
            None => self.values.contains(&String::deserialize(reader)?),
        };
        Ok(if is_right { RuleOutcome::Right } else { RuleOutcome::Wrong })
    }
}
