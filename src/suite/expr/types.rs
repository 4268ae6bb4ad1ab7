//! Resolves every path of an expression against the protobuf descriptors, without evaluating it.

use std::collections::BTreeMap;

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr as Ast, LiteralValue},
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::{Expr, explain, functions};

/// What lint knows of a value.
#[derive(Clone, Debug)]
pub enum Type {
    /// Not known before the run (JSON of the target's).
    Dyn,
    /// true or false
    Bool,
    /// int64
    Int,
    /// uint64
    Uint,
    /// double
    Float,
    /// string
    Text,
    /// bytes
    Bytes,
    /// A protobuf message.
    Message(MessageDescriptor),
    /// A protobuf enum: the name of a known value.
    Enum(EnumDescriptor),
    /// A list of such.
    List(Box<Type>),
    /// A map with such values.
    Map(Box<Type>),
    /// A fixed set of named members.
    Struct(BTreeMap<String, Type>),
}

impl Type {
    /// A fixed set of named members.
    pub fn members<const N: usize>(members: [(&str, Type); N]) -> Type {
        Type::Struct(members.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect())
    }

    fn of_field(field: &FieldDescriptor) -> Type {
        if field.is_map()
            && let Kind::Message(entry) = field.kind()
        {
            return Type::Map(Box::new(Type::of_kind(&entry.map_entry_value_field().kind())));
        }
        let single = Type::of_kind(&field.kind());
        if field.is_list() { Type::List(Box::new(single)) } else { single }
    }

    fn of_kind(kind: &Kind) -> Type {
        match kind {
            Kind::Double | Kind::Float => Type::Float,
            Kind::Int32
            | Kind::Int64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Sfixed32
            | Kind::Sfixed64 => Type::Int,
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => Type::Uint,
            Kind::Bool => Type::Bool,
            Kind::String => Type::Text,
            Kind::Bytes => Type::Bytes,
            Kind::Message(message) => Type::Message(message.clone()),
            Kind::Enum(descriptor) => Type::Enum(descriptor.clone()),
        }
    }

    /// Whether values of the two types can be equal at all. Numbers of all kinds compare.
    fn may_equal(&self, other: &Type) -> bool {
        fn kind(ty: &Type) -> u8 {
            match ty {
                Type::Dyn => 0,
                Type::Bool => 1,
                Type::Int | Type::Uint | Type::Float => 2,
                Type::Text | Type::Enum(_) => 3,
                Type::Bytes => 4,
                Type::Message(_) | Type::Struct(_) | Type::Map(_) => 5,
                Type::List(_) => 6,
            }
        }
        let (one, two) = (kind(self), kind(other));
        // An enum value that the definition does not know is a number.
        let unknown = |a: &Type, b: u8| matches!(a, Type::Enum(_)) && b == 2;
        one == 0 || two == 0 || one == two || unknown(self, two) || unknown(other, one)
    }

    fn name(&self) -> String {
        match self {
            Type::Dyn => "anything".into(),
            Type::Bool => "a bool".into(),
            Type::Int => "an int".into(),
            Type::Uint => "a uint".into(),
            Type::Float => "a float".into(),
            Type::Text => "text".into(),
            Type::Bytes => "bytes".into(),
            Type::Message(message) => message.name().to_owned(),
            Type::Enum(descriptor) => descriptor.name().to_owned(),
            Type::List(of) => format!("a list of {}", of.name()),
            Type::Map(_) => "a map".into(),
            Type::Struct(_) => "a group of names".into(),
        }
    }
}

/// What resolving an expression found.
#[derive(Debug, Default)]
pub struct Resolved {
    /// Paths that lead nowhere, enum names that do not exist, unknown functions.
    pub mistakes: Vec<String>,
    /// Every field that the expression reads: their versions limit the check's.
    pub fields: Vec<FieldDescriptor>,
}

/// Resolves `expr` where `names` are in scope; its type and what was found.
pub fn resolve(expr: &Expr, names: &BTreeMap<String, Type>) -> (Type, Resolved) {
    let mut resolver = Resolver { names, bound: Vec::new(), found: Resolved::default() };
    let ty = resolver.resolve(expr.ast());
    (ty, resolver.found)
}

/// Whether it is a path alone: names, members, indices.
pub fn is_path(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Ast::Ident(_) => true,
        Ast::Select(select) => !select.test && is_path(&select.operand),
        // `list.map(item, item.id)` on a path: one value of each of its elements.
        Ast::Comprehension(each) => is_path(&each.iter_range),
        Ast::Call(call) if call.func_name == "_[_]" => {
            call.args.first().is_some_and(is_path)
                && matches!(call.args.get(1).map(|index| &index.expr), Some(Ast::Literal(_)))
        }
        _ => false,
    }
}

/// The names of a path without an index: `a.b.c`.
pub fn plain_path(expr: &IdedExpr) -> Option<Vec<String>> {
    match &expr.expr {
        Ast::Ident(name) => Some(vec![name.clone()]),
        Ast::Select(select) if !select.test => {
            let mut path = plain_path(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        _ => None,
    }
}

/// Methods and functions of CEL that our expressions may use, beside operators.
const STANDARD: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "bool",
    "type",
    "dyn",
];

struct Resolver<'a> {
    names: &'a BTreeMap<String, Type>,
    bound: Vec<(String, Type)>,
    found: Resolved,
}

impl Resolver<'_> {
    fn resolve(&mut self, expr: &IdedExpr) -> Type {
        match &expr.expr {
            Ast::Ident(name) => self.ident(name),
            Ast::Select(select) => {
                let operand = self.resolve(&select.operand);
                let ty = self.member(&operand, &select.field, expr);
                if select.test { Type::Bool } else { ty }
            }
            Ast::Call(call) => self.call(call, expr),
            Ast::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Bytes(_) => Type::Bytes,
                LiteralValue::Double(_) => Type::Float,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::UInt(_) => Type::Uint,
                LiteralValue::Null => Type::Dyn,
            },
            Ast::List(list) => {
                let types: Vec<Type> =
                    list.elements.iter().map(|element| self.resolve(element)).collect();
                Type::List(Box::new(types.into_iter().next().unwrap_or(Type::Dyn)))
            }
            Ast::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.resolve(&entry.key);
                        self.resolve(&entry.value);
                    }
                }
                Type::Map(Box::new(Type::Dyn))
            }
            Ast::Comprehension(inner) => {
                let range = self.resolve(&inner.iter_range);
                let element = match range {
                    Type::List(of) => *of,
                    Type::Map(_) => Type::Text,
                    Type::Dyn => Type::Dyn,
                    other => {
                        self.found.mistakes.push(format!(
                            "{} is no list or map, so that nothing in it can be asked for",
                            other.name()
                        ));
                        Type::Dyn
                    }
                };
                let accumulated = match &inner.accu_init.expr {
                    // map() collects something else, filter() the same.
                    Ast::List(_) => Type::List(Box::new(Type::Dyn)),
                    Ast::Literal(LiteralValue::Boolean(_)) => Type::Bool,
                    _ => Type::Dyn,
                };
                let filtered = matches!(&inner.loop_step.expr, Ast::Call(call)
                    if call.func_name == "_?_:_" && matches!(&call.args[1].expr, Ast::Call(add)
                        if matches!(&add.args.get(1).map(|a| &a.expr), Some(Ast::List(list))
                            if list.elements.len() == 1 && matches!(&list.elements[0].expr,
                                Ast::Ident(name) if *name == inner.iter_var))));
                self.bound.push((inner.iter_var.clone(), element.clone()));
                self.bound.push((inner.accu_var.clone(), Type::Dyn));
                self.resolve(&inner.loop_step);
                self.bound.pop();
                self.bound.pop();
                if filtered { Type::List(Box::new(element)) } else { accumulated }
            }
            Ast::Struct(_) => {
                self.found.mistakes.push("messages are not built in expressions".into());
                Type::Dyn
            }
            Ast::Unspecified => Type::Dyn,
        }
    }

    fn ident(&mut self, name: &str) -> Type {
        if let Some((_, ty)) = self.bound.iter().rev().find(|(bound, _)| bound == name) {
            return ty.clone();
        }
        if let Some(ty) = self.names.get(name) {
            return ty.clone();
        }
        if !name.starts_with('@') {
            let known: Vec<&str> = self.names.keys().map(String::as_str).collect();
            self.found
                .mistakes
                .push(format!("`{name}` is not known here; known: {}", known.join(", ")));
        }
        Type::Dyn
    }

    fn member(&mut self, of: &Type, field: &str, whole: &IdedExpr) -> Type {
        let path = || explain::unparse(whole).unwrap_or_else(|| field.to_owned());
        match of {
            Type::Dyn => Type::Dyn,
            Type::Map(of) => (**of).clone(),
            Type::Message(message) => match message.get_field_by_name(field) {
                Some(found) => {
                    let ty = Type::of_field(&found);
                    self.found.fields.push(found);
                    ty
                }
                None => {
                    self.found.mistakes.push(format!(
                        "`{}`: {} has no field `{field}`",
                        path(),
                        message.name()
                    ));
                    Type::Dyn
                }
            },
            Type::Struct(members) => members.get(field).cloned().unwrap_or_else(|| {
                let known: Vec<&str> = members.keys().map(String::as_str).collect();
                self.found.mistakes.push(format!(
                    "`{}`: there is no `{field}`; there is {}",
                    path(),
                    known.join(", ")
                ));
                Type::Dyn
            }),
            other => {
                self.found.mistakes.push(format!("`{}`: {} has no members", path(), other.name()));
                Type::Dyn
            }
        }
    }

    fn call(&mut self, call: &cel::common::ast::CallExpr, whole: &IdedExpr) -> Type {
        let mut types: Vec<Type> = Vec::new();
        if let Some(target) = &call.target {
            types.push(self.resolve(target));
        }
        for argument in &call.args {
            types.push(self.resolve(argument));
        }
        match call.func_name.as_str() {
            "_[_]" => match types.first() {
                Some(Type::List(of)) => (**of).clone(),
                Some(Type::Map(of)) => (**of).clone(),
                Some(Type::Dyn) | None => Type::Dyn,
                Some(of) => {
                    let of = of.clone();
                    let path = explain::unparse(whole).unwrap_or_default();
                    self.found.mistakes.push(format!("`{path}`: {} cannot be indexed", of.name()));
                    Type::Dyn
                }
            },
            "_==_" | "_!=_" | "@in" => {
                for (ty, other) in [(0, 1), (1, 0)] {
                    if let (Some(Type::Enum(descriptor)), Some(argument)) =
                        (types.get(ty).cloned(), call.args.get(other))
                    {
                        self.names_of_enum(&descriptor, argument);
                    }
                }
                if call.func_name != "@in"
                    && let [left, right] = types.as_slice()
                    && !left.may_equal(right)
                {
                    self.found.mistakes.push(format!(
                        "{} is never equal to {}: convert one of them",
                        left.name(),
                        right.name()
                    ));
                }
                Type::Bool
            }
            "_<_" | "_<=_" | "_>_" | "_>=_" | "_&&_" | "_||_" | "!_" | "matches" | "contains"
            | "startsWith" | "endsWith" | "is_json" | "is_ip" | "is_cidr" | "is_semver"
            | "is_object" | "is_list" | "is_text" | "is_whole" => Type::Bool,
            "_?_:_" => types.get(1).cloned().unwrap_or(Type::Dyn),
            "_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" => {
                types.into_iter().next().unwrap_or(Type::Dyn)
            }
            "size" | "int" => Type::Int,
            "uint" => Type::Uint,
            "string" => Type::Text,
            "json" => Type::Dyn,
            "before" => Type::Text,
            name => {
                let operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
                if !operator && !STANDARD.contains(&name) && !functions::NAMES.contains(&name) {
                    self.found.mistakes.push(format!("there is no function `{name}`"));
                }
                Type::Dyn
            }
        }
    }

    /// Every text that an enum is compared with must be one of its names.
    fn names_of_enum(&mut self, descriptor: &EnumDescriptor, argument: &IdedExpr) {
        match &argument.expr {
            Ast::Literal(LiteralValue::String(text))
                if descriptor.get_value_by_name(text.inner()).is_none() =>
            {
                self.found.mistakes.push(format!(
                    "{} has no value `{}`",
                    descriptor.name(),
                    text.inner()
                ));
            }
            Ast::List(list) => {
                for element in &list.elements {
                    self.names_of_enum(descriptor, element);
                }
            }
            _ => {}
        }
    }
}
