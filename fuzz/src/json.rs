//! JSON that hides nothing: members keep their order and their duplicates.

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
    /// The JSON text that `bytes` are, if they are one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Returns true if only `serde_json`'s skipping accepts `bytes`: a number out of range or half of a
    /// surrogate pair in a member that nobody reads, which RFC 8259 leaves to the reader.
    pub fn is_skipped_only(bytes: &[u8]) -> bool {
        Self::parse(bytes).is_none() && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// One string or an array of strings.
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

    /// The depth to which arrays and objects are nested.
    pub fn depth(&self) -> usize {
        let inner = match self {
            Self::Array(nodes) => nodes.iter().map(Self::depth).max(),
            Self::Object(members) => members.iter().map(|(_, node)| node.depth()).max(),
            _ => return 0,
        };
        1 + inner.unwrap_or_default()
    }

    /// Returns true if one of the names is not a name for `serde_json::Value`.
    pub fn has_in_band_name(&self) -> bool {
        match self {
            Self::Array(nodes) => nodes.iter().any(Self::has_in_band_name),
            Self::Object(members) => {
                members.iter().any(|(name, node)| is_in_band(name) || node.has_in_band_name())
            }
            _ => false,
        }
    }

    /// The members of an object that has no duplicate name at any depth and is at most 32 deep.
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

/// The only member of this name, `None` where there is none.
pub fn get<'n>(members: &'n [(String, Node)], name: &str) -> Option<&'n Node> {
    members.iter().find(|member| member.0 == name).map(|(_, node)| node)
}

/// The same without a member that is `null`, which is absent for a verifier.
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
