//! `cri.survives`: malformed requests one after the other, and whether the target still answers.

use prost_reflect::{DynamicMessage, MethodDescriptor};

use crate::{
    drive::grpc::{Answer, Outcome},
    run::{
        halt::{Broken, Halt},
        lane::Lane,
    },
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Sends an rpc with one thing wrong at a time, and asks the suite's first read-only rpc after each.
pub const SURVIVES: Verb = Verb {
    signature: Signature {
        name: "cri.survives",
        title: "sends malformed requests, and after each looks whether the target still answers",
        params: &[
            Param { name: "rpc", required: true, title: "Service/Rpc" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "field", required: false, title: "the field that takes the values: a.b" },
            Param { name: "values", required: false, title: "each in a request of its own" },
            Param { name: "omit", required: false, title: "fields, each left out alone" },
            Param { name: "bytes", required: false, title: "in place of a message, each alone" },
        ],
        reply: || Type::members([("codes", Type::List(Box::new(Type::Text)))]),
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(survives(lane, params)) },
};

async fn survives(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("rpc")?;
    let mut codes = Vec::new();
    let values = list(&params, "values")?;
    for value in &values {
        let with = put(params.get("with"), params.text("field")?, value);
        lane.rename();
        let (method, message) = lane.request(name, Some(&with))?;
        codes.push(once(lane, name, &method, &message).await?);
    }
    for path in params.texts("omit")? {
        lane.rename();
        let (method, message) = lane.request_without(name, params.get("with"), &path)?;
        codes.push(once(lane, name, &method, &message).await?);
    }
    for bytes in list(&params, "bytes")? {
        let Value::Bytes(bytes) = &bytes else {
            return Err(Halt::Error("`bytes` is a list of bytes".to_owned()));
        };
        let answer = lane.send(name, bytes, lane.run.options.step_timeout).await;
        codes.push(lived(lane, name, &answer).await?);
    }
    Ok(value::map([("codes", Value::from(codes))]))
}

async fn once(
    lane: &mut Lane,
    name: &str,
    method: &MethodDescriptor,
    message: &DynamicMessage,
) -> Result<&'static str, Halt> {
    let answer = lane.call(method, message, lane.run.options.step_timeout).await;
    lived(lane, name, &answer).await
}

/// The code of an answer, if the target answers on.
async fn lived(lane: &mut Lane, name: &str, answer: &Answer) -> Result<&'static str, Halt> {
    let culprit = lane.exchanges.len().checked_sub(1);
    match &answer.outcome {
        Outcome::Died(how) => return Err(Halt::Died(format!("during {name}: {how}"))),
        Outcome::Unreachable(why) => return Err(Halt::Error(why.clone())),
        // Whether it ought to have answered at all is not the question.
        Outcome::Answered | Outcome::Cut | Outcome::Broken(_) => {}
    }
    let Some(greeting) = lane.run.plan.suite.read_only.first().map(|rpc| rpc.as_ref().clone())
    else {
        return Err(Halt::Error("the suite names no rpc that only looks".to_owned()));
    };
    let (method, message) = lane.request(&greeting, None)?;
    let greeted = lane.call(&method, &message, lane.run.options.step_timeout).await;
    match &greeted.outcome {
        Outcome::Answered if greeted.code == tonic::Code::Ok => {}
        Outcome::Died(how) => return Err(Halt::Died(format!("after {name}: {how}"))),
        Outcome::Unreachable(why) => return Err(Halt::Died(format!("after {name}: {why}"))),
        _ => {
            let actual = format!("{}: {}", rpc::code_name(greeted.code), greeted.message);
            return Err(Halt::Broken(Broken {
                of: None,
                expected: format!("{greeting} answers OK after this {name}"),
                actual: lane.run.redactor.text(&actual),
                exchange: culprit,
            }));
        }
    }
    // The evidence is the malformed requests; that it lived is told by there being more.
    lane.exchanges.pop();
    Ok(rpc::code_name(answer.code))
}

fn list(params: &Params, name: &str) -> Result<Vec<Value>, Halt> {
    match params.get(name) {
        None => Ok(Vec::new()),
        Some(Value::List(items)) => Ok(items.to_vec()),
        Some(_) => Err(Halt::Error(format!("`{name}` is a list"))),
    }
}

/// A value with another one at a path.
fn put(whole: Option<&Value>, path: &str, part: &Value) -> Value {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let inner = whole.and_then(|whole| value::member(whole, name));
    let part = if rest.is_empty() { part.clone() } else { put(inner, rest, part) };
    let others = match whole {
        Some(Value::Map(members)) => members
            .map
            .iter()
            .map(|(key, value)| (key.to_string(), value.clone()))
            .filter(|(key, _)| key != name)
            .collect(),
        _ => Vec::new(),
    };
    let others = others.iter().map(|(key, value)| (key.as_str(), value.clone()));
    value::map(others.chain([(name, part)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_beside_what_is_there() {
        let config = value::map([("b", Value::Int(1)), ("c", Value::Int(2))]);
        let whole = value::map([("a", config), ("d", Value::Int(3))]);
        let put = put(Some(&whole), "a.c", &Value::from("x"));
        let expected = serde_json::json!({ "a": { "b": 1, "c": "x" }, "d": 3 });
        assert_eq!(value::to_json(&put), expected);
    }
}
