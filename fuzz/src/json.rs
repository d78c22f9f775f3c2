//! A JSON tree that keeps duplicate names and the order of members. It can represent all JSON that
//! RFC 8259 allows, and does not depend on the features of `serde_json`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The maximum depth. Deeper arrays and objects are replaced with an empty array, since the tree is
/// built by recursion. The verifier rejects deeper values anyway.
const MAX_DEPTH: usize = 40;

#[derive(Clone, Debug)]
pub enum Node {
    Null,
    Bool(bool),
    /// The text of a number.
    Number(String),
    Text(String),
    /// A string with half a surrogate pair. JSON allows it, but a Rust string cannot contain it.
    NoText,
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// The value of a member whose name contains half a surrogate pair. A Rust string cannot
    /// contain such a name, so the member is stored with an empty name.
    Unnamed(Box<Node>),
}

impl Node {
    /// Parses `bytes` as JSON, or returns `None` if they are invalid.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self::of(serde_json::from_slice(bytes).ok()?, 1))
    }

    fn of(json: &RawValue, depth: usize) -> Self {
        let text = json.get();
        match text.as_bytes() {
            [b'n', ..] => Self::Null,
            [b't' | b'f', ..] => Self::Bool(text == "true"),
            [b'"', ..] => serde_json::from_str(text).map_or(Self::NoText, Self::Text),
            [b'[' | b'{', ..] if depth > MAX_DEPTH => Self::Array(Vec::new()),
            [b'[', ..] => {
                let nodes: Vec<&RawValue> = serde_json::from_str(text).expect("an array");
                Self::Array(nodes.into_iter().map(|node| Self::of(node, depth + 1)).collect())
            }
            [b'{', ..] => {
                let Members(members) = serde_json::from_str(text).expect("an object");
                let members = members.into_iter().map(|(name, node)| {
                    let node = Self::of(node, depth + 1);
                    match serde_json::from_str(name.get()) {
                        Ok(name) => (name, node),
                        Err(_) => (String::new(), Self::Unnamed(Box::new(node))),
                    }
                });
                Self::Object(members.collect())
            }
            _ => Self::Number(text.to_owned()),
        }
    }

    /// Returns true if the value contains half a surrogate pair, or a number that is out of range.
    /// RFC 8259 lets each parser decide whether to accept these two. `serde_json` rejects them,
    /// except in values that the `Deserialize` implementation skips.
    pub fn has_unreadable(&self) -> bool {
        match self {
            Self::NoText | Self::Unnamed(_) => true,
            Self::Number(number) => !float(number).is_finite(),
            Self::Array(nodes) => nodes.iter().any(Self::has_unreadable),
            Self::Object(members) => members.iter().any(|(_, node)| node.has_unreadable()),
            _ => false,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of a string, or the texts of an array of strings. Returns `None` for any
    /// other value.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Text(text) => Some(vec![text]),
            Self::Array(nodes) => nodes.iter().map(Self::text).collect(),
            _ => None,
        }
    }

    /// Returns the members of an object. Returns `None` for any other value, and for an object with
    /// a name that contains half a surrogate pair.
    pub fn members(&self) -> Option<&[(String, Node)]> {
        match self {
            Self::Object(members) => {
                let has_names = !members.iter().any(|(_, node)| matches!(node, Self::Unnamed(_)));
                has_names.then_some(members)
            }
            _ => None,
        }
    }

    /// Returns the nesting depth of arrays and objects.
    pub fn depth(&self) -> usize {
        let inner = match self {
            Self::Array(nodes) => nodes.iter().map(Self::depth).max(),
            Self::Object(members) => members.iter().map(|(_, node)| node.depth()).max(),
            Self::Unnamed(node) => return node.depth(),
            _ => return 0,
        };
        1 + inner.unwrap_or_default()
    }

    /// Returns true if any member name has a special meaning to `serde_json::Value`.
    fn has_in_band_name(&self) -> bool {
        match self {
            Self::Array(nodes) => nodes.iter().any(Self::has_in_band_name),
            Self::Object(members) => {
                members.iter().any(|(name, node)| is_in_band(name) || node.has_in_band_name())
            }
            Self::Unnamed(node) => node.has_in_band_name(),
            _ => false,
        }
    }

    /// Returns the members of an object. Returns `None` for any other value, and for an object that
    /// is deeper than 32 levels or has duplicate or reserved names at any depth.
    pub fn strict_members(&self) -> Option<&[(String, Node)]> {
        let members = self.members()?;
        let is_strict = self.has_distinct_names() && !self.has_in_band_name() && self.depth() <= 32;
        is_strict.then_some(members)
    }

    fn has_distinct_names(&self) -> bool {
        match self {
            Self::Array(nodes) => nodes.iter().all(Self::has_distinct_names),
            Self::Object(members) => {
                let mut names: Vec<&String> = members.iter().map(|(name, _)| name).collect();
                names.sort();
                names.windows(2).all(|pair| pair[0] != pair[1])
                    && members.iter().all(|(_, node)| node.has_distinct_names())
            }
            Self::Unnamed(node) => node.has_distinct_names(),
            _ => true,
        }
    }
}

fn is_in_band(name: &str) -> bool {
    name.starts_with("$serde_json::private::")
}

/// Returns the value of the first member with this name.
pub fn get<'n>(members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
    members.iter().find(|member| member.0 == name).map(|(_, node)| node)
}

/// Returns the value of the first member with this name. Returns `None` if there is none, or if the
/// value is `null`: a verifier treats such a claim as absent.
pub fn claim<'n>(members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
    get(members, name).filter(|node| !matches!(node, Node::Null))
}

/// Returns a number as a float, which is infinite if the number is out of range.
pub fn float(number: &str) -> f64 {
    number.parse().expect("a number")
}

/// The members of an object, as JSON.
struct Members<'de>(Vec<(&'de RawValue, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collector;

        impl<'de> Visitor<'de> for Collector {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collector)
    }
}
