//! Builds requests: the base request of an rpc, what a step or a verb lays over it, and what it leaves out.

use prost_reflect::{DynamicMessage, MethodDescriptor};
use toml::Spanned;

use super::{
    halt::Halt,
    lane::{Lane, rpc_name},
};
use crate::suite::{
    expr::{Value, value},
    format::StepDef,
    request, rpc,
    tree::{Member, Tree},
};

impl Lane {
    /// The request of a call step: base, then `with`, then the situation's override.
    ///
    /// # Errors
    /// What in it cannot be evaluated or does not fit.
    pub fn build(
        &self,
        method: &MethodDescriptor,
        step: &StepDef,
        over: Option<&Tree>,
    ) -> Result<DynamicMessage, Halt> {
        let mut omitted = Vec::new();
        for word in step.omit.iter().flat_map(|words| &words.0) {
            omitted.extend(self.words(word.as_ref())?);
        }
        let omitted: Vec<&str> = omitted.iter().map(String::as_str).collect();
        let with = step.with.as_ref().map(Spanned::as_ref);
        // A `$case.with` stands for a whole table; it is evaluated on its own below.
        let (layers, wholes): (Vec<&Tree>, Vec<&Tree>) =
            [with, over].into_iter().flatten().partition(|tree| matches!(tree, Tree::Table(_)));
        let fits = |error: String| unfit(method, &error);
        let mut message = self.laid(method, &layers, &[], &omitted)?;
        for layer in wholes {
            request::merge(&mut message, layer, &self.scope).map_err(fits)?;
        }
        for path in omitted {
            request::omit(&mut message, path).map_err(fits)?;
        }
        Ok(message)
    }

    /// The request of an rpc for a verb: its base request with a value merged into it, as a step's
    /// `with` would be.
    ///
    /// # Errors
    /// If there is no such rpc or the value does not fit.
    pub fn request(
        &self,
        rpc_name: &str,
        with: Option<&Value>,
    ) -> Result<(MethodDescriptor, DynamicMessage), Halt> {
        self.verb_request(rpc_name, with, None)
    }

    /// The same without a field, which need not be known then.
    ///
    /// # Errors
    /// Likewise, and if there is no such field.
    pub fn request_without(
        &self,
        rpc_name: &str,
        with: Option<&Value>,
        path: &str,
    ) -> Result<(MethodDescriptor, DynamicMessage), Halt> {
        self.verb_request(rpc_name, with, Some(path))
    }

    fn verb_request(
        &self,
        rpc: &str,
        with: Option<&Value>,
        omit: Option<&str>,
    ) -> Result<(MethodDescriptor, DynamicMessage), Halt> {
        let suite = &self.run.plan.suite;
        let method = rpc::find(&suite.package, rpc).map_err(Halt::Error)?;
        let fits = |error: String| unfit(&method, &error);
        let given = with.map(value::members).transpose().map_err(fits)?.unwrap_or_default();
        let base = suite.requests.get(rpc).map(|base| base.def.1.as_ref());
        // Two tables may be parts of one message. Everything else is replaced as it is.
        let (laid, put): (Vec<_>, Vec<_>) = given.into_iter().partition(|(name, _)| {
            let beneath = base.and_then(|base| base.get(name));
            beneath.is_some_and(|tree| matches!(tree.as_ref(), Tree::Table(_)))
        });
        let nowhere = 0..0;
        let member = |(name, value): (String, &Value)| {
            (
                Spanned::new(nowhere.clone(), name),
                Spanned::new(nowhere.clone(), Tree::quoted(value)),
            )
        };
        let layer = Tree::Table(laid.into_iter().map(member).collect());
        let replaced: Vec<&str> = put.iter().map(|(name, _)| name.as_str()).collect();
        let mut message = self.laid(&method, &[&layer], &replaced, omit.as_slice())?;
        for (name, value) in &put {
            request::put(&mut message, name, value).map_err(fits)?;
        }
        if let Some(path) = omit {
            request::omit(&mut message, path).map_err(fits)?;
        }
        Ok((method, message))
    }

    /// The base request with layers over it, all of them tables; without the fields that are replaced, and
    /// as far as what is omitted need not be known.
    fn laid(
        &self,
        method: &MethodDescriptor,
        layers: &[&Tree],
        replaced: &[&str],
        omitted: &[&str],
    ) -> Result<DynamicMessage, Halt> {
        let name = rpc_name(method);
        let is_laid_over =
            |field: &str| replaced.contains(&field) || layers.iter().any(|layer| layer.has(field));
        let made = self.run.base(&name, &method.input());
        let (mut message, mut rest): (DynamicMessage, Vec<&Member>) = match &made {
            Some(base) => (base.made(is_laid_over), base.rest(is_laid_over).collect()),
            None => {
                let base = self.run.plan.suite.requests.get(&name);
                let members = base.map(|base| base.def.1.as_ref().members()).unwrap_or_default();
                (DynamicMessage::new(method.input()), members.iter().collect())
            }
        };
        rest.retain(|(field, _)| !replaced.contains(&field.as_ref().as_str()));
        request::merge_laid(&mut message, &rest, layers, omitted, &self.scope)
            .map_err(|error| unfit(method, &error))?;
        Ok(message)
    }
}

fn unfit(method: &MethodDescriptor, error: &str) -> Halt {
    Halt::Error(format!("cannot build the request of {}: {error}", rpc_name(method)))
}
