//! `cri.codes`: several requests, and the code of each answer.

use crate::{
    drive::grpc::Outcome,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Sends requests one after the other, whatever they are answered.
pub const CODES: Verb = Verb {
    signature: Signature {
        name: "cri.codes",
        title: "sends requests one after the other, and tells the codes of the answers",
        params: &[Param {
            name: "calls",
            required: true,
            title: "a list of { rpc, with }: with is merged into the base request",
        }],
        reply: || {
            let text = |name: &str| (name.to_owned(), Type::Text);
            let answer = Type::Struct(["rpc", "code", "message"].map(text).into());
            Type::members([("answers", Type::List(Box::new(answer)))])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(codes(lane, params)) },
};

async fn codes(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let Some(Value::List(calls)) = params.get("calls") else {
        return Err(Halt::Error("`calls` is a list".to_owned()));
    };
    let mut answers = Vec::new();
    for call in calls.iter() {
        let call = Params(call.clone());
        let name = call.text("rpc")?;
        lane.rename();
        let (method, message) = lane.request(name, call.get("with"))?;
        let answer = lane.call(&method, &message, lane.run.options.step_timeout).await;
        match &answer.outcome {
            Outcome::Answered => {}
            Outcome::Died(how) => return Err(Halt::Died(format!("during {name}: {how}"))),
            Outcome::Cut | Outcome::Broken(_) | Outcome::Unreachable(_) => {
                return Err(Halt::Error(format!("{name}: {}", answer.message)));
            }
        }
        answers.push(value::map([
            ("rpc", Value::from(name)),
            ("code", Value::from(rpc::code_name(answer.code))),
            ("message", Value::from(answer.message.as_str())),
        ]));
    }
    Ok(value::map([("answers", Value::from(answers))]))
}
