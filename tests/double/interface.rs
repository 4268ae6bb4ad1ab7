//! The rpcs that doubles and proxies know, of whatever standard: their services have different names.

use prost_reflect::MethodDescriptor;
use stdcheck::suite::rpc;

/// The protobuf packages.
const PACKAGES: [&str; 2] = ["runtime.v1", "csi.v1"];

/// The rpc of that name, `Service/Rpc`.
///
/// # Errors
/// That there is none.
pub fn find(name: &str) -> Result<MethodDescriptor, String> {
    let found = PACKAGES.iter().find_map(|package| rpc::find(package, name).ok());
    found.map_or_else(|| rpc::find(PACKAGES[0], name), Ok)
}

/// All of them.
pub fn all() -> impl Iterator<Item = MethodDescriptor> {
    let services = stdcheck::proto::pool().services();
    let ours = services.filter(|service| PACKAGES.contains(&service.package_name()));
    ours.flat_map(|service| service.methods().collect::<Vec<_>>())
}

/// `Service/Rpc` of a request's path; of another path, the path itself.
pub fn name_of(path: &str) -> &str {
    let path = path.trim_start_matches('/');
    let name = PACKAGES.iter().find_map(|package| path.strip_prefix(package)?.strip_prefix('.'));
    name.unwrap_or(path)
}

/// The path of an rpc.
pub fn path_of(method: &MethodDescriptor) -> String {
    format!("/{}/{}", method.parent_service().full_name(), method.name())
}
