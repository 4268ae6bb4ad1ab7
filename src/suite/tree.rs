//! A TOML value that remembers where each of its parts stands, for requests and case variables.

use std::fmt;

use base64::Engine as _;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use toml::Spanned;

use super::expr::{Value, value};

/// A value of a suite file. Every member and key has its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// `true`, `false`
    Bool(bool),
    /// A TOML integer.
    Int(i64),
    /// A TOML float.
    Float(f64),
    /// Text; may hold `$path` or `${expression}`.
    Text(String),
    /// An array.
    List(Vec<Spanned<Tree>>),
    /// A table, in the order of the file.
    Table(Table),
}

/// The members of a table, in the order of the file.
pub type Table = Vec<Member>;

/// One of them.
pub type Member = (Spanned<String>, Spanned<Tree>);

impl Tree {
    /// The member of that name, where this is a table that has one.
    pub fn get(&self, name: &str) -> Option<&Spanned<Tree>> {
        self.members().iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value)
    }

    /// Whether it is a table that has this member.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The members of a table; none of anything else.
    pub fn members(&self) -> &[Member] {
        match self {
            Tree::Table(members) => members,
            _ => &[],
        }
    }

    /// A tree that evaluates to this value again, whatever dollars are in it.
    pub fn quoted(value: &Value) -> Tree {
        let place = |tree: Tree| Spanned::new(0..0, tree);
        match value {
            Value::Bool(value) => Tree::Bool(*value),
            Value::Int(value) => Tree::Int(*value),
            Value::UInt(value) => {
                i64::try_from(*value).map_or_else(|_| Tree::Text(value.to_string()), Tree::Int)
            }
            Value::Float(value) => Tree::Float(*value),
            Value::Bytes(bytes) => {
                let text = base64::engine::general_purpose::STANDARD.encode(bytes.as_slice());
                let key = Spanned::new(0..0, "base64".to_owned());
                Tree::Table(vec![(key, place(Tree::Text(text)))])
            }
            Value::List(items) => {
                Tree::List(items.iter().map(|item| place(Tree::quoted(item))).collect())
            }
            Value::Map(members) => Tree::Table(
                members
                    .map
                    .iter()
                    .map(|(key, value)| {
                        (Spanned::new(0..0, key.to_string()), place(Tree::quoted(value)))
                    })
                    .collect(),
            ),
            other => Tree::Text(value::as_text(other).replace('$', "$$")),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut table = Table::new();
        // The toml crate hands a date over as a map with one private key, which has no place.
        let date = |error: A::Error| match error.to_string().contains("$__toml_private_datetime") {
            true => serde::de::Error::custom("a date is no value here; write text"),
            false => error,
        };
        while let Some(key) = members.next_key::<Spanned<String>>().map_err(date)? {
            let value = members.next_value()?;
            table.push((key, value));
        }
        Ok(Tree::Table(table))
    }
}
