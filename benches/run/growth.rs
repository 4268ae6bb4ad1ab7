//! What one check costs as the suite grows: a suite of our own making, with as many checks as asked.

use std::{fmt::Write as _, path::Path};

use crate::measure;

const SIZES: [usize; 3] = [10, 100, 1000];

/// Of four checks that follow each other three look, at the version, at a sandbox that they share, and
/// at a list; the fourth makes a container. So it is in the real suite, roughly.
const KINDS: [&str; 4] = [
    r#"looks = true
[[check.steps]]
call = "RuntimeService/Version"
expect = ["reply.runtime_name != ''", "reply.runtime_version != ''"]
"#,
    r#"looks = true
given = "sandbox"
[[check.steps]]
call = "RuntimeService/PodSandboxStatus"
expect = ["reply.status.id == sandbox.reply.pod_sandbox_id", "reply.status.created_at > 0"]
"#,
    r#"looks = true
given = "sandbox"
[[check.steps]]
call = "RuntimeService/ListPodSandbox"
with.filter = { id = "$sandbox.reply.pod_sandbox_id" }
expect = ["reply.items.exists(item, item.id == sandbox.reply.pod_sandbox_id)"]
"#,
    r#"given = "container"
[[check.steps]]
call = "RuntimeService/ContainerStatus"
expect = ["reply.status.state == 'CONTAINER_CREATED'", "size(reply.status.labels) == 1"]
"#,
];

/// Runs suites of every size, and prints what a check of each costs.
pub fn print(socket: &Path, folder: &Path) {
    println!("own time and memory as the suite grows:");
    let suites = SIZES.map(|size| {
        let suite = folder.join(format!("suite-{size}"));
        write(&suite, size);
        (size, suite.display().to_string())
    });
    let socket = socket.display().to_string();
    for jobs in ["1", "8"] {
        let mut costs = Vec::new();
        for (size, suite) in &suites {
            let measured =
                measure::run("cri", &["--socket", &socket, "--suite", suite, "-j", jobs]);
            assert_eq!((measured.code, measured.checks), (0, *size), "the suite is sound");
            let each = |ms: f64| ms / *size as f64;
            let (own, cpu) = (each(measured.own_ms), each(measured.cpu_ms));
            let peak = measured.peak_mb;
            println!(
                "  -j {jobs}, {size} checks: own {own:.3} ms and cpu {cpu:.3} ms for each, {peak:.1} MB"
            );
            costs.push((own, cpu));
        }
        let [small, middle, large] = costs[..] else { unreachable!("one of each size") };
        println!(
            "  -j {jobs}: a check of {} costs {:.2} times one of {}, by cpu {:.2} times",
            SIZES[2],
            large.0 / small.0,
            SIZES[0],
            large.1 / small.1
        );
        // Without what every run costs, however small.
        let (early, late) = (
            slope(SIZES[0], small.1, SIZES[1], middle.1),
            slope(SIZES[1], middle.1, SIZES[2], large.1),
        );
        println!(
            "  -j {jobs}: one more costs cpu {early:.3} ms at first, {late:.3} ms at last, {:.2} times",
            late / early
        );
    }
}

/// What one more check costs between two suites, of which the cost of each check is known.
fn slope(few: usize, each_of_few: f64, many: usize, each_of_many: f64) -> f64 {
    let total = |count: usize, each: f64| count as f64 * each;
    (total(many, each_of_many) - total(few, each_of_few)) / (many - few) as f64
}

/// The real suite's vocabulary with requirements and checks of ours.
fn write(folder: &Path, size: usize) {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/cri");
    std::fs::create_dir(folder).expect("the folder is ours");
    for name in ["suite.toml", "runtimes.toml"] {
        std::fs::copy(real.join(name), folder.join(name)).expect("it can be copied");
    }
    let mut text = String::new();
    for number in 0..size {
        write!(
            text,
            "[[requirement]]\ncode = \"CRI-VER-{number:04}\"\nlevel = \"MUST\"\nbasis = \"read\"\n\
             section = \"rpc Version\"\nsays = \"Sentence {number} is kept.\"\n\n"
        )
        .expect("a string takes all");
    }
    for number in 0..size {
        let kind = KINDS[number % KINDS.len()];
        write!(
            text,
            "[[check]]\nid = \"cri.growth.check-{number:04}\"\ntitle = \"Sentence {number} is kept\"\n\
             requires = [\"CRI-VER-{number:04}\"]\n{kind}\n"
        )
        .expect("a string takes all");
    }
    std::fs::write(folder.join("growth.toml"), text).expect("the folder is ours");
}
