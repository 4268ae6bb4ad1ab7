//! Mistakes of form: what TOML and the file format refuse.

use crate::{
    bench::{Mistake, PODS, SUITE, are_told, mistake},
    harness::Bench,
};

const TABLE: &[Mistake] = &[
    mistake(
        PODS,
        r#"requires = ["SML-POD-001"]
given = "st"#,
        r#"requires = ["SML-POD-001"]
»gven = "st"#,
        r#"unknown field `gven`, expected one of …"#,
    ),
    mistake(
        PODS,
        r#"says = "A stopped sandbox can be stopped.""#,
        r#"says = "A stopped sandbox can be stopped."
»saying = "x""#,
        r#"unknown field `saying`, expected one of …"#,
    ),
    mistake(
        PODS,
        r#"[[invariant]]"#,
        r#"[[»variant]]"#,
        r#"unknown field `variant`, expected one of …"#,
    ),
    mistake(
        PODS,
        r#"steps = [{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"steps = [{ call = "RuntimeService/StopPodSandbox", »kode = "OK" }]"#,
        r#"unknown field `kode`, expected one of …"#,
    ),
    mistake(
        PODS,
        r#"when = "has"#,
        r#"»whenever = "has"#,
        r#"unknown field `whenever`, expected one of …"#,
    ),
    mistake(
        SUITE,
        r#"[[capability]]
name = "host:files""#,
        r#"[[capability]]
»title = "x"
name = "host:files""#,
        r#"unknown field `title`, expected one of …"#,
    ),
    mistake(
        SUITE,
        r#"found_by = { host = "files" }"#,
        r#"found_by = { »file = "files" }"#,
        r#"unknown field `file`, expected one of …"#,
    ),
    mistake(
        SUITE,
        r#"title = "a sandbox""#,
        r#"title = "a sandbox"
»requires = []"#,
        r#"unknown field `requires`, expected one of …"#,
    ),
    mistake(
        SUITE,
        r#"steps = [{ call = "RuntimeService/StopPodSandbox", with"#,
        r#"»before = []
steps = [{ call = "RuntimeService/StopPodSandbox", with"#,
        r#"unknown field `before`, expected one of `only_with`, `steps`, `cut`"#,
    ),
    mistake(
        PODS,
        r#"requires = ["SML-POD-001"]
given"#,
        r#"requires = »"SML-POD-001"
given"#,
        r#"invalid type: string "SML-POD-001", expected a sequence"#,
    ),
    mistake(
        PODS,
        r#"looks = true"#,
        r#"looks = »"yes""#,
        r#"invalid type: string "yes", expected a boolean"#,
    ),
    mistake(
        PODS,
        r#"within = "2s""#,
        r#"within = »2"#,
        r#"invalid type: integer `2`, expected a string"#,
    ),
    mistake(
        PODS,
        r#"within = "2s""#,
        r#"within = »"2 sheep""#,
        r#"`2 sheep` is no duration like `2s`: unknown time unit "sheep", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)"#,
    ),
    mistake(
        PODS,
        r#"timeout = "60s""#,
        r#"timeout = »"long""#,
        r#"`long` is no duration like `2s`: expected number at 0"#,
    ),
    mistake(
        PODS,
        r#"level = "SHOULD"
basis"#,
        r#"level = »"OUGHT"
basis"#,
        r#"unknown variant `OUGHT`, expected one of `MAY`, `SHOULD`, `MUST`"#,
    ),
    mistake(
        PODS,
        r#"basis = "derived""#,
        r#"basis = »"guessed""#,
        r#"unknown variant `guessed`, expected one of `derived`, `read`, `stated`"#,
    ),
    mistake(
        PODS,
        r#"{ "1.25" = "SHOULD", "1.30" = "MUST" }"#,
        r#"{ "1.25" = "SHOULD", "1.30" = »"WILL" }"#,
        r#"unknown variant `WILL`, expected one of `MAY`, `SHOULD`, `MUST`"#,
    ),
    mistake(
        PODS,
        r#"timeout = "60s""#,
        r#"risk = »"fire""#,
        r#"unknown variant `fire`, expected `crash`"#,
    ),
    mistake(
        PODS,
        r#"given = "stopped-sandbox""#,
        r#"given = »7"#,
        r#"expected the name of a situation, or a table { name = { overrides } }"#,
    ),
    mistake(
        PODS,
        r#"given = "stopped-sandbox""#,
        r#"given = »{}"#,
        r#"expected the name of a situation, or a table { name = { overrides } }"#,
    ),
    mistake(PODS, r#"code = "OK" }"#, r#"code = »7 }"#, r#"expected a word or a list of words"#),
    mistake(
        PODS,
        r#"code = "OK" }"#,
        r#"code = »["OK", 7] }"#,
        r#"expected a word or a list of words"#,
    ),
    mistake(
        PODS,
        r#"config = { metadata = { attempt = 7 } }"#,
        r#"config = »2026-01-01"#,
        r#"a date is no value here; write text"#,
    ),
    mistake(
        PODS,
        r#"given = "stopped-sandbox""#,
        r#"given = "stopped-sandbox"
»given = "sandbox""#,
        r#"duplicate key"#,
    ),
    mistake(
        PODS,
        r#"section = "pods"
says = "A stopped"#,
        r#"section = »pods
says = "A stopped"#,
        r#"string values must be quoted, expected literal string"#,
    ),
    mistake(
        PODS,
        r#"says = "A sandbox has its name.""#,
        r#"says = "A sandbox has its name.»"#,
        r#"invalid basic string, expected `"`"#,
    ),
    mistake(
        SUITE,
        r#"standard = "cri"
"#,
        r#""#,
        r#"suite.toml says no `standard`"#,
    ),
    mistake(
        SUITE,
        r#"versions = ["1.25", "1.37"]
"#,
        r#""#,
        r#"suite.toml says no `versions`"#,
    ),
    mistake(
        SUITE,
        r#"versions = ["1.25", "1.37"]"#,
        r#"versions = »["1.25"]"#,
        r#"`versions` is the oldest and the newest version"#,
    ),
    mistake(
        SUITE,
        r#"versions = ["1.25", "1.37"]"#,
        r#"versions = »["1.25", "new"]"#,
        r#"a version is `1.25`"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"standard = »"cri"
[[requirement]]
code = "SML-POD-001""#,
        r#"`standard` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"versions = »["1.25", "1.30"]
[[requirement]]
code = "SML-POD-001""#,
        r#"`versions` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"package = »"runtime.v1"
[[requirement]]
code = "SML-POD-001""#,
        r#"`package` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"read_only = [»"RuntimeService/Version"]
[[requirement]]
code = "SML-POD-001""#,
        r#"`read_only` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"retired = [»"SML-POD-098"]
[[requirement]]
code = "SML-POD-001""#,
        r#"`retired` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"title = "Pods"
[[requirement]]
code = "SML-POD-001""#,
        r#"`title` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"endpoints = ["/run/x.sock"]
[[requirement]]
code = "SML-POD-001""#,
        r#"`endpoints` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"[sections]
"SML-POD" = "x"
[[requirement]]
code = "SML-POD-001""#,
        r#"`sections` belongs into suite.toml"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"[request.»"RuntimeService/Version"]
version = "v1"
[[requirement]]
code = "SML-POD-001""#,
        r#"a second base request for this rpc"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-001""#,
        r#"[undo.»"RuntimeService/RunPodSandbox"]
[[requirement]]
code = "SML-POD-001""#,
        r#"a second undo for this rpc"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit = ["config"] }"#,
        r#"»"all""#,
        r#"a case is a table: { case = "…", … }"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit = ["config"] }"#,
        r#"»{ omit = ["config"] }"#,
        r#"a case needs a name: case = "…""#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit"#,
        r#"{ case = »7, omit"#,
        r#"the name of a case is text"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit"#,
        r#"{ case = "all", since = »1.30, omit"#,
        r#"a version is text"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit"#,
        r#"{ case = "all", requires = »"SML-POD-001", omit"#,
        r#"`requires` is a list of words"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit"#,
        r#"{ case = "all", needs = »[7], omit"#,
        r#"`needs` is a list of words"#,
    ),
    mistake(
        PODS,
        r#"{ case = "all", omit"#,
        r#"{ case = "all", forbids = »true, omit"#,
        r#"`forbids` is a list of words"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-005"
"#,
        r#"»[[requirement]]
"#,
        r#"missing field `code`"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-005"
level = "MUST"
basis = "stated"
"#,
        r#"»[[requirement]]
code = "SML-POD-005"
level = "MUST"
"#,
        r#"missing field `basis`"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-005"
level = "MUST"
basis = "stated"
section = "pods"
"#,
        r#"»[[requirement]]
code = "SML-POD-005"
level = "MUST"
basis = "stated"
"#,
        r#"missing field `section`"#,
    ),
    mistake(
        PODS,
        r#"[[requirement]]
code = "SML-POD-005"
level = "MUST"
basis = "stated"
section = "pods"
says = "Nobody can see it."
"#,
        r#"»[[requirement]]
code = "SML-POD-005"
level = "MUST"
basis = "stated"
section = "pods"
"#,
        r#"missing field `says`"#,
    ),
    mistake(
        PODS,
        r#"[[check]]
id = "cri.small.twice"
"#,
        r#"»[[check]]
"#,
        r#"missing field `id`"#,
    ),
    mistake(
        PODS,
        r#"[[check]]
id = "cri.small.twice"
title = "A second stop is no error"
"#,
        r#"»[[check]]
id = "cri.small.twice"
"#,
        r#"missing field `title`"#,
    ),
    mistake(
        PODS,
        r#"[[check]]
id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox"
steps = [{ call = "RuntimeService/StopPodSandbox", code = "OK" }]"#,
        r#"»[[check]]
id = "cri.small.twice"
title = "A second stop is no error"
requires = ["SML-POD-001"]
given = "stopped-sandbox""#,
        r#"missing field `steps`"#,
    ),
    mistake(
        PODS,
        r#"[[invariant]]
id = "cri.small.time"
title = "A time is told"
requires = ["SML-POD-007"]
"#,
        r#"»[[invariant]]
id = "cri.small.time"
title = "A time is told"
"#,
        r#"missing field `requires`"#,
    ),
    mistake(
        SUITE,
        r#"[[situation]]
name = "sandbox"
title = "a sandbox"
"#,
        r#"»[[situation]]
name = "sandbox"
"#,
        r#"missing field `title`"#,
    ),
    mistake(
        SUITE,
        r#"[[capability]]
name = "host:files"
found_by = { host = "files" }
"#,
        r#"»[[capability]]
name = "host:files"
"#,
        r#"missing field `found_by`"#,
    ),
];

#[test]
fn are_told_with_their_place() {
    are_told(TABLE);
}

#[test]
fn of_the_folder_itself() {
    let bench = Bench::new();
    let folder = bench.file("suite").display().to_string();
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    assert_eq!(told.code, 2);
    let start = format!("stdcheck: cannot read the suite folder {folder}: No such file");
    assert!(told.message().starts_with(&start), "{}", told.stderr);

    std::fs::create_dir(&folder).expect("the folder is ours");
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    let expected = format!("stdcheck: cannot read the suite folder {folder}: it has no suite.toml");
    assert_eq!((told.code, told.message()), (2, expected.as_str()));

    bench.write("suite/suite.toml", "standard = \"csi\"\nversions = [\"1.5\", \"1.13\"]\n");
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    let expected = "stdcheck: the suite is one for `csi`, not for `cri`";
    assert_eq!((told.code, told.message()), (2, expected));

    let path = bench.file("suite/latin1.toml");
    std::fs::write(&path, b"title = \"caf\xe9\"\n").expect("the folder is ours");
    let told = bench.stdcheck(["lint", "--suite", &folder]);
    let start = format!("stdcheck: cannot read the suite folder {}: ", path.display());
    assert_eq!(told.code, 2);
    assert!(told.message().starts_with(&start), "{}", told.stderr);
}
