//! A JSON tree that keeps the order of members and duplicate names.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

#[derive(Clone, Debug)]
pub enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Parses `bytes` as JSON, or returns `None` if they are invalid.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns true if `serde_json` accepts `bytes` only because it skips unread values. An unread
    /// member may have a number out of range or an unpaired surrogate, which RFC 8259 leaves to the
    /// parser.
    pub fn is_skipped_only(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_none() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the strings of one string or of an array of strings.
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Text(text) => Some(vec![text]),
            Self::Array(nodes) => nodes.iter().map(Self::text).collect(),
            _ => None,
        }
    }

    pub fn members(&self) -> Option<&[(String, Node)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the nesting depth of arrays and objects.
    pub fn depth(&self) -> usize {
        let inner = match self {
            Self::Array(nodes) => nodes.iter().map(Self::depth).max(),
            Self::Object(members) => members.iter().map(|(_, node)| node.depth()).max(),
            _ => return 0,
        };
        1 + inner.unwrap_or_default()
    }

    /// Returns true if any member name has a special meaning to `serde_json::Value`.
    pub fn has_in_band_name(&self) -> bool {
        match self {
            Self::Array(nodes) => nodes.iter().any(Self::has_in_band_name),
            Self::Object(members) => {
                members.iter().any(|(name, node)| is_in_band(name) || node.has_in_band_name())
            }
            _ => false,
        }
    }

    /// Returns the members of an object with a depth of at most 32 and no duplicate names at any
    /// depth.
    pub fn strict_members(&self) -> Option<&[(String, Node)]> {
        let members = self.members()?;
        (self.has_distinct_names() && self.depth() <= 32).then_some(members)
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
            _ => true,
        }
    }
}

pub fn is_in_band(name: &str) -> bool {
    name.starts_with("$serde_json::private::")
}

/// Returns the first member with this name.
pub fn get<'n>(members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
    members.iter().find(|member| member.0 == name).map(|(_, node)| node)
}

/// Returns the first member with this name, or `None` if its value is `null`: a verifier treats
/// such a claim as absent.
pub fn claim<'n>(members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
    get(members, name).filter(|node| !matches!(node, Node::Null))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Number(Number::from_f64(number).expect("JSON has no NaN and no infinity")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Node::Array(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Node::Object(members))
    }
}
