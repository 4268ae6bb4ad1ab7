//! A CRI runtime that runs nothing: a double of the target for tests. It keeps sandboxes, containers
//! and images in memory, answers as the definition asks, and can be bent (`bend`) to break any rule.
//!
//! A request goes through `layer` (where it may be bent) to `service` (the typed server code), and
//! from there to the topic: `node`, `sandboxes`, `containers`, `images`, `guest`. All of these work
//! on a `State`; `server` listens, in this process, and `process` in one of its own.

// Each test uses a part of the double.
#![allow(dead_code, unused_imports)]

mod bend;
mod containers;
mod guest;
mod images;
mod layer;
mod logs;
mod node;
mod process;
mod program;
mod registry;
mod sandboxes;
mod server;
mod service;
mod state;

pub use bend::{Answer, Bend, Bends, Call, Deed, Defect, Effect, When};
pub use process::{DoubleProcess, ENVIRONMENT, serve_if_told};
pub use server::Double;
pub use state::{Container, Image, Sandbox, State, Store, image_id};
