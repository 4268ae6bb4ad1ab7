//! Finds the rpcs that suite files name (`RuntimeService/Version`) in the descriptors.

use prost_reflect::MethodDescriptor;

/// The rpc `Service/Method` of a package.
///
/// # Errors
/// One line that says what there is instead.
pub fn find(package: &str, rpc: &str) -> Result<MethodDescriptor, String> {
    let Some((service, method)) = rpc.split_once('/') else {
        return Err(format!("`{rpc}`: an rpc is written Service/Method"));
    };
    let services = || crate::proto::pool().services().filter(|s| s.package_name() == package);
    let Some(found) = services().find(|candidate| candidate.name() == service) else {
        let names: Vec<String> = services().map(|service| service.name().to_owned()).collect();
        return Err(format!("there is no service `{service}`; there is {}", names.join(", ")));
    };
    found
        .methods()
        .find(|candidate| candidate.name() == method)
        .ok_or_else(|| format!("{service} has no rpc `{method}`"))
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
