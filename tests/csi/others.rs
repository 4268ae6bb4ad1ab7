//! What other people have in a driver is neither counted nor touched.

use crate::{
    driver::{Driver, missing, traces_of},
    harness::Bench,
};

#[test]
fn volumes_and_snapshots_of_others_stay() {
    if missing() {
        return;
    }
    let bench = Bench::new();
    let driver = Driver::start(&bench, &["--foreign-volumes=500", "--foreign-snapshots=500"]);
    let before = driver.holds();
    assert!(before.len() >= 1000, "{}", before.len());
    let report = format!("json={}", bench.file("out.json").display());
    let mut told = bench.stdcheck(["csi", "--endpoint", &driver.endpoint(), "--report", &report]);
    told.report = bench.report();
    assert_eq!(told.with_verdict("fail"), [], "{}", told.stdout);
    assert_eq!(told.with_verdict("error"), []);
    assert_eq!(told.with_verdict("warn"), []);
    assert_eq!(driver.holds(), before);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
    assert_eq!(traces_of(&bench), Vec::<String>::new());
}
