//! Lint of values: fields of messages, `$` texts, expressions, and how old each field is.

use std::ops::Range;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use toml::Spanned;

use super::{Lint, Place};
use crate::{
    proto,
    suite::{
        diagnostic::Diagnostic,
        expr::{Expr, Text, types, types::Type},
        names::Names,
        request,
        tree::Tree,
        version::Version,
    },
};

impl Lint<'_> {
    /// Fields and `$` parts of a tree.
    pub(super) fn tree(
        &mut self,
        place: &Place<'_>,
        message: &MessageDescriptor,
        tree: &Spanned<Tree>,
        scope: &Names,
    ) {
        self.fields(place, message, tree);
        for text in request::texts(tree) {
            self.text(place, &text, scope);
        }
    }

    /// The fields that a tree names, and the kinds of its literal values.
    pub(super) fn fields(
        &mut self,
        place: &Place<'_>,
        message: &MessageDescriptor,
        tree: &Spanned<Tree>,
    ) {
        let Tree::Table(members) = tree.as_ref() else {
            if !matches!(tree.as_ref(), Tree::Text(text) if text.starts_with('$')) {
                let text = format!("{} takes named fields", message.name());
                self.say(place.file, tree.span(), text);
            }
            return;
        };
        for (key, value) in members {
            let Some(field) = message.get_field_by_name(key.as_ref()) else {
                let known: Vec<String> = message.fields().map(|f| f.name().to_owned()).collect();
                let text = format!("{} has no field `{}`", message.name(), key.as_ref());
                self.found.push(
                    Diagnostic::new(place.file, key.span(), text)
                        .help(format!("it has: {}", known.join(", "))),
                );
                continue;
            };
            self.since_of_field(place, &field, key.span());
            match (field.kind(), field.is_map(), value.as_ref()) {
                (Kind::Message(inner), false, Tree::List(items)) if field.is_list() => {
                    for item in items {
                        self.fields(place, &inner, item);
                    }
                }
                (Kind::Message(inner), false, _) if !field.is_list() => {
                    self.fields(place, &inner, value);
                }
                _ => {
                    if request::texts(value).iter().any(|text| text.as_ref().contains('$')) {
                        continue;
                    }
                    if let Err(message) = request::literal(&field, value.as_ref()) {
                        self.say(place.file, value.span(), message);
                    }
                }
            }
        }
    }

    /// A text that may hold `$` parts.
    pub(super) fn text(&mut self, place: &Place<'_>, text: &Spanned<&str>, scope: &Names) {
        match Text::parse(text.as_ref()) {
            Err(message) => self.say(place.file, text.span(), message),
            Ok(parsed) => {
                for expr in parsed.expressions() {
                    self.resolve(place, expr, text.span(), scope);
                }
            }
        }
    }

    pub(super) fn expression(
        &mut self,
        place: &Place<'_>,
        source: &Spanned<String>,
        scope: &Names,
    ) {
        match Expr::compile(source.as_ref()) {
            Err(message) => {
                let message = format!("no expression: {message}");
                self.say(place.file, source.span(), message);
            }
            Ok(expr) => {
                if let Some(ty) = self.resolve(place, &expr, source.span(), scope)
                    && !matches!(ty, Type::Bool | Type::Dyn)
                {
                    self.say(place.file, source.span(), "an expectation is a yes or no");
                }
            }
        }
    }

    pub(super) fn resolve(
        &mut self,
        place: &Place<'_>,
        expr: &Expr,
        at: Range<usize>,
        scope: &Names,
    ) -> Option<Type> {
        let (ty, resolved) = types::resolve(expr, scope);
        let sound = resolved.mistakes.is_empty();
        for mistake in resolved.mistakes {
            self.say(place.file, at.clone(), mistake);
        }
        for field in resolved.fields {
            self.since_of_field(place, &field, at.clone());
        }
        sound.then_some(ty)
    }

    pub(super) fn since_of_field(
        &mut self,
        place: &Place<'_>,
        field: &FieldDescriptor,
        at: Range<usize>,
    ) {
        let name = || format!("{}.{}", field.parent_message().name(), field.name());
        self.younger(place, proto::since_of_field(field), name, at);
    }

    pub(super) fn since_of_method(
        &mut self,
        place: &Place<'_>,
        method: &MethodDescriptor,
        at: Range<usize>,
    ) {
        self.younger(place, proto::since_of_method(method), || method.name().to_owned(), at);
    }

    /// Tells of something that is younger than what the check says it can be judged by.
    pub(super) fn younger(
        &mut self,
        place: &Place<'_>,
        since: Option<String>,
        name: impl Fn() -> String,
        at: Range<usize>,
    ) {
        let Some(since) = since.and_then(|since| since.parse::<Version>().ok()) else { return };
        let judged_from = place.since.clone().unwrap_or_else(|| self.suite.versions.0.clone());
        if since > judged_from {
            let message = format!("{} is there since {since} only", name());
            self.found.push(Diagnostic::new(place.file, at, message).help(format!(
                "say since = \"{since}\" at the check, the case or the requirement"
            )));
        }
    }
}
