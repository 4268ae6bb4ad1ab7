//! Says what an expression saw when it did not hold.

use cel::{
    Context, IdedExpr, Value,
    common::ast::{Expr, LiteralValue},
};

use super::value::brief;

const COMPARISONS: &[&str] = &["_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"];

/// What was seen by an expression that came out false: the values on the sides that are not literal.
pub fn actual(expr: &IdedExpr, context: &Context<'_, '_>) -> String {
    if let Expr::Call(call) = &expr.expr {
        match call.func_name.as_str() {
            "_&&_" => {
                // The operand that is false is the one to tell about.
                for argument in &call.args {
                    if !matches!(Value::resolve(argument, context), Ok(Value::Bool(true))) {
                        return actual(argument, context);
                    }
                }
            }
            name if COMPARISONS.contains(&name) => {
                let sides: Vec<String> = call
                    .args
                    .iter()
                    .filter(|side| !matches!(side.expr, Expr::Literal(_) | Expr::List(_)))
                    .map(|side| told(side, context))
                    .collect();
                if !sides.is_empty() {
                    return sides.join(", ");
                }
            }
            _ => {}
        }
    }
    let mut paths = Vec::new();
    collect_paths(expr, &mut Vec::new(), &mut paths);
    let mut seen = Vec::new();
    for path in paths {
        let text = told(path, context);
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    if seen.is_empty() { "false".to_owned() } else { seen.join(", ") }
}

fn told(expr: &IdedExpr, context: &Context<'_, '_>) -> String {
    let name = unparse(expr).unwrap_or_else(|| "the left side".to_owned());
    match Value::resolve(expr, context) {
        Ok(value) => format!("{name} = {}", brief(&value)),
        Err(_) => format!("{name} is unset"),
    }
}

/// The longest paths in an expression, without those that begin at a variable of a macro.
fn collect_paths<'a>(expr: &'a IdedExpr, bound: &mut Vec<&'a str>, found: &mut Vec<&'a IdedExpr>) {
    match &expr.expr {
        Expr::Ident(_) | Expr::Select(_) => {
            if let Some(root) = root(expr) {
                if !bound.contains(&root) && !root.starts_with('@') {
                    found.push(expr);
                }
            } else if let Expr::Select(select) = &expr.expr {
                collect_paths(&select.operand, bound, found);
            }
        }
        Expr::Call(call) => {
            if call.func_name == "_[_]" && unparse(expr).is_some() {
                if root(expr).is_some_and(|root| !bound.contains(&root)) {
                    found.push(expr);
                }
                return;
            }
            if let Some(target) = &call.target {
                collect_paths(target, bound, found);
            }
            for argument in &call.args {
                collect_paths(argument, bound, found);
            }
        }
        Expr::Comprehension(inner) => {
            collect_paths(&inner.iter_range, bound, found);
            bound.push(&inner.iter_var);
            bound.push(&inner.accu_var);
            collect_paths(&inner.loop_step, bound, found);
            bound.pop();
            bound.pop();
        }
        Expr::List(list) => {
            for element in &list.elements {
                collect_paths(element, bound, found);
            }
        }
        _ => {}
    }
}

fn root(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Ident(name) => Some(name),
        Expr::Select(select) => root(&select.operand),
        Expr::Call(call) if call.func_name == "_[_]" => root(call.args.first()?),
        _ => None,
    }
}

/// A path, an index or a call on a path as the suite writes it.
pub fn unparse(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) => Some(format!("{}.{}", unparse(&select.operand)?, select.field)),
        Expr::Literal(LiteralValue::Int(number)) => Some(number.inner().to_string()),
        Expr::Literal(LiteralValue::String(text)) => Some(format!("'{}'", text.inner())),
        Expr::Call(call) if call.func_name == "_[_]" => {
            Some(format!("{}[{}]", unparse(call.args.first()?)?, unparse(call.args.get(1)?)?))
        }
        Expr::Call(call) if call.func_name.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let arguments: Option<Vec<String>> = call.args.iter().map(unparse).collect();
            let arguments = arguments?.join(", ");
            Some(match &call.target {
                Some(target) => format!("{}.{}({arguments})", unparse(target)?, call.func_name),
                None => format!("{}({arguments})", call.func_name),
            })
        }
        _ => None,
    }
}

/// The path in the expression that ends in `.key`, for telling what is unset.
pub fn path_ending_in(expr: &IdedExpr, key: &str) -> Option<String> {
    match &expr.expr {
        Expr::Select(select) => {
            if select.field == key && !select.test {
                return unparse(expr);
            }
            path_ending_in(&select.operand, key)
        }
        Expr::Call(call) => {
            if call.func_name == "_[_]"
                && matches!(call.args.get(1).map(|a| &a.expr),
                    Some(Expr::Literal(LiteralValue::String(text))) if text.inner() == key)
            {
                return unparse(expr);
            }
            call.target
                .iter()
                .map(AsRef::as_ref)
                .chain(&call.args)
                .find_map(|argument| path_ending_in(argument, key))
        }
        // A path that begins at the macro's own variable names nothing that a reader knows.
        Expr::Comprehension(inner) => path_ending_in(&inner.iter_range, key).or_else(|| {
            path_ending_in(&inner.loop_step, key).filter(|path| !path.starts_with(&inner.iter_var))
        }),
        Expr::List(list) => list.elements.iter().find_map(|element| path_ending_in(element, key)),
        _ => None,
    }
}
