//! What executing plugins costs: on Debian's bridge plugin, if `scripts/peers install 1.6` has brought it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use stdcheck::stage::{Stage, StageOptions, wire::Execution};

use crate::{STDCHECK, measure};

const EXECUTIONS: u32 = 1_000;
const INPUT: &[u8] = br#"{"cniVersion":"1.0.0"}"#;

/// Prints ratios; needs root.
pub fn print() {
    let Some(bridge) = bridge() else {
        println!("no CNI plugins: scripts/peers install 1.6");
        return;
    };
    let bare = bare(&bridge);
    match staged(&bridge) {
        Ok(staged) => println!(
            "{EXECUTIONS} executions of VERSION on a stage: {:.2} times a bare loop of fork and exec ({:.2} ms each)",
            staged.as_secs_f64() / bare.as_secs_f64(),
            bare.as_secs_f64() * 1e3 / f64::from(EXECUTIONS)
        ),
        Err(why) => println!("no stage: {why}"),
    }
    println!("the whole suite on bridge with masquerade:");
    let plugin = bridge.display().to_string();
    for jobs in ["1", "2"] {
        println!("  -j {jobs}: {}", measure::run("cni", &[&plugin, "-j", jobs]));
    }
}

fn bridge() -> Option<PathBuf> {
    let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/peers");
    let told = Command::new(peers).args(["plugins", "1.6"]).stderr(Stdio::null()).output().ok()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
    Some(folder.join("bridge")).filter(|bridge| told.status.success() && bridge.exists())
}

/// As a runtime would, without a stage.
fn bare(bridge: &Path) -> Duration {
    let begin = Instant::now();
    for _ in 0..EXECUTIONS {
        let mut child = Command::new(bridge)
            .env_clear()
            .env("CNI_COMMAND", "VERSION")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it is a program");
        // It need not read it.
        let _ = child.stdin.take().expect("a pipe").write_all(INPUT);
        child.wait_with_output().expect("it ends");
    }
    begin.elapsed()
}

fn staged(bridge: &Path) -> Result<Duration, String> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let options = StageOptions { program: Some(STDCHECK.into()), ..StageOptions::default() };
        let stage = Stage::start(&options).await?;
        let execution = Execution {
            program: bridge.to_owned(),
            env: vec![("CNI_COMMAND".to_owned(), "VERSION".to_owned())],
            stdin: INPUT.into(),
            ..Execution::default()
        };
        let begin = Instant::now();
        for _ in 0..EXECUTIONS {
            let executed = stage.exec(execution.clone()).await?;
            if executed.exit != Some(0) {
                return Err(format!("VERSION ended otherwise: {executed:?}"));
            }
        }
        Ok(begin.elapsed())
    })
}
