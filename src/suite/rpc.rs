//! Finds the rpcs that suite files name (`RuntimeService/Version`) in the descriptors.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::MethodDescriptor;

/// All of them by package and name (`csi.v1/Node/NodeGetInfo`): they are asked for with each call.
static ALL: LazyLock<HashMap<String, MethodDescriptor>> = LazyLock::new(|| {
    let services = crate::proto::pool().services();
    let methods = services.flat_map(|service| service.methods().collect::<Vec<_>>());
    let named = |method: MethodDescriptor| {
        let service = method.parent_service();
        (format!("{}/{}/{}", service.package_name(), service.name(), method.name()), method)
    };
    methods.map(named).collect()
});

/// The rpc `Service/Method` of a package.
///
/// # Errors
/// One line that says what there is instead.
pub fn find(package: &str, rpc: &str) -> Result<MethodDescriptor, String> {
    match ALL.get(&format!("{package}/{rpc}")) {
        Some(found) => Ok(found.clone()),
        None => Err(instead(package, rpc)),
    }
}

/// What is wrong with the name of an rpc that there is not.
fn instead(package: &str, rpc: &str) -> String {
    let Some((service, method)) = rpc.split_once('/') else {
        return format!("`{rpc}`: an rpc is written Service/Method");
    };
    let services = || crate::proto::pool().services().filter(|s| s.package_name() == package);
    if services().any(|candidate| candidate.name() == service) {
        return format!("{service} has no rpc `{method}`");
    }
    let names: Vec<String> = services().map(|service| service.name().to_owned()).collect();
    format!("there is no service `{service}`; there is {}", names.join(", "))
}

/// The gRPC status codes by the names that suite files use.
pub const CODES: [(&str, tonic::Code); 17] = [
    ("OK", tonic::Code::Ok),
    ("CANCELLED", tonic::Code::Cancelled),
    ("UNKNOWN", tonic::Code::Unknown),
    ("INVALID_ARGUMENT", tonic::Code::InvalidArgument),
    ("DEADLINE_EXCEEDED", tonic::Code::DeadlineExceeded),
    ("NOT_FOUND", tonic::Code::NotFound),
    ("ALREADY_EXISTS", tonic::Code::AlreadyExists),
    ("PERMISSION_DENIED", tonic::Code::PermissionDenied),
    ("RESOURCE_EXHAUSTED", tonic::Code::ResourceExhausted),
    ("FAILED_PRECONDITION", tonic::Code::FailedPrecondition),
    ("ABORTED", tonic::Code::Aborted),
    ("OUT_OF_RANGE", tonic::Code::OutOfRange),
    ("UNIMPLEMENTED", tonic::Code::Unimplemented),
    ("INTERNAL", tonic::Code::Internal),
    ("UNAVAILABLE", tonic::Code::Unavailable),
    ("DATA_LOSS", tonic::Code::DataLoss),
    ("UNAUTHENTICATED", tonic::Code::Unauthenticated),
];

/// The name of a status code.
pub fn code_name(code: tonic::Code) -> &'static str {
    CODES.iter().find(|(_, known)| *known == code).map_or("UNKNOWN", |(name, _)| name)
}
