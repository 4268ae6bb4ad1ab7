//! Runs that are killed leave nothing behind that `clean` does not take away.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    process::Stdio,
};

use crate::{double::Double, harness::Bench, tripwire::Tripwire};

/// Everything that leaves something, from the image to containers that run.
const SELECT: &[&str] = &[
    "--select=cri.start-container.*",
    "--select=cri.remove-container.*",
    "--select=cri.stop-sandbox.*",
    "--select=cri.remove-sandbox.*",
    "--select=cri.list-containers.*",
    "--api=1.37",
    "-j4",
];
const KILLS: usize = 50;
/// Says at which moments, so that a failure can be had again.
const SEED: &str = "STDCHECK_SEED";

/// Numbers that look random, the same for the same seed.
struct Moments(u64);

impl Moments {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

#[test]
fn at_fifty_random_calls() {
    let seed = match std::env::var(SEED) {
        Ok(seed) => seed.parse().expect("STDCHECK_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("{SEED}={seed}");
    let mut moments = Moments(seed);
    let bench = Bench::new();
    let double = Double::start(bench.path());
    let wire = Tripwire::across(&double.bends);
    wire.put_at(None);
    assert_eq!(bench.cri(&double.socket, SELECT).code, 0);
    // The first call finds nothing that could be left.
    let all = wire.calls() - 1;
    assert!(all > 100, "only {all} moments");

    let mut left = 0;
    for _ in 0..KILLS {
        wire.put_at(Some(2 + moments.below(all)));
        let mut child = bench
            .command(bench.cri_arguments(&double.socket, SELECT))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("stdcheck can be run");
        wire.when_touched(|| {
            child.kill().expect("it still runs");
            child.wait().expect("it ends");
        });
        left += usize::from(double.store.state().counts() != (0, 0, 0));
    }
    assert!(left > 0, "nothing was ever left: the test tries nothing");
    wire.put_at(None);
    let socket = double.socket.display().to_string();
    let cleaned = bench.stdcheck(["cri", "clean", "--socket", &socket]);
    assert_eq!(cleaned.code, 0, "{cleaned:?}");
    let state = double.store.state();
    assert_eq!(state.counts(), (0, 0, 0), "{SEED}={seed}: {cleaned:?}\n{state:#?}");
    let mut leftovers = bench.leftovers();
    leftovers.sort();
    assert_eq!(leftovers, Vec::<String>::new(), "{SEED}={seed}: {cleaned:?}");
}
