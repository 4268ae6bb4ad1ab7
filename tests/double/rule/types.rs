//! What is wrong with a bend by the types of its rpc alone, before it meets a call: names and fields
//! that its expressions ask for and nobody has, and constants that do not fit where they are put. An
//! expression that can never be evaluated would quietly never hold.

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, MessageDescriptor};
use stdcheck::suite::{
    expr::{
        Expr, Text,
        types::{Type, resolve},
    },
    request,
    tree::Tree,
};
use toml::Spanned;

use super::{
    super::interface,
    format::{Bend, Edits},
    path::{Path, Place, element as element_of},
};

/// The names that an expression sees.
type Names = BTreeMap<String, Type>;

/// Looks at everything that a bend says.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(bend: &Bend) -> Result<(), String> {
    let method = (!bend.rpc.contains('*')).then(|| interface::find(&bend.rpc)).transpose()?;
    let input = method.as_ref().map(prost_reflect::MethodDescriptor::input);
    let output = method.as_ref().map(prost_reflect::MethodDescriptor::output);
    let before = Names::from([
        ("request".to_owned(), of_message(input.as_ref())),
        ("nth".to_owned(), Type::Int),
        ("restarts".to_owned(), Type::Int),
        ("earlier".to_owned(), earlier()),
    ]);
    let after = with(&before, [("reply", of_message(output.as_ref()))]);
    condition(bend.when.as_deref(), &before)?;
    if let Some(per) = &bend.per {
        expression(per, &before)?;
    }
    if let Some(changes) = &bend.request {
        edits(changes, input.as_ref(), &before)?;
    }
    if let Some(changes) = &bend.reply {
        edits(changes, output.as_ref(), &after)?;
    }
    if let Some(answer) = &bend.answer {
        let names = if answer.served { &after } else { &before };
        message(answer.reply.as_ref(), output.as_ref(), names)?;
    }
    for also in &bend.also {
        message(also.with.as_ref(), Some(&interface::find(&also.rpc)?.input()), &after)?;
    }
    let status = bend.status.as_ref().and_then(|status| status.when.as_deref());
    condition(status, &with(&after, [("code", Type::Text)]))
}

fn of_message(message: Option<&MessageDescriptor>) -> Type {
    message.map_or(Type::Dyn, |message| Type::Message(message.clone()))
}

/// By rpc, what was asked and answered.
fn earlier() -> Type {
    let calls = interface::all().map(|method| {
        let (request, reply) = (Type::Message(method.input()), Type::Message(method.output()));
        let call = Type::members([("request", request), ("reply", reply)]);
        (method.name().to_owned(), Type::List(Box::new(call)))
    });
    Type::Struct(calls.collect())
}

fn with<const N: usize>(names: &Names, more: [(&str, Type); N]) -> Names {
    let mut names = names.clone();
    names.extend(more.map(|(name, of)| (name.to_owned(), of)));
    names
}

fn condition(text: Option<&str>, names: &Names) -> Result<(), String> {
    let Some(text) = text else { return Ok(()) };
    match expression(text, names)? {
        Type::Bool | Type::Dyn => Ok(()),
        _ => Err(format!("`{text}` is no yes or no")),
    }
}

fn expression(text: &str, names: &Names) -> Result<Type, String> {
    resolved(&*Expr::compile(text)?, names)
}

fn resolved(expression: &Expr, names: &Names) -> Result<Type, String> {
    let (of, found) = resolve(expression, names);
    match found.mistakes.first() {
        Some(mistake) => Err(format!("`{}`: {mistake}", expression.source())),
        None => Ok(of),
    }
}

fn edits(edits: &Edits, of: Option<&MessageDescriptor>, names: &Names) -> Result<(), String> {
    condition(edits.when.as_deref(), names)?;
    for (path, tree) in members(edits.set.as_ref()) {
        let old = with(names, [("old", Type::Dyn)]);
        value(tree, place(path.as_ref(), of, names)?.as_ref(), &old)?;
    }
    for (path, tree) in members(edits.add.as_ref()) {
        value(tree, place(path.as_ref(), of, names)?.as_ref(), names)?;
    }
    for (path, which) in &edits.keep {
        let item = place(path, of, names)?.and_then(|place| element_of(&place.field));
        condition(
            Some(which),
            &with(names, [("item", of_message(item.as_ref())), ("key", Type::Dyn)]),
        )?;
    }
    let others = edits.clear.iter().chain(edits.repeat.keys()).chain(edits.alter.keys());
    for path in others {
        place(path, of, names)?;
    }
    Ok(())
}

/// Where a path leads, if the message is known.
fn place(
    path: &str,
    of: Option<&MessageDescriptor>,
    names: &Names,
) -> Result<Option<Place>, String> {
    let Some(of) = of else { return Ok(None) };
    let path = Path::parse(path)?;
    for (which, item) in path.conditions(of)? {
        let names = with(names, [("item", of_message(item.as_ref())), ("key", Type::Dyn)]);
        condition(Some(which.source()), &names)?;
    }
    path.fits(of).map(Some)
}

fn members(tree: Option<&Tree>) -> &[(Spanned<String>, Spanned<Tree>)] {
    match tree {
        Some(Tree::Table(members)) => members,
        _ => &[],
    }
}

/// The fields of a message that is made.
fn message(
    tree: Option<&Tree>,
    of: Option<&MessageDescriptor>,
    names: &Names,
) -> Result<(), String> {
    for (name, tree) in members(tree) {
        let place = of.map(|of| Place::field(of, name.as_ref())).transpose()?;
        value(tree, place.as_ref(), names)?;
    }
    Ok(())
}

/// What is put at a place: whatever is not evaluated has to fit, and what is has to be known.
fn value(tree: &Spanned<Tree>, at: Option<&Place>, names: &Names) -> Result<(), String> {
    let texts = request::texts(tree);
    for text in &texts {
        for part in Text::parse(text.as_ref())?.expressions() {
            resolved(part, names)?;
        }
    }
    let Some(Place { field, element }) = at else { return Ok(()) };
    if !texts.iter().any(|text| text.as_ref().contains('$')) {
        return match element {
            true => request::literal(field, &alone(field, tree)),
            false => request::literal(field, tree.as_ref()),
        };
    }
    let Some(inner) = element_of(field) else { return Ok(()) };
    let many = (field.is_list() || field.is_map()) && !element;
    let each: Vec<&Tree> = match tree.as_ref() {
        Tree::List(items) if many => items.iter().map(Spanned::as_ref).collect(),
        Tree::Table(entries) if many => entries.iter().map(|(_, entry)| entry.as_ref()).collect(),
        one => vec![one],
    };
    each.into_iter().try_for_each(|one| message(Some(one), Some(&inner), names))
}

/// An element as a list or map of it alone, which is what can be held against a field.
fn alone(field: &FieldDescriptor, tree: &Spanned<Tree>) -> Tree {
    match field.is_map() {
        true => Tree::Table(vec![(Spanned::new(0..0, String::new()), tree.clone())]),
        false => Tree::List(vec![tree.clone()]),
    }
}

impl Place {
    fn field(of: &MessageDescriptor, name: &str) -> Result<Place, String> {
        let field = of.get_field_by_name(name);
        let field = field.ok_or_else(|| format!("{} has no field `{name}`", of.name()))?;
        Ok(Place { field, element: false })
    }
}
