//! Mistakes in steps.

use crate::bench::{Mistake, PODS, are_told, mistake};

const TABLE: &[Mistake] = &[
    mistake(
        PODS,
        r#"id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"id = »"cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ code = "OK" }]"#,
        r#"a step is one of `call`, `exec`, `do`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = »"RuntimeService/StopPodSandbox", do = "net.free_port", code"#,
        r#"a step is one of `call`, `exec`, `do`, not several"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = »"RuntimeService/StopPodSandbox", exit = 0, code"#,
        r#"cri has no plugin to execute: `exec`, `env`, `unset`, `stdin` and `exit` do not apply"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"[{ exec = »"ADD", exit = 0 }]"#,
        r#"cri has no plugin to execute: `exec`, `env`, `unset`, `stdin` and `exit` do not apply"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = »"RuntimeService/StopSandbox", code"#,
        r#"RuntimeService has no rpc `StopSandbox`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"[{ do = "cri.together", with = { rpc = »"RuntimeService/StopSandbox", count = 2 }, expect = ["true"] }]"#,
        r#"RuntimeService has no rpc `StopSandbox`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"[{ do = "cri.together", with = { rpc = "RuntimeService/StopPodSandbox", count = 2, with = { »id = "x" } }, expect = ["true"] }]"#,
        r#"StopPodSandboxRequest has no field `id`"#,
    ),
    mistake(PODS, r#"code = "OK" }"#, r#"code = »"FINE" }"#, r#"there is no gRPC code `FINE`"#),
    mistake(
        PODS,
        r#"["INVALID_ARGUMENT", "UNKNOWN"]"#,
        r#"["INVALID_ARGUMENT", »"OTHER"]"#,
        r#"there is no gRPC code `OTHER`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { »id = "x" }, code"#,
        r#"StopPodSandboxRequest has no field `id`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = »7 }, code"#,
        r#"`pod_sandbox_id` takes text, not 7"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = »"$box.id" }, code"#,
        r#"`box` is not known here; known: run, sandbox, unique, user"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = »"$a + b" }, code"#,
        r#"`$a + b` is no path; an expression is written `${…}`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = »"a${unique" }, code"#,
        r#"`a${unique`: a `${` without its `}`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = »"5 $" }, code"#,
        r#"`5 $`: a dollar inside text is written `$$`, an expression `${…}`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", omit = [»"sandbox"], code"#,
        r#"StopPodSandboxRequest has no field `sandbox`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", omit = [»"pod_sandbox_id.x"], code"#,
        r#"`pod_sandbox_id` is no message, so that nothing in it can be left out"#,
    ),
    mistake(
        PODS,
        r#"omit = "$case.omit""#,
        r#"omit = »"$case.omitted""#,
        r#"`case.omitted`: there is no `omitted`; there is omit"#,
    ),
    mistake(
        PODS,
        r#"given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox""#,
        r#"steps = [{ call = »"RuntimeService/StopPodSandbox""#,
        r#"`sandbox` is not known here; known: run, unique, user"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = »"RuntimeService/RemovePodSandbox", code"#,
        r#"suite.toml has no base request for RuntimeService/RemovePodSandbox"#,
    ),
    mistake(
        PODS,
        r#"do = "host.read""#,
        r#"do = »"host.write""#,
        r#"there is no verb `host.write`"#,
    ),
    mistake(
        PODS,
        r#"with.path = "${run.dir}/file""#,
        r#"with.path = "${run.dir}/file"
with.»mode = "r""#,
        r#"`host.read` has no parameter `mode`; it has: path"#,
    ),
    mistake(
        PODS,
        r#"do = "host.read"
with.path = "${run.dir}/file""#,
        r#"do = »"host.read""#,
        r#"`host.read` needs `path`: its absolute path"#,
    ),
    mistake(
        PODS,
        r#"do = "host.read"
with.path = "${run.dir}/file""#,
        r#"do = »"host.read"
with = "file""#,
        r#"the parameters of a verb are a table"#,
    ),
    mistake(
        PODS,
        r#"do = "host.read""#,
        r#"do = »"host.read"
code = "OK""#,
        r#"a verb has no `code` and no `omit`"#,
    ),
    mistake(
        PODS,
        r#"with.path = "${run.dir}/file""#,
        r#"with.path = »"${run.folder}/file""#,
        r#"`run.folder`: there is no `folder`; there is dir, id, namespace, started_at"#,
    ),
    mistake(
        PODS,
        r#"code = "OK" }"#,
        r#"code = "OK", expect = ["code == 'OK'"], within = »"2s" }"#,
        r#"`within` asks again: only for what changes nothing"#,
    ),
    mistake(
        PODS,
        r#"call = "RuntimeService/PodSandboxStatus"
expect = ["reply.status.metadata.name"#,
        r#"call = "RuntimeService/PodSandboxStatus"
code = "OK"
within = »"2s"
[[check.steps]]
call = "RuntimeService/PodSandboxStatus"
expect = ["reply.status.metadata.name"#,
        r#"`within` needs an `expect` to wait for"#,
    ),
    mistake(
        PODS,
        r#"looks = true
given = { sandbox = { config = { metadata = { attempt = 7 } } } }
"#,
        r#"looks = true
given = { sandbox = { config = { metadata = { attempt = 7 } } } }
[[check.steps]]
call = »"RuntimeService/StopPodSandbox"
"#,
        r#"the check says that it only `looks`, but this step changes something"#,
    ),
    mistake(
        PODS,
        r#"do = "host.read""#,
        r#"do = »"host.read"
omit = ["path"]"#,
        r#"a verb has no `code` and no `omit`"#,
    ),
    mistake(
        PODS,
        r#"[{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[{ call = "RuntimeService/StopPodSandbox", with = »"now", code"#,
        r#"StopPodSandboxRequest takes named fields"#,
    ),
    mistake(
        PODS,
        r#"looks = true
given = { sandbox = { config = { metadata = { attempt = 7 } } } }
"#,
        r#"looks = true
given = { sandbox = { config = { metadata = { attempt = 7 } } } }
[[check.steps]]
do = »"image.provide"
"#,
        r#"the check says that it only `looks`, but this step changes something"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}
