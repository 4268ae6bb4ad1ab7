//! Suite files: what they may hold, how they are read, and how mistakes in them are told.

pub mod diagnostic;
pub mod expand;
pub mod expr;
pub mod format;
pub mod lint;
pub mod load;
pub mod names;
pub mod request;
pub mod rpc;
pub mod signature;
pub mod tree;
pub mod version;
