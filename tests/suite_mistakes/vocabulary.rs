//! Mistakes in `suite.toml`: rpcs, capabilities, base requests, undo, situations.

use crate::bench::{Mistake, SUITE, are_told, are_told_among_others, mistake};

const TABLE: &[Mistake] = &[
    mistake(
        SUITE,
        r#"read_only = ["RuntimeService/Version", "#,
        r#"read_only = [»"RuntimeService/Verson", "#,
        r#"RuntimeService has no rpc `Verson`"#,
    ),
    mistake(
        SUITE,
        r#"read_only = ["RuntimeService/Version", "#,
        r#"read_only = [»"Version", "#,
        r#"`Version`: an rpc is written Service/Method"#,
    ),
    mistake(
        SUITE,
        r#"read_only = ["RuntimeService/Version", "#,
        r#"read_only = [»"PodService/Version", "#,
        r#"there is no service `PodService`; there is RuntimeService, ImageService"#,
    ),
    mistake(
        SUITE,
        r#""SML-POD-099""#,
        r#"»"SML-POD-001""#,
        r#"`SML-POD-001` is retired and must not return"#,
    ),
    mistake(
        SUITE,
        r#""cri.small.gone""#,
        r#"»"cri.small.twice""#,
        r#"`cri.small.twice` is retired and must not return"#,
    ),
    mistake(
        SUITE,
        r#"found_by = { host = "files" }"#,
        r#"found_by = »{ host = "files", flag = "runtime-handler" }"#,
        r#"a capability is found by exactly one of `call`, `host`, `flag`, `profile`"#,
    ),
    mistake(
        SUITE,
        r#"found_by = { host = "files" }"#,
        r#"found_by = »{}"#,
        r#"a capability is found by exactly one of `call`, `host`, `flag`, `profile`"#,
    ),
    mistake(
        SUITE,
        r#"found_by = { host = "files" }"#,
        r#"found_by = { host = »"moon" }"#,
        r#"there is no host fact `moon`: …"#,
    ),
    mistake(
        SUITE,
        r#"flag = "runtime-handler""#,
        r#"flag = »"no-such-flag""#,
        r#"there is no flag `--no-such-flag`"#,
    ),
    mistake(
        SUITE,
        r#"found_by = { call = "RuntimeService/RuntimeConfig", no = ["UNIMPLEMENTED"] }"#,
        r#"found_by = »{ call = "RuntimeService/RuntimeConfig" }"#,
        r#"a call finds by `when` (discovery) or by `no` (a trial)"#,
    ),
    mistake(
        SUITE,
        r#"no = ["UNIMPLEMENTED"]"#,
        r#"no = [»"NOT_THERE"]"#,
        r#"there is no gRPC code `NOT_THERE`"#,
    ),
    mistake(
        SUITE,
        r#"no = ["UNIMPLEMENTED"]"#,
        r#"no = [»"error"]"#,
        r#"there is no gRPC code `error`"#,
    ),
    mistake(
        SUITE,
        r#"call = "RuntimeService/RuntimeConfig", no"#,
        r#"call = »"RuntimeService/Configuration", no"#,
        r#"RuntimeService has no rpc `Configuration`"#,
    ),
    mistake(
        SUITE,
        r#"call = "RuntimeService/RuntimeConfig", no"#,
        r#"call = "RuntimeService/RuntimeConfig", with = { »deep = true }, no"#,
        r#"RuntimeConfigRequest has no field `deep`"#,
    ),
    mistake(
        SUITE,
        r#""reply.status.conditions.exists(c, c.type"#,
        r#"»"reply.status.conditions.exists(c, c.kind"#,
        r#"`c.kind`: RuntimeCondition has no field `kind`"#,
    ),
    mistake(
        SUITE,
        r#"[request."RuntimeService/Version"]
version"#,
        r#"[request.»"RuntimeService/Verson"]
version"#,
        r#"RuntimeService has no rpc `Verson`"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.»hostnam = "small""#,
        r#"PodSandboxConfig has no field `hostnam`"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.hostname = »7"#,
        r#"`hostname` takes text, not 7"#,
    ),
    mistake(
        SUITE,
        r#"attempt = 0 }"#,
        r#"attempt = »-1 }"#,
        r#"`attempt` takes a number that fits u32, not -1"#,
    ),
    mistake(
        SUITE,
        r#"attempt = 0 }"#,
        r#"attempt = »4294967296 }"#,
        r#"`attempt` takes a number that fits u32, not 4294967296"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.labels = »["a"]"#,
        r#"`labels` is a map"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.port_mappings = »"none""#,
        r#"`port_mappings` is a list"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.linux = »true"#,
        r#"LinuxPodSandboxConfig takes named fields"#,
    ),
    mistake(
        SUITE,
        r#"config.hostname = "small""#,
        r#"config.port_mappings = [{ protocol = »"SMTP" }]"#,
        r#"`protocol`: Protocol has no value `SMTP`"#,
    ),
    mistake(
        SUITE,
        r#"[undo."RuntimeService/RunPodSandbox"]"#,
        r#"[undo.»"RuntimeService/RunPod"]"#,
        r#"RuntimeService has no rpc `RunPod`"#,
    ),
    mistake(
        SUITE,
        r#""$reply.pod_sandbox_id" } }]"#,
        r#"»"$reply.sandbox_id" } }]"#,
        r#"`reply.sandbox_id`: RunPodSandboxResponse has no field `sandbox_id`"#,
    ),
    mistake(
        SUITE,
        r#"do = "cri.sweep""#,
        r#"do = »"cri.broom""#,
        r#"there is no verb `cri.broom`"#,
    ),
    mistake(
        SUITE,
        r#"with = { namespace = "$run.namespace" }"#,
        r#"with = { »room = "$run.namespace" }"#,
        r#"`cri.sweep` has no parameter `room`; it has: namespace, …"#,
    ),
    mistake(
        SUITE,
        r#"needs = ["network:ready"]"#,
        r#"needs = [»"network:steady"]"#,
        r#"there is no capability `network:steady`"#,
    ),
    mistake(SUITE, r#"main = "sandbox""#, r#"main = »"box""#, r#"nothing is bound as `box`"#),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}

/// What follows from these is told, too.
const WITH_OTHERS: &[Mistake] = &[
    mistake(
        SUITE,
        r#"name = "host:files""#,
        r#"name = »"rpc:RuntimeConfig""#,
        r#"a second capability of this name"#,
    ),
    mistake(
        SUITE,
        r#"name = "stopped-sandbox""#,
        r#"name = »"sandbox""#,
        r#"a second situation of this name"#,
    ),
    mistake(SUITE, r#"on = ["sandbox"]"#, r#"on = [»"cage"]"#, r#"there is no situation `cage`"#),
    mistake(
        SUITE,
        r#"on = ["sandbox"]"#,
        r#"on = [»"stopped-sandbox"]"#,
        r#"the situation stands on itself"#,
    ),
];

#[test]
fn are_told_among_what_follows() {
    are_told_among_others(WITH_OTHERS);
}
