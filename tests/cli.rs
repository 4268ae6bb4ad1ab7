//! What the commands that need no target print: the sessions in `tests/cli/`. After a wanted change,
//! `TRYCMD=overwrite cargo test --test cli` writes them anew.

#[test]
fn sessions() {
    // Names, versions and exit codes are part of what scripts rely on.
    trycmd::TestCases::new().env("NO_COLOR", "1").case("tests/cli/*.trycmd");
}
