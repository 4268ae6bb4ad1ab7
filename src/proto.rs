//! The interfaces as compiled from proto/: typed code for our own servers, descriptors for all else.
//!
//! The run itself is driven by descriptors alone (suites name rpcs and fields as text); the typed code
//! serves the in-process doubles of targets.

use std::fmt;
use std::sync::OnceLock;

use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumValueDescriptor, FieldDescriptor, MessageDescriptor,
    MethodDescriptor, Value,
};

/// The Container Runtime Interface.
pub mod cri {
    /// API v1, protobuf package `runtime.v1`.
    #[allow(missing_docs, deprecated, clippy::all, rustdoc::all)]
    pub mod v1 {
        tonic::include_proto!("runtime.v1");
    }
}

/// The Container Storage Interface.
pub mod csi {
    /// API v1, protobuf package `csi.v1`.
    #[allow(missing_docs, deprecated, clippy::all, rustdoc::all)]
    pub mod v1 {
        tonic::include_proto!("csi.v1");
    }
}

/// All of proto/ with its imports, as an encoded `FileDescriptorSet`. Custom options are in it,
/// comments are not.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The descriptors of everything in [`DESCRIPTOR_SET`], decoded on first use.
pub fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| {
        DescriptorPool::decode(DESCRIPTOR_SET).expect("build.rs wrote a sound descriptor set")
    })
}

/// The first release of the standard that has this field, if that is younger than the suite's oldest.
pub fn since_of_field(field: &FieldDescriptor) -> Option<String> {
    text_option(field.parent_pool(), &field.options(), "stdcheck.field_since")
}

/// The first release of the standard that has this rpc, if that is younger than the suite's oldest.
pub fn since_of_method(method: &MethodDescriptor) -> Option<String> {
    text_option(method.parent_pool(), &method.options(), "stdcheck.method_since")
}

/// The first release of the standard that has this message, if that is younger than the suite's oldest.
///
/// The generated entry of a map never has one: ask the map's field.
pub fn since_of_message(message: &MessageDescriptor) -> Option<String> {
    text_option(message.parent_pool(), &message.options(), "stdcheck.message_since")
}

/// The first release of the standard that has this enum value by this name, if that is younger than
/// the suite's oldest. A renamed value has an older number: see `runtime.v1.Signal`.
pub fn since_of_enum_value(value: &EnumValueDescriptor) -> Option<String> {
    text_option(value.parent_pool(), &value.options(), "stdcheck.value_since")
}

/// Whether this field holds a secret that no report may show: protobuf's own `debug_redact` marks it
/// (CRI), or the extension `csi.v1.csi_secret` (CSI).
pub fn is_secret(field: &FieldDescriptor) -> bool {
    let options = field.options();
    let redact = options.get_field_by_name("debug_redact").and_then(|v| v.as_bool());
    let secret =
        extension(field.parent_pool(), &options, "csi.v1.csi_secret").and_then(|v| v.as_bool());
    redact.unwrap_or(false) || secret.unwrap_or(false)
}

/// Whether the standard requires this field and its zero value stands for "not set".
pub fn is_required(field: &FieldDescriptor) -> bool {
    extension(field.parent_pool(), &field.options(), "stdcheck.required")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// The value of a text option, by the full name of its extension.
fn text_option(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<String> {
    extension(pool, options, name)?.as_str().map(str::to_owned)
}

/// The value of an extension, by its full name; none if it is unknown or not set.
fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// Shows which credentials are there, and none of them (build/proto.rs keeps prost from deriving it).
impl fmt::Debug for cri::v1::AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hide = |secret: &str| if secret.is_empty() { "" } else { "[redacted]" };
        f.debug_struct("AuthConfig")
            .field("username", &self.username)
            .field("password", &hide(&self.password))
            .field("auth", &hide(&self.auth))
            .field("server_address", &self.server_address)
            .field("identity_token", &hide(&self.identity_token))
            .field("registry_token", &hide(&self.registry_token))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(message: &str, name: &str) -> FieldDescriptor {
        let message = pool().get_message_by_name(message).expect("message");
        message.get_field_by_name(name).expect("field")
    }

    #[test]
    fn options_survive_the_build() {
        assert_eq!(
            since_of_field(&field("runtime.v1.Mount", "uidMappings")).as_deref(),
            Some("1.27")
        );
        assert_eq!(since_of_field(&field("runtime.v1.Mount", "readonly")), None);
        let message = pool().get_message_by_name("runtime.v1.PsiStats").expect("message");
        assert_eq!(since_of_message(&message).as_deref(), Some("1.33"));
        let service = pool().get_service_by_name("runtime.v1.RuntimeService").expect("service");
        let method = service.methods().find(|m| m.name() == "RuntimeConfig").expect("rpc");
        assert_eq!(since_of_method(&method).as_deref(), Some("1.28"));
        let driver = pool().get_enum_by_name("runtime.v1.CgroupDriver").expect("enum");
        assert_eq!(
            since_of_enum_value(&driver.get_value(1).expect("value")).as_deref(),
            Some("1.28")
        );
    }

    #[test]
    fn secrets_are_marked_and_not_shown() {
        assert!(is_secret(&field("runtime.v1.AuthConfig", "password")));
        assert!(!is_secret(&field("runtime.v1.AuthConfig", "username")));

        let auth = pool().get_message_by_name("runtime.v1.AuthConfig").expect("message");
        let secret = "s3cret-value";
        let mut dynamic = DynamicMessage::new(auth.clone());
        for field in auth.fields().filter(is_secret) {
            dynamic.set_field(&field, Value::String(secret.into()));
        }
        let typed: cri::v1::AuthConfig = dynamic.transcode_to().expect("same message");
        assert_eq!(typed.password, secret);
        let shown = format!("{typed:?}");
        assert!(!shown.contains(secret), "{shown}");
    }
}
