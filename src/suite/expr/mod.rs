//! Expressions of suite files: CEL, hidden behind this module (the crate is young and pinned).
//!
//! An expression that cannot be evaluated is not true: [`Judgement::Undecided`] says what is unset.

mod explain;
mod functions;
pub mod types;
mod used;
pub mod value;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex},
};

pub use cel::Value;
use cel::{Context, Env, ExecutionError, Program};

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What all expressions see: functions.
static ROOT: LazyLock<Context<'static, 'static>> = LazyLock::new(|| {
    let mut context = Context::with_env(ENV.clone());
    functions::add(&mut context);
    context
});

/// Compiled expressions by their text: cases and repeated checks share them.
static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Expr>>>> = LazyLock::new(Mutex::default);

/// A parsed expression.
pub struct Expr {
    source: String,
    program: Program,
    /// The variables in it.
    names: Vec<String>,
    /// What it looks at of them.
    used: used::Names,
    /// The names of a plain path, `a.b.c`: these are followed without CEL.
    path: Option<Vec<String>>,
}

/// Names that several expressions see: what CEL makes of a value is a copy of all of it.
pub struct Ready<'a> {
    context: Context<'a, 'a>,
    scopes: Vec<&'a Scope>,
}

impl<'a> Ready<'a> {
    /// Those names that the expressions use; of two that are the same the one of the earlier scope.
    pub fn of<'e>(
        scopes: impl IntoIterator<Item = &'a Scope>,
        exprs: impl IntoIterator<Item = &'e Expr>,
    ) -> Ready<'a> {
        let scopes: Vec<&Scope> = scopes.into_iter().collect();
        let mut context = ROOT.new_inner_scope();
        let mut all = used::Names::new();
        exprs.into_iter().for_each(|expr| used::join(&mut all, &expr.used));
        for (name, used) in &all {
            if let Some(value) = scopes.iter().find_map(|scope| scope.get(name)) {
                context.add_variable_from_value(name, used::part(value, used));
            }
        }
        Ready { context, scopes }
    }
}

/// The names that an expression sees.
pub type Scope = BTreeMap<String, Value>;

/// What an expectation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It holds.
    Holds,
    /// It does not; what was seen instead.
    Broken(String),
    /// It could not be evaluated; what was missing.
    Undecided(String),
    /// The expression itself is wrong (an unknown name or function): nobody's fault but the suite's.
    Mistake(String),
}

impl Expr {
    /// Parses `source`, or takes it from the cache.
    ///
    /// # Errors
    /// A one-line description of what is wrong with it.
    pub fn compile(source: &str) -> Result<Arc<Expr>, String> {
        let compiled = || COMPILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = compiled().get(source) {
            return Ok(known.clone());
        }
        // The parser caps the depth of nesting itself (96 levels).
        let program = ENV.compile(source).map_err(|errors| {
            errors.errors.first().map_or_else(|| errors.to_string(), |error| error.msg.clone())
        })?;
        let path = types::plain_path(program.expression());
        let used = used::names(program.expression());
        let names = program.references().variables().into_iter().map(str::to_owned).collect();
        let expr = Arc::new(Expr { source: source.to_owned(), names, used, path, program });
        compiled().insert(source.to_owned(), expr.clone());
        Ok(expr)
    }

    /// The text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The variables in it.
    pub fn variables(&self) -> &[String] {
        &self.names
    }

    /// Whether it has this variable.
    pub fn names(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    pub(super) fn ast(&self) -> &cel::IdedExpr {
        self.program.expression()
    }

    /// Its value.
    ///
    /// # Errors
    /// What could not be evaluated, naming what is unset.
    pub fn value(&self, scope: &Scope) -> Result<Value, String> {
        if let Some(found) = self.path.as_ref().and_then(|path| follow(path, scope)) {
            return Ok(found.clone());
        }
        let ready = Ready::of([scope], [self]);
        self.program.execute(&ready.context).map_err(|error| self.tell(&error, &ready.scopes))
    }

    /// Whether it holds, as an expectation or condition.
    pub fn judge(&self, scope: &Scope) -> Judgement {
        self.judge_in(&Ready::of([scope], [self]))
    }

    /// The same among names that were made ready for it, among others: what it looks at is not there
    /// otherwise.
    pub fn judge_in(&self, ready: &Ready<'_>) -> Judgement {
        let Ready { context, scopes } = ready;
        match self.program.execute(context) {
            Ok(Value::Bool(true)) => Judgement::Holds,
            Ok(Value::Bool(false)) => {
                Judgement::Broken(explain::actual(self.program.expression(), context))
            }
            Ok(other) => Judgement::Undecided(format!(
                "`{}` is no yes or no, but {}",
                self.source,
                value::brief(&other)
            )),
            Err(error @ ExecutionError::UndeclaredReference(_)) => {
                Judgement::Mistake(self.tell(&error, scopes))
            }
            Err(error) => Judgement::Undecided(self.tell(&error, scopes)),
        }
    }

    fn tell(&self, error: &ExecutionError, scopes: &[&Scope]) -> String {
        let known = |name: &str| scopes.iter().any(|scope| scope.contains_key(name));
        match error {
            ExecutionError::NoSuchKey(key) => {
                let path = explain::path_ending_in(self.program.expression(), key)
                    .unwrap_or_else(|| key.to_string());
                format!("`{path}` is unset")
            }
            ExecutionError::UndeclaredReference(name) if !known(name) => {
                format!("`{name}` is not known here")
            }
            ExecutionError::IndexOutOfBounds(index) => {
                format!("there is no element {} in `{}`", value::brief(index), self.source)
            }
            ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
            other => {
                let text = other.to_string();
                format!(
                    "cannot evaluate `{}`: {}",
                    self.source,
                    text.chars().take(300).collect::<String>()
                )
            }
        }
    }
}

/// What a path leads to; none where a part of it is not there, which CEL then tells.
fn follow<'a>(path: &[String], scope: &'a Scope) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(scope.get(first)?, |at, name| value::member(at, name))
}

impl std::fmt::Debug for Expr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expr({})", self.source)
    }
}

/// A text of a suite file with its `$` parts.
#[derive(Debug)]
pub enum Text {
    /// No dollar in it.
    Plain(String),
    /// `"$path"` alone: keeps the type of what it names.
    Whole(Arc<Expr>),
    /// Text and expressions in turn: `a ${b} c`.
    Mixed(Vec<Part>),
}

/// A piece of a mixed text.
#[derive(Debug)]
pub enum Part {
    /// As it stands.
    Plain(String),
    /// To be evaluated and written as text.
    Expr(Arc<Expr>),
}

impl Text {
    /// Takes a text apart. `$$` is a dollar, `$path` alone and `${expression}` are evaluated.
    ///
    /// # Errors
    /// One line about what is wrong.
    pub fn parse(text: &str) -> Result<Text, String> {
        if !text.contains('$') {
            return Ok(Text::Plain(text.to_owned()));
        }
        if let Some(path) = text.strip_prefix('$')
            && !path.starts_with(['$', '{'])
        {
            let expr = Expr::compile(path).map_err(|error| format!("`{text}`: {error}"))?;
            if !types::is_path(expr.ast()) {
                return Err(format!("`{text}` is no path; an expression is written `${{…}}`"));
            }
            return Ok(Text::Whole(expr));
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                plain.push('$');
                rest = after;
            } else if let Some(inner) = rest.strip_prefix('{') {
                let end =
                    inner.find('}').ok_or_else(|| format!("`{text}`: a `${{` without its `}}`"))?;
                if !plain.is_empty() {
                    parts.push(Part::Plain(std::mem::take(&mut plain)));
                }
                let expr = Expr::compile(&inner[..end]).map_err(|e| format!("`{text}`: {e}"))?;
                parts.push(Part::Expr(expr));
                rest = &inner[end + 1..];
            } else {
                return Err(format!(
                    "`{text}`: a dollar inside text is written `$$`, an expression `${{…}}`"
                ));
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        // `$$x` alone is plain text after all.
        Ok(match parts.as_slice() {
            [Part::Plain(only)] => Text::Plain(only.clone()),
            _ => Text::Mixed(parts),
        })
    }

    /// The expressions in it.
    pub fn expressions(&self) -> Vec<&Arc<Expr>> {
        match self {
            Text::Plain(_) => Vec::new(),
            Text::Whole(expr) => vec![expr],
            Text::Mixed(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Expr(expr) => Some(expr),
                    Part::Plain(_) => None,
                })
                .collect(),
        }
    }

    /// Its value in a scope.
    ///
    /// # Errors
    /// What could not be evaluated.
    pub fn value(&self, scope: &Scope) -> Result<Value, String> {
        match self {
            Text::Plain(text) => Ok(Value::from(text.as_str())),
            Text::Whole(expr) => expr.value(scope),
            Text::Mixed(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Plain(plain) => text.push_str(plain),
                        Part::Expr(expr) => text.push_str(&value::as_text(&expr.value(scope)?)),
                    }
                }
                Ok(Value::from(text))
            }
        }
    }
}
