//! Implementations of ours that keep the specifications, for users to try things against.

pub mod csi;
