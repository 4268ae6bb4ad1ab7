//! A TOML value that remembers where each of its parts stands, for requests and case variables.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use toml::Spanned;

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
pub type Table = Vec<(Spanned<String>, Spanned<Tree>)>;

impl Tree {
    /// The member of that name, where this is a table that has one.
    pub fn get(&self, name: &str) -> Option<&Spanned<Tree>> {
        match self {
            Tree::Table(members) => {
                members.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| value)
            }
            _ => None,
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
