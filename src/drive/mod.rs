//! The input and output below steps and verbs: nothing above this folder touches a socket.

pub mod clock;
pub mod grpc;
pub mod netns;
pub mod process;

pub mod registry;
