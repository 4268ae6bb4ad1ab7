//! Suite files: what they may hold, how they are read, and how mistakes in them are told.

pub mod diagnostic;
pub mod expr;
pub mod format;
pub mod load;
pub mod request;
pub mod tree;
pub mod version;
