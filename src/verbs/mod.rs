//! Verbs: how to do or see what no single rpc does. One file per topic; `all` is the registry.

mod canary;
mod cgroup;
pub mod cni;
pub mod cni_runtime;
pub mod cri;
pub mod csi;
mod host;
mod image;
mod net;
pub mod pod_network;
pub mod registry;
mod skip;
mod target;
mod text;
mod users_image;

use std::{future::Future, pin::Pin};

use crate::{
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, value},
        signature::Signature,
    },
};

/// What a verb gives back, later.
pub type Done<'a> = Pin<Box<dyn Future<Output = Result<Value, Halt>> + Send + 'a>>;

/// A verb: its form and what it does.
pub struct Verb {
    /// What suite files may say to it.
    pub signature: Signature,
    /// Does it.
    pub run: for<'a> fn(&'a mut Lane, Params) -> Done<'a>,
}

/// The evaluated `with` of a verb step.
#[derive(Clone, Debug)]
pub struct Params(pub Value);

impl Params {
    /// A parameter as it is.
    pub fn get(&self, name: &str) -> Option<&Value> {
        value::member(&self.0, name)
    }

    /// A text parameter.
    ///
    /// # Errors
    /// If it is missing or no text.
    pub fn text(&self, name: &str) -> Result<&str, Halt> {
        match self.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            Some(other) => Err(wrong(name, "a text", other)),
            None => Err(Halt::Error(format!("the parameter `{name}` is missing"))),
        }
    }

    /// A number parameter.
    ///
    /// # Errors
    /// If it is missing or no whole number.
    pub fn number(&self, name: &str) -> Result<i64, Halt> {
        match self.get(name) {
            Some(Value::Int(number)) => Ok(*number),
            Some(Value::UInt(number)) => {
                i64::try_from(*number).map_err(|_| Halt::Error(format!("`{name}` is too large")))
            }
            Some(other) => Err(wrong(name, "a whole number", other)),
            None => Err(Halt::Error(format!("the parameter `{name}` is missing"))),
        }
    }

    /// Whether it is true; false if it is missing.
    ///
    /// # Errors
    /// If it is neither true nor false.
    pub fn flag(&self, name: &str) -> Result<bool, Halt> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// A list of texts; empty if it is missing.
    ///
    /// # Errors
    /// If it is something else.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Halt> {
        let Some(given) = self.get(name) else { return Ok(Vec::new()) };
        let Value::List(items) = given else { return Err(wrong(name, "a list of texts", given)) };
        items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.as_str().to_owned()),
                other => Err(wrong(name, "a list of texts", other)),
            })
            .collect()
    }
}

fn wrong(name: &str, what: &str, given: &Value) -> Halt {
    Halt::Error(format!("the parameter `{name}` is {what}, not {}", value::brief(given)))
}
