//! Changes of JSON by place.

use serde_json::{Map, Value as Json};
use stdcheck::suite::expr::{Expr, Scope, Text, value};

use super::rule::Edit;

/// Changes a document.
///
/// # Errors
/// What cannot be evaluated, or is no place.
pub fn edit(document: &mut Json, edit: &Edit, scope: &Scope) -> Result<(), String> {
    for (place, items) in &edit.add {
        for item in items {
            let item = evaluate(item, scope)?;
            each(document, &words(place)?, true, &mut |list| {
                if !list.is_array() {
                    *list = Json::Array(Vec::new());
                }
                list.as_array_mut().expect("it is one").push(item.clone());
                Ok(())
            })?;
        }
    }
    for (place, new) in &edit.set {
        each(document, &words(place)?, true, &mut |old| {
            let mut scope = scope.clone();
            scope.insert("old".to_owned(), value::from_json(old));
            *old = evaluate(new, &scope)?;
            Ok(())
        })?;
    }
    for place in &edit.remove {
        let words = words(place)?;
        let (last, parents) = words.split_last().ok_or("the whole cannot be removed")?;
        each(document, parents, false, &mut |parent| {
            match parent {
                Json::Object(members) => drop(members.remove(last)),
                Json::Array(items) if last == "*" => items.clear(),
                Json::Array(items) => {
                    if let Some(at) = last.parse().ok().filter(|&at: &usize| at < items.len()) {
                        items.remove(at);
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A value whose texts are evaluated.
///
/// # Errors
/// What cannot be.
pub fn evaluate(json: &Json, scope: &Scope) -> Result<Json, String> {
    Ok(match json {
        Json::String(text) => match whole(text) {
            Some(expression) => value::to_json(&Expr::compile(expression)?.value(scope)?),
            None => value::to_json(&Text::parse(text)?.value(scope)?),
        },
        Json::Array(items) => {
            Json::Array(items.iter().map(|item| evaluate(item, scope)).collect::<Result<_, _>>()?)
        }
        Json::Object(members) => {
            let mut evaluated = Map::new();
            for (key, member) in members {
                evaluated.insert(key.clone(), evaluate(member, scope)?);
            }
            Json::Object(evaluated)
        }
        other => other.clone(),
    })
}

/// The expression of `"${expression}"` alone, which keeps its type.
fn whole(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${")?.strip_suffix('}')?;
    (!inner.contains('}')).then_some(inner)
}

/// A text whose `$` parts are evaluated.
///
/// # Errors
/// What cannot be.
pub fn text(text: &str, scope: &Scope) -> Result<String, String> {
    Ok(value::as_text(&Text::parse(text)?.value(scope)?))
}

fn words(place: &str) -> Result<Vec<String>, String> {
    if place.is_empty() {
        return Ok(Vec::new());
    }
    let inner = place.strip_prefix('/').ok_or_else(|| format!("`{place}` is no JSON pointer"))?;
    Ok(inner.split('/').map(|word| word.replace("~1", "/").replace("~0", "~")).collect())
}

type Deed<'a> = dyn FnMut(&mut Json) -> Result<(), String> + 'a;

fn each(json: &mut Json, place: &[String], make: bool, deed: &mut Deed<'_>) -> Result<(), String> {
    let Some((word, rest)) = place.split_first() else { return deed(json) };
    if make && json.is_null() {
        *json = Json::Object(Map::new());
    }
    match json {
        Json::Array(items) if word == "*" => {
            items.iter_mut().try_for_each(|item| each(item, rest, make, deed))
        }
        Json::Object(members) if word == "*" => {
            members.values_mut().try_for_each(|member| each(member, rest, make, deed))
        }
        Json::Array(items) => match word.parse().ok().and_then(|at: usize| items.get_mut(at)) {
            Some(item) => each(item, rest, make, deed),
            None => Ok(()),
        },
        Json::Object(members) if make => {
            each(members.entry(word.clone()).or_insert(Json::Null), rest, make, deed)
        }
        Json::Object(members) => match members.get_mut(word) {
            Some(member) => each(member, rest, make, deed),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The document with the keys of all objects in the opposite order.
pub fn reversed(json: &Json) -> String {
    match json {
        Json::Object(members) => {
            let members = members.iter().rev();
            let texts = members
                .map(|(key, member)| format!("{}:{}", Json::from(key.as_str()), reversed(member)));
            format!("{{{}}}", texts.collect::<Vec<_>>().join(","))
        }
        Json::Array(items) => {
            let texts: Vec<String> = items.iter().map(reversed).collect();
            format!("[{}]", texts.join(","))
        }
        other => other.to_string(),
    }
}
