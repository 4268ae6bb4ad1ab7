//! What holds for every input: nothing that a user or a target can write makes a panic, and types
//! survive on their way from protobuf to expressions and back.

#[path = "properties/selection.rs"]
mod selection;
#[path = "properties/values.rs"]
mod values;
