//! Stub until the real one is copied here.
use std::path::PathBuf;
/// Stub.
#[derive(Clone, Debug)]
pub struct NodeFiles;
impl NodeFiles {
    /// Stub.
    pub fn root(_root: PathBuf) -> NodeFiles { NodeFiles }
    /// Stub.
    pub async fn command(_words: Vec<String>) -> Result<NodeFiles, String> { Ok(NodeFiles) }
}
