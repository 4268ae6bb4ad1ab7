//! Stages, on the kernel that is there. They need root, or user namespaces; without either, these tests
//! say that they did nothing.

mod execution;
mod machine;
mod plugin;
mod sentences;
mod support;
mod traffic;
