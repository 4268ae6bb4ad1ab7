//! The Controller service: volumes and snapshots from anywhere.

mod about;
mod attach;
mod create;
mod delete;
mod expand;
mod list;
mod modify;
mod shape;
mod snapshots;
mod source;
mod validate;

pub use about::{capabilities, capacity};
pub use attach::{attach, detach, publish_context};
pub use create::create;
pub use delete::delete;
pub use expand::expand;
pub use list::{get, list, list_snapshots};
pub use modify::modify;
pub use shape::{snapshot, timestamp};
pub use snapshots::{
    create as create_snapshot, delete as delete_snapshot, forget as forget_snapshot,
    get as get_snapshot, room,
};
pub use validate::validate;
