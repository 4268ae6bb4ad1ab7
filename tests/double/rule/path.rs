//! Places in a message: `status.state`, `containers[*].labels['a.b']`, `items[?item.state == 'X']`.

use std::{collections::HashMap, sync::Arc};

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _,
    Value as Proto,
};
use stdcheck::suite::expr::{
    Expr, Judgement, Scope, Value,
    value::{from_message, member},
};

/// A place, or several.
#[derive(Clone, Debug)]
pub struct Path(Vec<Part>);

/// What stands at a place.
#[derive(Clone, Debug)]
pub struct Place {
    /// The field.
    pub field: FieldDescriptor,
    /// Whether it is an element of the field, or an entry.
    pub element: bool,
}

#[derive(Clone, Debug)]
enum Part {
    Field(String),
    /// `[*]`
    All,
    /// `[3]`
    At(usize),
    /// `['a.b']`
    Key(String),
    /// `[?expression]`
    Where(Arc<Expr>),
}

/// An expression that chooses among elements, and the message that each of them is, if it is one.
pub type Condition = (Arc<Expr>, Option<MessageDescriptor>);

/// What is done at a place.
pub trait Work {
    /// Whether messages and entries on the way are made where they are missing.
    const CREATES: bool;

    /// At a field of a message.
    fn field(
        &mut self,
        message: &mut DynamicMessage,
        field: &FieldDescriptor,
    ) -> Result<(), String>;

    /// At an element of a list or an entry of a map; false takes it away.
    fn element(&mut self, of: &FieldDescriptor, value: &mut Proto) -> Result<bool, String>;
}

impl Path {
    /// Takes a path apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Path, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let end = closing(inner).ok_or_else(|| format!("`{text}`: a `[` without `]`"))?;
                parts.push(Part::bracket(&inner[..end])?);
                rest = &inner[end + 1..];
            } else {
                rest = rest.strip_prefix('.').unwrap_or(rest);
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                parts.push(Part::Field(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        match parts.first() {
            Some(Part::Field(_)) => Ok(Path(parts)),
            _ => Err(format!("`{text}` does not begin with a field")),
        }
    }

    /// What such places of a message of that type are.
    ///
    /// # Errors
    /// What it does not have.
    pub fn fits(&self, descriptor: &MessageDescriptor) -> Result<Place, String> {
        let mut message = Some(descriptor.clone());
        let mut many: Option<FieldDescriptor> = None;
        let mut place = None;
        for part in &self.0 {
            match (part, &message, many.take()) {
                (Part::Field(name), Some(inside), None) => {
                    let field = inside
                        .get_field_by_name(name)
                        .ok_or_else(|| format!("{} has no field `{name}`", inside.name()))?;
                    message = single(&field);
                    many = (field.is_list() || field.is_map()).then_some(field.clone());
                    place = Some(Place { field, element: false });
                }
                (Part::Field(name), _, _) => return Err(format!("`{name}` is in no message")),
                (Part::Key(key), _, Some(field)) if !field.is_map() => {
                    return Err(format!("`{key}`: {} is no map", field.name()));
                }
                (Part::At(_), _, Some(field)) if !field.is_list() => {
                    return Err(format!("{} is no list", field.name()));
                }
                (_, _, Some(field)) => {
                    message = element(&field);
                    place = Some(Place { field, element: true });
                }
                (_, _, None) => return Err(format!("{self:?}: brackets behind no list or map")),
            }
        }
        place.ok_or_else(|| format!("{self:?} names nothing"))
    }

    /// The expressions that choose among elements.
    ///
    /// # Errors
    /// What the type does not have.
    pub fn conditions(&self, descriptor: &MessageDescriptor) -> Result<Vec<Condition>, String> {
        let mut conditions = Vec::new();
        for (at, part) in self.0.iter().enumerate() {
            if let Part::Where(which) = part {
                let Place { field, .. } = Path(self.0[..at].to_vec()).fits(descriptor)?;
                conditions.push((which.clone(), element(&field)));
            }
        }
        Ok(conditions)
    }

    /// Works at every such place of a message.
    ///
    /// # Errors
    /// The work's own, and those of expressions in the path.
    pub fn each(
        &self,
        message: &mut DynamicMessage,
        scope: &Scope,
        work: &mut impl Work,
    ) -> Result<(), String> {
        walk(&self.0, message, scope, work)
    }
}

impl Part {
    fn bracket(text: &str) -> Result<Part, String> {
        if text == "*" {
            return Ok(Part::All);
        }
        if let Some(expression) = text.strip_prefix('?') {
            return Ok(Part::Where(Expr::compile(expression)?));
        }
        if let Some(key) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
            return Ok(Part::Key(key.to_owned()));
        }
        text.parse().map(Part::At).map_err(|_| format!("`[{text}]` is neither `*` nor a number"))
    }
}

/// Where the bracket ends that was opened before `text`, whatever stands in quotes.
fn closing(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '\'' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted && depth == 0 => return Some(at),
            ']' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

fn single(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match field.kind() {
        Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
        _ => None,
    }
}

/// The message that a field is, or an element of a list or an entry of a map, if it is one.
pub fn element(field: &FieldDescriptor) -> Option<MessageDescriptor> {
    match (field.kind(), field.is_map()) {
        (Kind::Message(entry), true) => match entry.map_entry_value_field().kind() {
            Kind::Message(inner) => Some(inner),
            _ => None,
        },
        (Kind::Message(inner), false) => Some(inner),
        _ => None,
    }
}

fn walk(
    parts: &[Part],
    message: &mut DynamicMessage,
    scope: &Scope,
    work: &mut impl Work,
) -> Result<(), String> {
    let Some((Part::Field(name), rest)) = parts.split_first() else { return Ok(()) };
    let field = message
        .descriptor()
        .get_field_by_name(name)
        .ok_or_else(|| format!("{} has no field `{name}`", message.descriptor().name()))?;
    match rest.split_first() {
        None => work.field(message, &field),
        Some((Part::Field(_), _)) => {
            if !work_creates(work) && !message.has_field(&field) {
                return Ok(());
            }
            match message.get_field_mut(&field) {
                Proto::Message(inner) => walk(rest, inner, scope, work),
                _ => Err(format!("`{name}` is no message")),
            }
        }
        Some((part, below)) => {
            let items = items(message, &field);
            let chosen = |key: Value, item: &Value| part.chooses(key, item, scope);
            match message.get_field_mut(&field) {
                Proto::List(list) => {
                    let mut kept = Vec::new();
                    for (at, mut value) in std::mem::take(list).into_iter().enumerate() {
                        let key = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
                        let keep = !chosen(key, &items.at(at))?
                            || at_element(below, &field, &mut value, scope, work)?;
                        if keep {
                            kept.push(value);
                        }
                    }
                    *list = kept;
                }
                Proto::Map(entries) => {
                    if let Part::Key(key) = part
                        && work_creates(work)
                    {
                        let Kind::Message(entry) = field.kind() else { return Ok(()) };
                        let empty = Proto::default_value_for_field(&entry.map_entry_value_field());
                        entries.entry(MapKey::String(key.clone())).or_insert(empty);
                    }
                    let mut kept = HashMap::new();
                    for (key, mut value) in std::mem::take(entries) {
                        let text = key.as_str().unwrap_or_default();
                        let keep = !chosen(Value::from(text), &items.of(text))?
                            || at_element(below, &field, &mut value, scope, work)?;
                        if keep {
                            kept.insert(key, value);
                        }
                    }
                    *entries = kept;
                }
                _ => return Err(format!("`{name}` is neither a list nor a map")),
            }
            Ok(())
        }
    }
}

fn work_creates<W: Work>(_: &W) -> bool {
    W::CREATES
}

fn at_element(
    below: &[Part],
    field: &FieldDescriptor,
    value: &mut Proto,
    scope: &Scope,
    work: &mut impl Work,
) -> Result<bool, String> {
    match (below, value) {
        ([], value) => work.element(field, value),
        (below, Proto::Message(inner)) => walk(below, inner, scope, work).map(|()| true),
        _ => Err(format!("an element of `{}` is no message", field.name())),
    }
}

impl Part {
    fn chooses(&self, key: Value, item: &Value, scope: &Scope) -> Result<bool, String> {
        Ok(match (self, &key) {
            (Part::All, _) => true,
            (Part::At(wanted), Value::Int(at)) => i64::try_from(*wanted) == Ok(*at),
            (Part::Key(wanted), Value::String(key)) => wanted == key.as_str(),
            (Part::Where(expression), _) => {
                let mut scope = scope.clone();
                scope.insert("item".to_owned(), item.clone());
                scope.insert("key".to_owned(), key);
                holds(expression, &scope)?
            }
            _ => false,
        })
    }
}

/// Whether an expression holds; what cannot be evaluated does not.
///
/// # Errors
/// If the expression itself is wrong.
pub fn holds(expression: &Expr, scope: &Scope) -> Result<bool, String> {
    match expression.judge(scope) {
        Judgement::Holds => Ok(true),
        Judgement::Broken(_) | Judgement::Undecided(_) => Ok(false),
        Judgement::Mistake(why) => Err(why),
    }
}

/// The elements of a list or the entries of a map, as expressions see them.
pub struct Items(Value);

/// Those of a field.
pub fn items(message: &DynamicMessage, field: &FieldDescriptor) -> Items {
    Items(member(&from_message(message), field.name()).cloned().unwrap_or(Value::Null))
}

impl Items {
    /// Of a list.
    pub fn at(&self, at: usize) -> Value {
        match &self.0 {
            Value::List(items) => items.get(at).cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }

    /// Of a map.
    pub fn of(&self, key: &str) -> Value {
        member(&self.0, key).cloned().unwrap_or(Value::Null)
    }
}
