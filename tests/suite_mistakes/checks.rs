//! Mistakes in checks and invariants.

use crate::bench::{Mistake, PODS, are_told, are_told_among_others, mistake};

const TABLE: &[Mistake] = &[
    mistake(
        PODS,
        r#"id = "cri.small.name""#,
        r#"id = »"cri.small.twice""#,
        r#"a second check `cri.small.twice`"#,
    ),
    mistake(
        PODS,
        r#"case = "all""#,
        r#"case = »"name""#,
        r#"a second check `cri.small.missing[name]`"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.name""#,
        r#"id = »"small.name""#,
        r#"a slug begins with `cri.`"#,
    ),
    mistake(
        PODS,
        r#"requires = ["SML-POD-001"]
given = "stopped"#,
        r#"requires = [»"SML-POD-101"]
given = "stopped"#,
        r#"there is no requirement SML-POD-101"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
"#,
        r#"id = »"cri.small.twice"
title = "A second stop is no error"
"#,
        r#"it requires nothing: name the codes it can break"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]"#,
        r#"id = »"cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001", "SML-POD-002"]"#,
        r#"it mixes requirements that fail with some that warn: one level a check, or `of` in the steps"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"id = »"cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox", of = "SML-POD-007", code"#,
        r#"a step is `of` SML-POD-007, which is not in `requires`"#,
    ),
    mistake(
        PODS,
        r#"needs = ["host:files"]"#,
        r#"needs = [»"host:flies"]"#,
        r#"there is no capability `host:flies`"#,
    ),
    mistake(
        PODS,
        r#"forbids = ["user:runtime-handler"]"#,
        r#"forbids = [»"user:handler"]"#,
        r#"there is no capability `user:handler`"#,
    ),
    mistake(
        PODS,
        r#"case = "all", omit"#,
        r#"case = "all", needs = [»"nothing"], omit"#,
        r#"there is no capability `nothing`"#,
    ),
    mistake(
        PODS,
        r#"case = "all", omit"#,
        r#"case = "all", forbids = [»"nothing"], omit"#,
        r#"there is no capability `nothing`"#,
    ),
    mistake(
        PODS,
        r#"case = "all", omit"#,
        r#"case = "all", requires = [»"SML-POD-404"], omit"#,
        r#"there is no requirement SML-POD-404"#,
    ),
    mistake(
        PODS,
        r#"case = "all", omit"#,
        r#"case = "all", since = »"soon", omit"#,
        r#"`soon` is no version like `1.30`"#,
    ),
    mistake(
        PODS,
        r#"timeout = "60s""#,
        r#"since = »"soon""#,
        r#"`soon` is no version like `1.30`"#,
    ),
    mistake(
        PODS,
        r#"given = { sandbox = { config = { metadata = { attempt = 7 } } } }"#,
        r#"given = { sandbox = {}, »stopped-sandbox = {} }"#,
        r#"`stopped-sandbox` is not part of `sandbox`"#,
    ),
    mistake(
        PODS,
        r#"{ attempt = 7 }"#,
        r#"{ »attempts = 7 }"#,
        r#"PodSandboxMetadata has no field `attempts`"#,
    ),
    mistake(
        PODS,
        r#"{ attempt = 7 }"#,
        r#"{ attempt = »"seven" }"#,
        r#"`attempt` takes a number that fits u32, not "seven""#,
    ),
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
steps = [{ call = "RuntimeService/StopPodSandbox" }]"#,
        r#"no step of it tests anything: none has `code`, `exit` or `expect`"#,
    ),
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
steps = [{ call = "RuntimeService/StopPodSandbox", code = "OK", setup = true }]"#,
        r#"no step of it tests anything: none has `code`, `exit` or `expect`"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.time""#,
        r#"id = »"cri.small.twice""#,
        r#"a second check `cri.small.twice`"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.time""#,
        r#"id = »"small.time""#,
        r#"a slug begins with `cri.`"#,
    ),
    mistake(
        PODS,
        r#"requires = ["SML-POD-007"]"#,
        r#"requires = ["SML-POD-007", »"SML-POD-707"]"#,
        r#"there is no requirement SML-POD-707"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.time"
title = "A time is told"
requires = ["SML-POD-007"]"#,
        r#"id = »"cri.small.time"
title = "A time is told"
requires = ["SML-POD-007", "SML-POD-002"]"#,
        r#"it mixes requirements that fail with some that warn"#,
    ),
    mistake(
        PODS,
        r#"watch = ["RuntimeService/PodSandboxStatus"]"#,
        r#"watch = [»"RuntimeService/SandboxStatus"]"#,
        r#"RuntimeService has no rpc `SandboxStatus`"#,
    ),
    mistake(
        PODS,
        r#"watch = ["RuntimeService/PodSandboxStatus"]"#,
        r#"watch = ["RuntimeService/PodSandboxStatus"]
needs = [»"nothing"]"#,
        r#"there is no capability `nothing`"#,
    ),
    mistake(
        PODS,
        r#"id = "cri.small.time"
title = "A time is told"
requires = ["SML-POD-007"]
watch = ["RuntimeService/PodSandboxStatus"]
when = "has(reply.status)"
expect = ["reply.status.created_at > 0"]"#,
        r#"id = »"cri.small.time"
title = "A time is told"
requires = ["SML-POD-007"]
watch = ["RuntimeService/PodSandboxStatus"]
expect = []"#,
        r#"an invariant has something to require, to watch and to expect"#,
    ),
    mistake(
        PODS,
        r#"[[check]]
id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox", code"#,
        r#"[[situation]]
name = "bare"
title = "nothing at all"
steps = [{ call = "RuntimeService/Version" }]

[[check]]
id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = { »bare = { version = "v2" } }
steps = [{ call = "RuntimeService/StopPodSandbox", with = { pod_sandbox_id = "$unique" }, code"#,
        r#"`bare` has no request that could be overridden"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}

/// What follows from these is told, too.
const WITH_OTHERS: &[Mistake] = &[
    mistake(
        PODS,
        r#"given = "stopped-sandbox""#,
        r#"given = »"gone-sandbox""#,
        r#"there is no situation `gone-sandbox`"#,
    ),
    mistake(
        PODS,
        r#"given = { sandbox = { config"#,
        r#"given = { »cage = { config"#,
        r#"there is no situation `cage`"#,
    ),
];

#[test]
fn are_told_among_what_follows() {
    are_told_among_others(WITH_OTHERS);
}
