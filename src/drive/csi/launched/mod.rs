//! Stub until the real one is copied here.
use std::path::PathBuf;
/// Stub.
#[derive(Debug)]
pub struct Launched;
/// Stub.
#[derive(Clone, Debug)]
pub struct Command { /// .
 pub program: PathBuf, /// .
 pub args: Vec<String>, /// .
 pub folder: PathBuf }
impl Launched {
    /// Stub.
    pub async fn start(_command: Command) -> Result<Launched, String> { Ok(Launched) }
    /// Stub.
    pub async fn restart(&self) -> Result<(), String> { Ok(()) }
    /// Stub.
    pub async fn stop(&self) {}
    /// Stub.
    pub fn root(&self) -> PathBuf { "/".into() }
    /// Stub.
    pub fn endpoint(&self) -> PathBuf { "/".into() }
}
