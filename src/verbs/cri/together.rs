//! `cri.together`: the same request several times at once.

use futures_util::future::join_all;

use crate::{
    drive::grpc::{Answer, Outcome},
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// Sends one request `count` times side by side, and tells how each was answered.
pub const TOGETHER: Verb = Verb {
    signature: Signature {
        name: "cri.together",
        title: "sends the same request several times at once",
        params: &[
            Param { name: "rpc", required: true, title: "Service/Rpc" },
            Param { name: "with", required: false, title: "merged into its base request" },
            Param { name: "count", required: true, title: "how often" },
        ],
        reply: || {
            Type::members([
                ("codes", Type::List(Box::new(Type::Text))),
                ("messages", Type::List(Box::new(Type::Text))),
                // Those of the calls that were OK.
                ("replies", Type::List(Box::new(Type::Dyn))),
            ])
        },
        looks: false,
    },
    run: |lane, params| -> Done<'_> { Box::pin(together(lane, params)) },
};

async fn together(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let name = params.text("rpc")?;
    let (method, message) = lane.request(name, params.get("with"))?;
    let patience = lane.run.options.step_timeout;
    // Each has a lane of its own, which undoes what it made.
    let mut lanes: Vec<Lane> =
        (0..params.number("count")?).map(|_| Lane::new(&lane.run, &lane.owner)).collect();
    let calls = lanes.iter_mut().map(|own| own.call(&method, &message, patience));
    let answers = join_all(calls).await;
    for own in lanes {
        lane.absorb(own);
    }
    for answer in &answers {
        match &answer.outcome {
            // A reply that cannot be decoded has a code and a message that say so.
            Outcome::Answered | Outcome::Broken(_) => {}
            Outcome::Died(how) => return Err(Halt::Died(format!("during {name}: {how}"))),
            Outcome::Cut | Outcome::Unreachable(_) => {
                return Err(Halt::Error(format!("{name}: {}", answer.message)));
            }
        }
    }
    let texts = |of: fn(&Answer) -> &str| {
        Value::from(answers.iter().map(|answer| of(answer)).collect::<Vec<_>>())
    };
    let replies: Vec<Value> = answers
        .iter()
        .filter(|answer| answer.code == tonic::Code::Ok)
        .filter_map(|answer| answer.reply_value().cloned())
        .collect();
    Ok(value::map([
        ("codes", texts(|answer| rpc::code_name(answer.code))),
        ("messages", texts(|answer| &answer.message)),
        ("replies", Value::from(replies)),
    ]))
}
