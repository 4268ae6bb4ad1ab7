//! Changes of messages.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, Value as Proto,
};
use stdcheck::suite::{
    expr::{Expr, Scope, Value, value::map},
    request,
    tree::Tree,
};

use super::{
    format::{Alteration, Edits},
    path::{Path, Work, holds, items},
    values::{as_element, element_seen, evaluate, seen},
};

/// Stands in a text that will be no UTF-8, until it is encoded: a letter that nobody uses.
const INVALID: &str = "\u{f8ff}";

/// Changes, ready to be done.
pub struct Changes {
    when: Option<Arc<Expr>>,
    set: Vec<(Path, Tree)>,
    clear: Vec<Path>,
    keep: Vec<(Path, Arc<Expr>)>,
    add: Vec<(Path, Tree)>,
    repeat: Vec<(Path, usize)>,
    alter: Vec<(Path, Alteration)>,
}

impl Changes {
    /// Makes them ready; with the type of the message, where it is known, the paths are looked at.
    ///
    /// # Errors
    /// What is wrong with a path or expression.
    pub fn new(edits: &Edits, of: Option<&MessageDescriptor>) -> Result<Changes, String> {
        let path = |text: &str| -> Result<Path, String> {
            let path = Path::parse(text)?;
            match of.map(|of| path.fits(of)) {
                Some(Err(why)) => Err(format!("`{text}`: {why}")),
                _ => Ok(path),
            }
        };
        let trees = |tree: &Option<Tree>| -> Result<Vec<(Path, Tree)>, String> {
            let Some(Tree::Table(members)) = tree else { return Ok(Vec::new()) };
            let pair = |(key, value): &(toml::Spanned<String>, toml::Spanned<Tree>)| {
                Ok((path(key.as_ref())?, value.as_ref().clone()))
            };
            members.iter().map(pair).collect()
        };
        Ok(Changes {
            when: edits.when.as_deref().map(Expr::compile).transpose()?,
            set: trees(&edits.set)?,
            clear: edits.clear.iter().map(|text| path(text)).collect::<Result<_, _>>()?,
            keep: edits
                .keep
                .iter()
                .map(|(text, which)| Ok((path(text)?, Expr::compile(which)?)))
                .collect::<Result<_, String>>()?,
            add: trees(&edits.add)?,
            repeat: edits
                .repeat
                .iter()
                .map(|(text, times)| Ok((path(text)?, *times)))
                .collect::<Result<_, String>>()?,
            alter: edits
                .alter
                .iter()
                .map(|(text, how)| Ok((path(text)?, *how)))
                .collect::<Result<_, String>>()?,
        })
    }

    /// Does them to an encoded message; none where they are not wanted, where it is no message, or
    /// where nothing becomes another.
    ///
    /// # Errors
    /// What could not be evaluated or does not fit.
    pub fn make(
        &self,
        of: &MessageDescriptor,
        bytes: &Bytes,
        scope: &Scope,
    ) -> Result<Option<Bytes>, String> {
        if let Some(when) = &self.when
            && !holds(when, scope)?
        {
            return Ok(None);
        }
        let Ok(before) = DynamicMessage::decode(of.clone(), bytes.clone()) else {
            return Ok(None);
        };
        let mut message = before.clone();
        for (path, tree) in &self.set {
            path.each(&mut message, scope, &mut Set { tree, scope })?;
        }
        for path in &self.clear {
            path.each(&mut message, scope, &mut Clear)?;
        }
        for (path, which) in &self.keep {
            path.each(&mut message, scope, &mut Keep { which, scope })?;
        }
        for (path, tree) in &self.add {
            path.each(&mut message, scope, &mut Add { tree, scope })?;
        }
        for (path, times) in &self.repeat {
            path.each(&mut message, scope, &mut Repeat(*times))?;
        }
        for (path, how) in &self.alter {
            path.each(&mut message, scope, &mut Alter(*how))?;
        }
        Ok((message != before).then(|| encode(&message)))
    }
}

/// Encodes a message, with what is no UTF-8 in it.
fn encode(message: &DynamicMessage) -> Bytes {
    use prost::Message as _;
    let mut bytes = message.encode_to_vec();
    let mark = INVALID.as_bytes();
    while let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) {
        bytes[at..at + mark.len()].fill(0xff);
    }
    bytes.into()
}

struct Set<'a> {
    tree: &'a Tree,
    scope: &'a Scope,
}

impl Set<'_> {
    fn value(&self, old: Value) -> Result<Value, String> {
        let mut scope = self.scope.clone();
        scope.insert("old".to_owned(), old);
        evaluate(self.tree, &scope)
    }
}

impl Work for Set<'_> {
    const CREATES: bool = true;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        let value = self.value(seen(message, field))?;
        request::fill(message, &map([(field.name(), value)]))
    }

    fn element(&mut self, of: &FieldDescriptor, value: &mut Proto) -> Result<bool, String> {
        let new = self.value(element_seen(of, value))?;
        match value {
            Proto::Message(inner) => request::fill(inner, &new)?,
            value => *value = as_element(of, &new)?,
        }
        Ok(true)
    }
}

struct Clear;

impl Work for Clear {
    const CREATES: bool = false;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        message.clear_field(field);
        Ok(())
    }

    fn element(&mut self, _: &FieldDescriptor, _: &mut Proto) -> Result<bool, String> {
        Ok(false)
    }
}

struct Keep<'a> {
    which: &'a Expr,
    scope: &'a Scope,
}

impl Keep<'_> {
    fn fits(&self, key: Value, item: Value) -> Result<bool, String> {
        let mut scope = self.scope.clone();
        scope.insert("key".to_owned(), key);
        scope.insert("item".to_owned(), item);
        holds(self.which, &scope)
    }
}

impl Work for Keep<'_> {
    const CREATES: bool = false;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        let items = items(message, field);
        match message.get_field_mut(field) {
            Proto::List(list) => {
                let mut kept = Vec::new();
                for (at, value) in std::mem::take(list).into_iter().enumerate() {
                    let key = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
                    if self.fits(key, items.at(at))? {
                        kept.push(value);
                    }
                }
                *list = kept;
            }
            Proto::Map(entries) => {
                let mut kept = HashMap::new();
                for (key, value) in std::mem::take(entries) {
                    let text = key.as_str().unwrap_or_default();
                    if self.fits(Value::from(text), items.of(text))? {
                        kept.insert(key, value);
                    }
                }
                *entries = kept;
            }
            _ => return Err(format!("`{}` is neither a list nor a map", field.name())),
        }
        Ok(())
    }

    fn element(&mut self, of: &FieldDescriptor, _: &mut Proto) -> Result<bool, String> {
        Err(format!("`{}`: keep names the list or map as a whole", of.name()))
    }
}

struct Add<'a> {
    tree: &'a Tree,
    scope: &'a Scope,
}

impl Work for Add<'_> {
    const CREATES: bool = true;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        // Filled into an empty message of the same type, so that it replaces nothing.
        let mut beside = DynamicMessage::new(message.descriptor());
        let value = evaluate(self.tree, self.scope)?;
        request::fill(&mut beside, &map([(field.name(), value)]))?;
        match (message.get_field_mut(field), beside.get_field(field).into_owned()) {
            (Proto::List(list), Proto::List(more)) => list.extend(more),
            (Proto::Map(entries), Proto::Map(more)) => entries.extend(more),
            _ => return Err(format!("`{}` is neither a list nor a map", field.name())),
        }
        Ok(())
    }

    fn element(&mut self, of: &FieldDescriptor, _: &mut Proto) -> Result<bool, String> {
        Err(format!("`{}`: add names the list or map as a whole", of.name()))
    }
}

struct Repeat(usize);

impl Work for Repeat {
    const CREATES: bool = false;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        let Proto::List(list) = message.get_field_mut(field) else {
            return Err(format!("`{}` is no list", field.name()));
        };
        let times = self.0;
        let again = |value: Proto| std::iter::repeat_n(value, times);
        *list = std::mem::take(list).into_iter().flat_map(again).collect();
        Ok(())
    }

    fn element(&mut self, of: &FieldDescriptor, _: &mut Proto) -> Result<bool, String> {
        Err(format!("`{}`: repeat names the list as a whole", of.name()))
    }
}

struct Alter(Alteration);

impl Alter {
    fn text(&self, text: &str) -> String {
        match self.0 {
            Alteration::Trim => text.trim().to_owned(),
            Alteration::Lower => text.to_lowercase(),
            Alteration::Upper => text.to_uppercase(),
            Alteration::Half => text.chars().take(text.chars().count() / 2).collect(),
            Alteration::InvalidUtf8 => format!("{text}{INVALID}"),
        }
    }

    fn value(&self, value: &mut Proto) -> Result<(), String> {
        match value {
            Proto::String(text) => *text = self.text(text),
            Proto::Bytes(bytes) => *bytes = self.text(&String::from_utf8_lossy(bytes)).into(),
            Proto::List(items) => items.iter_mut().try_for_each(|item| self.value(item))?,
            Proto::Map(entries) => entries.values_mut().try_for_each(|item| self.value(item))?,
            _ => return Err("alter works on text alone".to_owned()),
        }
        Ok(())
    }
}

impl Work for Alter {
    const CREATES: bool = false;

    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String> {
        self.value(message.get_field_mut(field))
    }

    fn element(&mut self, _: &FieldDescriptor, value: &mut Proto) -> Result<bool, String> {
        self.value(value).map(|()| true)
    }
}
