//! A CRI runtime that runs nothing: a double of the target for tests. It keeps sandboxes, containers
//! and images in memory, answers as the definition asks, and can be bent (`bend`) to break any rule.
//!
//! A request goes through `layer` (where it may be bent, by closures or by a `rule`) to `service` (the
//! typed server code), and from there to the topic: `node`, `sandboxes`, `containers`, `images`,
//! `guest`. All of these work on a `State`. `server` is a double in this process, `process` one of its
//! own; `listen` is what both have in common with a proxy before a real runtime.

// Each test uses a part of the double.
#![allow(dead_code, unused_imports)]

mod bend;
mod cni;
mod containers;
mod events;
mod guest;
mod images;
mod inside;
mod interface;
mod layer;
mod listen;
mod logs;
mod node;
mod ports;
mod process;
mod program;
pub mod proxy;
mod puller;
mod reference;
mod registry;
mod restart;
pub mod rule;
mod sandboxes;
mod server;
mod service;
mod state;

pub use bend::{Answer, Bend, Bends, Call, Deed};
pub use process::{DoubleProcess, ENVIRONMENT, serve_if_told};
pub use proxy::ProxyProcess;
pub use server::Double;
pub use state::{Container, Image, Sandbox, State, Store, image_id};
