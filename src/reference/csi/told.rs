//! What a user of this driver would tell stdcheck, and the arguments that make it true: the demo and
//! our own tests leave nothing unchecked for want of configuration.

/// A file for `stdcheck csi --config`.
pub const CONFIG: &str = include_str!("told.toml");

/// Arguments of `stdcheck reference csi` that go with it.
pub const ARGUMENTS: [&str; 6] = [
    "--endpoint={endpoint}",
    "--state={state}",
    "--require-secret=stdcheck.dev/token=sesame-of-the-honest",
    "--deny-secret=stdcheck.dev/token=sesame-of-the-denied",
    "--other-nodes=node-2,node-3",
    "--volumes-limit=16",
];
