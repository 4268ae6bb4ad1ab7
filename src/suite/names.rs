//! The names that expressions and `$` parts see, with their types, for lint.

use std::collections::BTreeMap;

use prost_reflect::MethodDescriptor;

use super::expr::types::Type;

/// Names in scope with their types.
pub type Names = BTreeMap<String, Type>;

/// What every step sees.
pub fn everywhere() -> Names {
    let run = Type::members([
        ("id", Type::Text),
        ("namespace", Type::Text),
        ("dir", Type::Text),
        ("started_at", Type::Int),
    ]);
    // `unique` is another text in every step, and the same everywhere in one.
    BTreeMap::from([
        ("run".to_owned(), run),
        ("unique".to_owned(), Type::Text),
        ("user".to_owned(), Type::Map(Box::new(Type::Text))),
    ])
}

/// What the expectations of a call see beside the names everywhere; also what `as` binds.
pub fn of_call(method: &MethodDescriptor) -> Names {
    let mut names = of_any();
    names.insert("request".into(), Type::Message(method.input()));
    names.insert("reply".into(), Type::Message(method.output()));
    names.insert("code".into(), Type::Text);
    names.insert("message".into(), Type::Text);
    if method.is_server_streaming() {
        let replies = Type::List(Box::new(Type::Message(method.output())));
        names.insert("replies".into(), replies);
    }
    names
}

/// The same for a call of which only that much is known.
pub fn of_any_call() -> Names {
    let mut names = of_any();
    for name in ["request", "reply", "replies"] {
        names.insert(name.into(), Type::Dyn);
    }
    names.insert("code".into(), Type::Text);
    names.insert("message".into(), Type::Text);
    names
}

/// The same for a verb.
pub fn of_verb(reply: Type) -> Names {
    let mut names = of_any();
    names.insert("request".into(), Type::Dyn);
    names.insert("reply".into(), reply);
    names
}

/// What every step sees beside the names everywhere where the target is a plugin.
pub fn of_plugin() -> Names {
    let about = Type::members([
        ("name", Type::Text),
        ("path", Type::Text),
        ("dir", Type::Text),
        ("search", Type::Text),
        ("claimed", Type::List(Box::new(Type::Text))),
        ("config", Type::Dyn),
    ]);
    BTreeMap::from([
        ("version".to_owned(), Type::Text),
        ("plugin".to_owned(), about),
        ("nothing".to_owned(), Type::Dyn),
    ])
}

/// What every step sees beside the names everywhere where the target is a storage driver: what the
/// user told of it, and what was found out before the first check. See docs/csi-driver.md.
pub fn of_driver() -> Names {
    let message = |name: &str| {
        let found = crate::proto::pool().get_message_by_name(&format!("csi.v1.{name}"));
        found.map_or(Type::Dyn, Type::Message)
    };
    let texts = || Type::Map(Box::new(Type::Text));
    let mut members: BTreeMap<String, Type> = [
        ("access", Type::Text),
        ("capability", message("VolumeCapability")),
        ("mount", message("VolumeCapability")),
        ("block", message("VolumeCapability")),
        ("unsupported_capability", message("VolumeCapability")),
        ("accessibility", message("TopologyRequirement")),
        ("capacity", message("CapacityRange")),
        ("size", Type::Int),
        ("larger", Type::Int),
        ("max_size", Type::Int),
        ("node_id", Type::Text),
        ("second_node", Type::Text),
        ("topology", Type::List(Box::new(texts()))),
        ("full_topology", texts()),
        ("marker", Type::Text),
        ("two_endpoints", Type::Bool),
        ("name", Type::Text),
    ]
    .map(|(name, ty)| (name.to_owned(), ty))
    .into();
    members.extend(DRIVER_MAPS.map(|name| (name.to_owned(), texts())));
    BTreeMap::from([("driver".to_owned(), Type::Struct(members))])
}

/// Members of `driver` that are maps of texts, empty where the user told nothing.
pub const DRIVER_MAPS: [&str; 15] = [
    "parameters",
    "other_parameters",
    "bad_parameters",
    "mutable_parameters",
    "bad_mutable_parameters",
    "snapshot_parameters",
    "bad_snapshot_parameters",
    "group_parameters",
    "other_group_parameters",
    "bad_group_parameters",
    "secrets",
    "marked_secrets",
    "wrong_secrets",
    "denied_secrets",
    "unknown_topology",
];

/// What the expressions of an invariant see beside those of a call's expectations; see
/// [`crate::run::wire_faults`].
pub fn of_invariant() -> Names {
    let texts = || Type::List(Box::new(Type::Text));
    [
        ("code_number", Type::Int),
        ("details", Type::Bool),
        ("unset", texts()),
        ("oversized", texts()),
        ("undefined_enums", texts()),
    ]
    .map(|(name, ty)| (name.to_owned(), ty))
    .into()
}

/// What the expectations of an execution see; also what `as` binds.
pub fn of_execution() -> Names {
    let mut names = of_any();
    names.extend(
        [
            ("request", Type::Dyn),
            ("reply", Type::Dyn),
            ("error", Type::Dyn),
            ("code", Type::Int),
            ("message", Type::Text),
            ("exit", Type::Int),
            ("signal", Type::Int),
            ("timed_out", Type::Bool),
            ("held_open", Type::Bool),
            ("stdout", Type::Text),
            ("stderr", Type::Text),
            ("documents", Type::Int),
            ("env", Type::Map(Box::new(Type::Text))),
        ]
        .map(|(name, ty)| (name.to_owned(), ty)),
    );
    names
}

/// Times: milliseconds that it took; wall clock in nanoseconds when it was sent and answered.
fn of_any() -> Names {
    ["elapsed_ms", "sent_at", "done_at"].map(|name| (name.to_owned(), Type::Int)).into()
}
