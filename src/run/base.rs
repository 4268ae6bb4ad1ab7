//! Base requests, with all of it made once that is the same for every call of a run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use prost_reflect::{DynamicMessage, MessageDescriptor};

use crate::suite::{
    expr::{Scope, Text},
    request,
    tree::{Member, Table, Tree},
};

/// A base request in two parts.
#[derive(Debug)]
pub struct Base {
    /// The fields that are the same for every call, as they stand in the suite.
    same: Table,
    /// The same, made.
    made: DynamicMessage,
    /// What each call makes anew (`$unique`).
    rest: Table,
}

impl Base {
    /// What is made already for a call. What is laid over a part may replace all of it, so that part is not
    /// made.
    pub fn made(&self, is_laid_over: impl Fn(&str) -> bool) -> DynamicMessage {
        let mut made = self.made.clone();
        for (name, _) in self.same.iter().filter(|(name, _)| is_laid_over(name.as_ref())) {
            made.clear_field_by_name(name.as_ref());
        }
        made
    }

    /// What is not.
    pub fn rest(&self, is_laid_over: impl Fn(&str) -> bool) -> impl Iterator<Item = &Member> {
        let laid_over = self.same.iter().filter(move |(name, _)| is_laid_over(name.as_ref()));
        self.rest.iter().chain(laid_over)
    }
}

/// Those that were asked for, by their rpc; none where something in one cannot be evaluated: whoever
/// replaces or leaves out that part need not know it.
#[derive(Debug, Default)]
pub struct Bases(Mutex<HashMap<String, Option<Arc<Base>>>>);

impl Bases {
    /// That of an rpc. `same` holds the names whose values do not change during the run.
    pub fn of(
        &self,
        rpc: &str,
        message: &MessageDescriptor,
        tree: &Tree,
        same: &Scope,
    ) -> Option<Arc<Base>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(rpc) {
            return known.clone();
        }
        let base = part(message, tree, same).map(Arc::new);
        known.insert(rpc.to_owned(), base.clone());
        base
    }
}

fn part(message: &MessageDescriptor, tree: &Tree, scope: &Scope) -> Option<Base> {
    let Tree::Table(members) = tree else { return None };
    let (same, rest): (Table, Table) = members.iter().cloned().partition(|(_, value)| {
        request::texts(value).iter().all(|text| is_known(text.as_ref(), scope))
    });
    let mut made = DynamicMessage::new(message.clone());
    request::merge(&mut made, &Tree::Table(same.clone()), scope).ok()?;
    Some(Base { same, made, rest })
}

fn is_known(text: &str, scope: &Scope) -> bool {
    let known = |text: Text| {
        let names = |name: &String| scope.contains_key(name);
        text.expressions().iter().all(|expr| expr.variables().iter().all(names))
    };
    Text::parse(text).is_ok_and(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::{
        expr::{Value, value},
        rpc,
    };

    const BASE: &str = r#"
        name = "$unique"
        parameters = "$driver.parameters"
        capacity_range = { required_bytes = 5, limit_bytes = "$driver.limit" }
    "#;

    fn tree(text: &str) -> Tree {
        toml::from_str(text).unwrap()
    }

    /// What a call's request is, with these laid over the base: by the parts, and as it stands in the suite.
    fn both(base: &str, over: &str) -> (DynamicMessage, DynamicMessage) {
        let message = rpc::find("csi.v1", "Controller/CreateVolume").unwrap().input();
        let driver = value::map([
            ("parameters", value::map([("a", Value::from("1"))])),
            ("limit", Value::Int(9)),
        ]);
        let same = Scope::from([("driver".to_owned(), driver)]);
        let mut all = same.clone();
        all.insert("unique".to_owned(), Value::from("n"));
        let (base, over) = (tree(base), tree(over));
        let parts = Bases::default().of("", &message, &base, &same).unwrap();
        let is_laid_over = |name: &str| over.has(name);
        let mut made = parts.made(is_laid_over);
        let rest: Vec<&Member> = parts.rest(is_laid_over).collect();
        request::merge_laid(&mut made, &rest, &[&over], &[], &all).unwrap();
        let mut whole = DynamicMessage::new(message.clone());
        let laid = request::overlay(&message, &base, Some(&over), &[]);
        request::merge(&mut whole, &laid, &all).unwrap();
        (made, whole)
    }

    #[test]
    fn a_request_of_two_parts_is_the_one_of_the_suite() {
        let overs = [
            "",
            "name = 'other'",
            "parameters = { b = '2' }",
            "capacity_range = { required_bytes = 7 }",
            "capacity_range = { limit_bytes = 0 }",
            "secrets = { token = 'x' }",
        ];
        for over in overs {
            let (made, whole) = both(BASE, over);
            assert_eq!(made, whole, "{over}");
        }
    }

    #[test]
    fn a_text_that_stands_for_a_message_is_replaced_as_a_whole() {
        let base = "capacity_range = '$driver.range'\nname = '$unique'";
        let message = rpc::find("csi.v1", "Controller/CreateVolume").unwrap().input();
        let range = value::map([("required_bytes", Value::Int(5)), ("limit_bytes", Value::Int(9))]);
        let driver = value::map([("range", range)]);
        let same = Scope::from([("driver".to_owned(), driver)]);
        let over = tree("capacity_range = { required_bytes = 7 }");
        let parts = Bases::default().of("", &message, &tree(base), &same).unwrap();
        let is_laid_over = |name: &str| over.has(name);
        assert!(!parts.made(is_laid_over).has_field_by_name("capacity_range"));
        assert_eq!(parts.rest(is_laid_over).count(), 2);
    }

    #[test]
    fn what_cannot_be_made_beforehand_is_left_to_the_call() {
        let message = rpc::find("csi.v1", "Controller/CreateVolume").unwrap().input();
        let same = Scope::from([("driver".to_owned(), value::map([]))]);
        let base = tree("parameters = '$driver.parameters'");
        assert!(Bases::default().of("", &message, &base, &same).is_none());
    }
}
