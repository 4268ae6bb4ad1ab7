//! What an expression looks at of the names that it sees: CEL copies a value before it reads it, and a reply
//! may be large.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use cel::{
    IdedExpr, Value,
    common::ast::{EntryExpr, Expr},
    objects::{Key, Map},
};

/// What is looked at of one value.
#[derive(Clone, Debug, PartialEq)]
pub enum Used {
    /// All of it.
    Whole,
    /// These members, if it is a map that has them.
    Members(BTreeMap<String, Used>),
}

/// The same for each name.
pub type Names = BTreeMap<String, Used>;

/// What an expression looks at. Names of its macros are among them, which nobody else has.
pub fn names(expr: &IdedExpr) -> Names {
    let mut names = Names::new();
    walk(expr, &mut names);
    names
}

/// Takes what is looked at into what was known.
pub fn join(known: &mut Names, more: &Names) {
    for (name, used) in more {
        match (known.get_mut(name), used) {
            (Some(Used::Whole), _) => {}
            (Some(Used::Members(known)), Used::Members(more)) => join(known, more),
            _ => {
                known.insert(name.clone(), used.clone());
            }
        }
    }
}

/// A value without what is not looked at.
pub fn part(value: &Value, used: &Used) -> Value {
    let (Value::Map(whole), Used::Members(members)) = (value, used) else { return value.clone() };
    let mut part = HashMap::with_capacity(members.len());
    for (name, used) in members {
        let key = Key::from(name.as_str());
        if let Some(value) = whole.map.get(&key) {
            part.insert(key, self::part(value, used));
        }
    }
    Value::Map(Map { map: Arc::new(part) })
}

fn walk(expr: &IdedExpr, names: &mut Names) {
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) => {}
        Expr::Ident(_) | Expr::Select(_) => match path(expr) {
            Some(path) => add(names, &path),
            None => {
                if let Expr::Select(select) = &expr.expr {
                    walk(&select.operand, names);
                }
            }
        },
        Expr::Call(call) => {
            call.target.iter().for_each(|target| walk(target, names));
            call.args.iter().for_each(|argument| walk(argument, names));
        }
        Expr::Comprehension(inner) => {
            let parts = [
                &inner.iter_range,
                &inner.accu_init,
                &inner.loop_cond,
                &inner.loop_step,
                &inner.result,
            ];
            parts.into_iter().for_each(|part| walk(part, names));
        }
        Expr::List(list) => list.elements.iter().for_each(|element| walk(element, names)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| walk_entry(&entry.expr, names)),
        Expr::Struct(made) => made.entries.iter().for_each(|entry| walk_entry(&entry.expr, names)),
    }
}

fn walk_entry(entry: &EntryExpr, names: &mut Names) {
    match entry {
        EntryExpr::StructField(field) => walk(&field.value, names),
        EntryExpr::MapEntry(entry) => {
            walk(&entry.key, names);
            walk(&entry.value, names);
        }
    }
}

/// `a.b.c`; also of `has(a.b.c)`.
fn path(expr: &IdedExpr) -> Option<Vec<&str>> {
    match &expr.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) => {
            let mut path = path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}

fn add(names: &mut Names, path: &[&str]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        names.insert((*first).to_owned(), Used::Whole);
        return;
    }
    let used = names.entry((*first).to_owned()).or_insert_with(|| Used::Members(Names::new()));
    if let Used::Members(members) = used {
        add(members, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::expr::value;

    fn used(source: &str) -> String {
        fn told(names: &Names) -> String {
            let each = names.iter().map(|(name, used)| match used {
                Used::Whole => name.clone(),
                Used::Members(members) => format!("{name}({})", told(members)),
            });
            each.collect::<Vec<_>>().join(" ")
        }
        told(&names(cel::Program::compile(source).unwrap().expression()))
    }

    #[test]
    fn members_are_known_unless_the_whole_is_looked_at() {
        assert_eq!(used("a.b.c == 1 && a.b.d"), "a(b(c d))");
        assert_eq!(used("a.b.c == a.b"), "a(b)");
        assert_eq!(used("a == b.c || a.d"), "a b(c)");
        assert_eq!(used("has(a.b) && a.c[0].d in [e.f]"), "a(b c) e(f)");
        assert_eq!(used("{'x': a.b, c.d: 1}.size()"), "a(b) c(d)");
        assert!(used("a.b.exists(each, each.x == c.d)").contains("a(b) c(d)"));
    }

    #[test]
    fn what_is_not_looked_at_is_left_out() {
        let inner = value::map([("c", Value::Int(1)), ("d", Value::Int(2))]);
        let whole = value::map([("b", inner.clone()), ("e", Value::Int(3))]);
        let mut all = names(cel::Program::compile("a.b.c + a.f").unwrap().expression());
        let part_of = |names: &Names| part(&whole, &names["a"]);
        let c = value::map([("c", Value::Int(1))]);
        assert_eq!(part_of(&all), value::map([("b", c)]));
        join(&mut all, &names(cel::Program::compile("a.b").unwrap().expression()));
        assert_eq!(part_of(&all), value::map([("b", inner)]));
    }
}
