//! Mistakes in expressions: every path is resolved, every name is known.

use crate::bench::{Mistake, PODS, are_told, mistake};

const TABLE: &[Mistake] = &[
    mistake(
        PODS,
        r#""reply.status.created_at > 0""#,
        r#"»"reply.status.created > 0""#,
        r#"`reply.status.created`: PodSandboxStatus has no field `created`"#,
    ),
    mistake(
        PODS,
        r#""has(reply.status)""#,
        r#"»"has(reply.state)""#,
        r#"`reply.state`: PodSandboxStatusResponse has no field `state`"#,
    ),
    mistake(
        PODS,
        r#""has(reply.status)""#,
        r#"»"reply.status""#,
        r#"an expectation is a yes or no"#,
    ),
    mistake(
        PODS,
        r#""reply.status.created_at > 0""#,
        r#"»"reply.status.created_at""#,
        r#"an expectation is a yes or no"#,
    ),
    mistake(
        PODS,
        r#""reply.status.created_at > 0""#,
        r#"»"reply.status.created_at > ""#,
        r#"no expression: …"#,
    ),
    mistake(
        PODS,
        r#""reply.linux.cgroup_driver == 'SYSTEMD'""#,
        r#"»"reply.linux.cgroup_driver == 'SYSTEM'""#,
        r#"CgroupDriver has no value `SYSTEM`"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"reply.there""#,
        r#"`reply.there`: there is no `there`; there is exists, text"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"answer.exists""#,
        r#"`answer` is not known here; known: …"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"later(reply.exists)""#,
        r#"there is no function `later`"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"reply.exists.all(x, x)""#,
        r#"a bool is no list or map, so that nothing in it can be asked for"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"reply.exists.so""#,
        r#"`reply.exists.so`: a bool has no members"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"reply.exists[0]""#,
        r#"`reply.exists[0]`: a bool cannot be indexed"#,
    ),
    mistake(
        PODS,
        r#""reply.exists""#,
        r#"»"reply.exists == 'true'""#,
        r#"a bool is never equal to text: convert one of them"#,
    ),
    mistake(
        PODS,
        r#""reply.status.id != ''""#,
        r#"»"reply.status.id != 7""#,
        r#"text is never equal to an int: convert one of them"#,
    ),
    mistake(
        PODS,
        r#""reply.status.id != ''""#,
        r#"»"reply.status.state in ['SANDBOX_READY', 'SANDBOX_LOST']""#,
        r#"PodSandboxState has no value `SANDBOX_LOST`"#,
    ),
    mistake(
        PODS,
        r#""reply.status.id != ''""#,
        r#"»"reply.status == Status{}""#,
        r#"messages are not built in expressions"#,
    ),
    mistake(
        PODS,
        r#""reply.status.id != ''""#,
        r#"»"reply.containers_statuses.size() > 0""#,
        r#"…"#,
    ),
    mistake(
        PODS,
        r#""reply.linux.cgroup_driver == 'SYSTEMD'""#,
        r#"»"'SYSTEM' == reply.linux.cgroup_driver""#,
        r#"CgroupDriver has no value `SYSTEM`"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}
