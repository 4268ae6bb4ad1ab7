//! `stdcheck cni` as a user runs it: mistakes, plugins that misbehave, and what the machine looks like
//! before and after. The plugins are scripts, and the recording delegate, which is a sound one.

mod harness;

#[path = "cni/killed.rs"]
mod killed;
#[path = "cni/misbehaving.rs"]
mod misbehaving;
#[path = "cni/mistakes.rs"]
mod mistakes;
#[path = "cni/plugins.rs"]
mod plugins;
#[path = "cni/sound.rs"]
mod sound;
