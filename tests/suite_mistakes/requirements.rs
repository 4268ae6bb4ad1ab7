//! Mistakes in requirements.

use crate::bench::{Mistake, PODS, are_told, mistake};

const TABLE: &[Mistake] = &[
    mistake(
        PODS,
        r#"code = "SML-POD-005""#,
        r#"code = »"SML-POD-004""#,
        r#"a second requirement with this code"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-005""#,
        r#"code = »"SML-NET-005""#,
        r#"suite.toml has no section `SML-NET`"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-002"
"#,
        r#"code = »"SML-POD-002"
levels = { "1.25" = "SHOULD" }
"#,
        r#"a requirement has either `level` or `levels`"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-001"
level = "MUST"
"#,
        r#"code = »"SML-POD-001"
"#,
        r#"a requirement has either `level` or `levels`"#,
    ),
    mistake(
        PODS,
        r#"levels = { "1.25" = "SHOULD", "1.30" = "MUST" }"#,
        r#"levels = »{ "1.25" = "SHOULD", "newest" = "MUST" }"#,
        r#"`newest` is no version like `1.30`"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-004"
level = "MAY"
basis = "stated"
section = "pods"
says = "A runtime may do so."
permits = "doing so""#,
        r#"code = »"SML-POD-004"
level = "MAY"
basis = "stated"
section = "pods"
says = "A runtime may do so."
planned = true"#,
        r#"a MAY is never a failure: it `permits`"#,
    ),
    mistake(
        PODS,
        r#"level = "MUST"
basis = "stated"
section = "pods"
says = "Nobody"#,
        r#"level = "MUST"
basis = »"derived"
section = "pods"
says = "Nobody"#,
        r#"what is derived is SHOULD at most"#,
    ),
    mistake(
        PODS,
        r#"since = "1.25""#,
        r#"since = »"early""#,
        r#"`early` is no version like `1.30`"#,
    ),
    mistake(PODS, r#"until = "1.37""#, r#"until = »"late""#, r#"`late` is no version like `1.30`"#),
    mistake(PODS, r#"cap = "warn""#, r#"cap = »"skip""#, r#"a cap is "warn""#),
    mistake(
        PODS,
        r#"code = "SML-POD-003"
levels = { "1.25" = "SHOULD", "1.30" = "MUST" }
basis = "read"
section = "pods"
since = "1.25"
until = "1.37"
says = "A requirement that grew."
cap = "warn"
"#,
        r#"code = »"SML-POD-003"
levels = { "1.25" = "SHOULD", "1.30" = "MUST" }
basis = "read"
section = "pods"
says = "A requirement that grew."
"#,
        r#"a `cap` needs its `because`, and the other way round"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-005"
level = "MUST"
basis = "stated"
section = "pods"
says = "Nobody can see it."
untestable = "it cannot be seen""#,
        r#"code = »"SML-POD-005"
level = "MUST"
basis = "stated"
section = "pods"
says = "Nobody can see it.""#,
        r#"no check requires SML-POD-005, and it is not planned, untestable or permits"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-001"
level"#,
        r#"code = »"SML-POD-001"
planned = true
level"#,
        r#"a check requires SML-POD-001: take away planned, untestable or permits"#,
    ),
    mistake(
        PODS,
        r#"code = "SML-POD-005"
level"#,
        r#"code = »"SML-POD-005"
planned = true
level"#,
        r#"it is one of planned, untestable and permits, not several"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}
