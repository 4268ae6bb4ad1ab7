//! What is younger than its check says that it can be judged by.

use crate::bench::{Mistake, PODS, are_told, mistake};

const TABLE: &[Mistake] = &[
    // A field in an expression.
    mistake(
        PODS,
        r#""reply.status.id != ''""#,
        r#"»"reply.containers_statuses.size() > 0""#,
        r#"PodSandboxStatusResponse.containers_statuses is there since 1.26 only"#,
    ),
    mistake(
        PODS,
        r#""reply.status.created_at > 0""#,
        r#"»"reply.timestamp > 0""#,
        r#"PodSandboxStatusResponse.timestamp is there since 1.26 only"#,
    ),
    // A field of a request.
    mistake(
        PODS,
        r#"metadata = { attempt = 7 }"#,
        r#"linux = { security_context = { »supplemental_groups_policy = 0 } }"#,
        r#"LinuxSandboxSecurityContext.supplemental_groups_policy is there since 1.31 only"#,
    ),
    // An rpc.
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox" }, { call = »"RuntimeService/RuntimeConfig", code"#,
        r#"RuntimeConfig is there since 1.28 only"#,
    ),
    // Later than what the requirement says.
    mistake(
        PODS,
        r#"call = "RuntimeService/RuntimeConfig", expect"#,
        r#"call = "RuntimeService/Status", expect = [»"size(reply.runtime_handlers) > 0"] }, { call = "RuntimeService/RuntimeConfig", expect"#,
        r#"StatusResponse.runtime_handlers is there since 1.30 only"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}
