//! The first command that a reader of the README tries.

use crate::{driver::missing, harness::Bench};

#[test]
fn the_demo_shows_a_sound_and_a_broken_driver() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let told = bench.stdcheck(["demo", "--select", "section:CSI-CTRL"]);
    assert_eq!(told.code, 0, "{}{}", told.stdout, told.stderr);
    let table = told.stdout.rsplit("SOUND").next().expect("a table");
    let row = |word: &str| {
        let line = table.lines().find(|line| line.trim_start().starts_with(word));
        let line = line.unwrap_or_else(|| panic!("no {word}: {table}"));
        line.split_whitespace().skip(1).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("fail")[0], "0", "{table}");
    assert_ne!(row("fail")[1], "0", "{table}");
    assert_eq!(row("CSI-CTRL-002"), ["pass", "fail"], "{table}");
    assert_eq!(row("conclusion")[0], "conformant", "{table}");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}
