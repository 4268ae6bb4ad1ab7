//! `csi.metadata*`: the streams that tell which bytes of a snapshot hold data.

mod spans;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prost_reflect::{DynamicMessage, Kind, ReflectMessage as _, Value as Proto};
use tonic::Code;

use self::spans::{Span, covers, from, merged};
use super::{
    answers,
    values::{int, nothing, with},
};
use crate::{
    drive::grpc::Answer,
    run::{halt::Halt, lane::Lane},
    suite::{
        expr::{Value, types::Type, value},
        rpc,
        signature::{Param, Signature},
    },
    verbs::{Done, Params, Verb},
};

/// How many ranges a step gets to see one by one.
const MOST_SHOWN: usize = 1000;

const CALL: Param = Param { name: "call", required: true, title: "an rpc of SnapshotMetadata" };
const WITH: Param = Param { name: "with", required: false, title: "merged into its base request" };

/// Reads a stream to its end.
pub const METADATA: Verb = Verb {
    signature: Signature {
        name: "csi.metadata",
        title: "reads a stream of block metadata to its end; blocks and spans: the first 1000",
        params: &[CALL, WITH],
        reply: || {
            let spans = || {
                let span = Type::members([("offset", Type::Int), ("size", Type::Int)]);
                Type::List(Box::new(span))
            };
            Type::members([
                ("code", Type::Text),
                ("message", Type::Text),
                ("blocks", spans()),
                ("spans", spans()),
                ("covered_bytes", Type::Int),
                ("capacity", Type::Int),
                ("type", Type::Text),
                ("messages", Type::Int),
                ("largest", Type::Int),
                ("ordered", Type::Bool),
                ("overlap", Type::Bool),
                ("positive", Type::Bool),
                ("fixed", Type::Bool),
                ("same_type", Type::Bool),
                ("same_capacity", Type::Bool),
            ])
        },
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(metadata(lane, params)) },
};

/// Leaves a stream and goes on where it was left.
pub const RESUME: Verb = Verb {
    signature: Signature {
        name: "csi.metadata_resume",
        title: "leaves a stream after some tuples, goes on after them, and compares with the whole",
        params: &[CALL, WITH, Param { name: "after", required: true, title: "how many tuples" }],
        reply: || Type::members([("same", Type::Bool), ("code", Type::Text)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(resume(lane, params)) },
};

/// Whether a range is told of.
pub const COVERS: Verb = Verb {
    signature: Signature {
        name: "csi.metadata_covers",
        title: "whether a stream of block metadata tells of a range of bytes",
        params: &[
            CALL,
            WITH,
            Param { name: "offset", required: true, title: "bytes" },
            Param { name: "size", required: true, title: "bytes" },
        ],
        reply: || Type::members([("covers", Type::Bool)]),
        looks: true,
    },
    run: |lane, params| -> Done<'_> { Box::pin(tells_of(lane, params)) },
};

/// What a stream told.
#[derive(Debug, Default)]
struct Told {
    spans: Vec<Span>,
    types: Vec<String>,
    capacities: Vec<i64>,
    largest: usize,
}

impl Told {
    fn of(answer: &Answer) -> Told {
        let mut told = Told::default();
        for reply in &answer.replies {
            let tuples = spans_of(reply);
            told.largest = told.largest.max(tuples.len());
            told.spans.extend(tuples);
            told.types.push(kind_of(reply));
            told.capacities.push(number(reply, "volume_capacity_bytes"));
        }
        told
    }

    fn capacity(&self) -> i64 {
        self.capacities.first().copied().unwrap_or(0)
    }

    /// All of one size; the volume may end within the last.
    fn is_fixed(&self) -> bool {
        let Some(first) = self.spans.first() else { return true };
        self.spans.iter().enumerate().all(|(index, span)| {
            let is_rest = index > 0
                && index + 1 == self.spans.len()
                && span.end() == self.capacity()
                && span.size < first.size;
            span.size == first.size || is_rest
        })
    }
}

/// The tuples of one message. There may be a million of them: none becomes a value of expressions.
fn spans_of(reply: &DynamicMessage) -> Vec<Span> {
    let Some(tuples) = reply.get_field_by_name("block_metadata") else { return Vec::new() };
    let span = |tuple: &Proto| {
        let tuple = tuple.as_message()?;
        Some(Span { offset: number(tuple, "byte_offset"), size: number(tuple, "size_bytes") })
    };
    tuples.as_list().map(|tuples| tuples.iter().filter_map(span).collect()).unwrap_or_default()
}

fn number(message: &DynamicMessage, field: &str) -> i64 {
    message.get_field_by_name(field).and_then(|found| found.as_i64()).unwrap_or(0)
}

/// The name of the type, or its number where it has none.
fn kind_of(reply: &DynamicMessage) -> String {
    let field = reply.descriptor().get_field_by_name("block_metadata_type");
    let Some(field) = field else { return String::new() };
    let number = reply.get_field(&field).as_enum_number().unwrap_or(0);
    match field.kind() {
        Kind::Enum(kind) => kind
            .get_value(number)
            .map_or_else(|| number.to_string(), |known| known.name().to_owned()),
        _ => number.to_string(),
    }
}

async fn stream(lane: &mut Lane, rpc: &str, with: Option<&Value>) -> Result<Arc<Answer>, Halt> {
    answers::call(lane, rpc, with).await
}

async fn metadata(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let rpc = params.text("call")?;
    let answer = stream(lane, rpc, params.get("with")).await?;
    let told = Told::of(&answer);
    let whole = merged(&told.spans);
    let pairs = || told.spans.windows(2).map(|pair| (pair[0], pair[1]));
    let covered = whole.iter().fold(0_i64, |sum, span| sum.saturating_add(span.size));
    let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    // A tuple may begin within an earlier one that is not the one before it.
    let sizes = told.spans.iter().fold(0_i64, |sum, span| sum.saturating_add(span.size.max(0)));
    Ok(value::map([
        ("code", Value::from(rpc::code_name(answer.code))),
        ("message", Value::from(answer.message.as_str())),
        ("blocks", values(&told.spans)),
        ("spans", values(&whole)),
        ("covered_bytes", Value::Int(covered)),
        ("capacity", Value::Int(told.capacity())),
        ("type", Value::from(told.types.first().cloned().unwrap_or_default())),
        ("messages", count(answer.replies.len())),
        ("largest", count(told.largest)),
        ("ordered", Value::Bool(pairs().all(|(one, next)| one.offset < next.offset))),
        ("overlap", Value::Bool(sizes != covered)),
        ("positive", Value::Bool(told.spans.iter().all(|span| span.size > 0))),
        ("fixed", Value::Bool(told.is_fixed())),
        ("same_type", Value::Bool(told.types.windows(2).all(|pair| pair[0] == pair[1]))),
        ("same_capacity", Value::Bool(told.capacities.windows(2).all(|pair| pair[0] == pair[1]))),
    ]))
}

async fn resume(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let rpc = params.text("call")?;
    let after = usize::try_from(params.number("after")?).unwrap_or(0);
    let given = params.get("with").cloned().unwrap_or_else(nothing);
    let whole = stream(lane, rpc, Some(&given)).await?;
    if whole.code != Code::Ok {
        return Ok(resumed(false, whole.code));
    }
    let whole = Told::of(&whole).spans;
    let (method, message) = lane.request(rpc, Some(&given))?;
    let seen = AtomicUsize::new(0);
    let enough = |reply: &DynamicMessage| {
        let tuples = spans_of(reply).len();
        seen.fetch_add(tuples, Ordering::Relaxed) + tuples >= after
    };
    let patience = lane.run.options.step_timeout;
    let part = lane.call_until(&method, &message, patience, &enough).await;
    if answers::code(rpc, &part)? != Code::Ok {
        return Ok(resumed(false, part.code));
    }
    let mut part = Told::of(&part).spans;
    part.truncate(after);
    // Where nothing was told, it goes on where it began.
    let offset = part.last().map_or(int(&given, "starting_offset"), |last| last.end());
    let rest = with(&given, "starting_offset", Value::Int(offset));
    let rest = stream(lane, rpc, Some(&rest)).await?;
    let code = rest.code;
    // A tuple that lies around the offset may be told of as a whole.
    let told = from(&Told::of(&rest).spans, offset);
    let union = merged(&[part, told].concat());
    Ok(resumed(code == Code::Ok && union == merged(&whole), code))
}

async fn tells_of(lane: &mut Lane, params: Params) -> Result<Value, Halt> {
    let rpc = params.text("call")?;
    let answer = stream(lane, rpc, params.get("with")).await?;
    answers::ok(rpc, &answer)?;
    let wanted = Span { offset: params.number("offset")?, size: params.number("size")? };
    Ok(value::map([("covers", Value::Bool(covers(&Told::of(&answer).spans, wanted)))]))
}

fn resumed(same: bool, code: Code) -> Value {
    value::map([("same", Value::Bool(same)), ("code", Value::from(rpc::code_name(code)))])
}

fn values(spans: &[Span]) -> Value {
    let span = |span: &Span| {
        value::map([("offset", Value::Int(span.offset)), ("size", Value::Int(span.size))])
    };
    Value::from(spans.iter().take(MOST_SHOWN).map(span).collect::<Vec<_>>())
}
