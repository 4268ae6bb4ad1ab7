//! Compiles `src/guest`, the program inside our test images, into one static binary.
//!
//! Cargo cannot do it: the guest is linked in another way than the rest of the package, and is an input of it.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a file to use instead of a guest compiled here.
const OVERRIDE: &str = "STDCHECK_GUEST";
const SOURCES: &str = "src/guest";

/// Leaves the guest in `out_dir/guest`, for the target that cargo builds for.
///
/// With `STDCHECK_GUEST=FILE` it is a copy of that file. Otherwise `$RUSTC` compiles it: for the musl target of the
/// same architecture if its std is installed, else for cargo's target with the C library linked statically.
///
/// # Errors
/// One text that says what was tried, and what to install or set.
pub fn compile(out_dir: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCES}");
    println!("cargo::rerun-if-changed=build/guest.rs");
    println!("cargo::rerun-if-env-changed={OVERRIDE}");
    let guest = out_dir.join("guest");
    if let Some(file) = env::var_os(OVERRIDE).filter(|file| !file.is_empty()) {
        return copy(Path::new(&file), &guest);
    }
    let target = env::var("TARGET")?;
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut tried = Vec::new();
    for candidate in candidates(&rustc, &target) {
        match build(&rustc, &candidate, &guest) {
            Ok(()) => return Ok(()),
            Err(reason) => tried.push(format!("for {candidate}: {reason}")),
        }
    }
    Err(advice(&target, &tried).into())
}

fn copy(file: &Path, guest: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", file.display());
    fs::copy(file, guest).map_err(|error| format!("{OVERRIDE}={}: {error}", file.display()))?;
    must_be_static(guest).map_err(|reason| format!("{OVERRIDE}={}: {reason}", file.display()))?;
    Ok(())
}

/// The targets to try, the best first.
fn candidates(rustc: &OsString, target: &str) -> Vec<String> {
    if !target.contains("-linux-") {
        return Vec::new();
    }
    let musl = musl_of(target);
    if musl == target || !has_std(rustc, &musl) {
        return vec![target.into()];
    }
    vec![musl, target.into()]
}

/// The musl target of the same architecture: `arm-unknown-linux-gnueabihf` has `arm-unknown-linux-musleabihf`.
fn musl_of(target: &str) -> String {
    let architecture = target.split('-').next().unwrap_or_default();
    let variant = target.rsplit_once("-gnu").map_or("", |(_, variant)| variant);
    format!("{architecture}-unknown-linux-musl{variant}")
}

fn has_std(rustc: &OsString, target: &str) -> bool {
    let printed =
        Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
    printed.is_ok_and(|printed| {
        let folder = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
        printed.status.success() && folder.is_dir()
    })
}

fn build(rustc: &OsString, target: &str, guest: &Path) -> Result<(), String> {
    let mut command = Command::new(rustc);
    command
        .args(["--edition", "2024", "--crate-name", "guest", "--target", target])
        .args(["-C", "opt-level=s", "-C", "panic=abort", "-C", "strip=symbols"])
        .args(["-C", "lto=fat", "-C", "codegen-units=1"])
        // A fixed address: a program that may load anywhere brings relocations, and needs more of the C library.
        .args(["-C", "target-feature=+crt-static", "-C", "relocation-model=static"]);
    // What cargo was told for its own target is right for that target only.
    if env::var("TARGET").is_ok_and(|own| own == target)
        && let Some(linker) = env::var_os("RUSTC_LINKER")
    {
        let mut option = OsString::from("linker=");
        option.push(linker);
        command.arg("-C").arg(option);
    }
    let done = command
        .arg("-o")
        .arg(guest)
        .arg(Path::new(SOURCES).join("main.rs"))
        .output()
        .map_err(|error| format!("{}: {error}", rustc.display()))?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).trim().to_owned());
    }
    must_be_static(guest)
}

fn advice(target: &str, tried: &[String]) -> String {
    let architecture = target.split('-').next().unwrap_or_default();
    format!(
        "the program inside stdcheck's test images (src/guest) could not be built as a static binary. Do one of:\n\
         - rustup target add {architecture}-unknown-linux-musl\n\
         - install the static C library of the system (Debian: libc6-dev, Fedora: glibc-static)\n\
         - set {OVERRIDE} to a static Linux binary of it, built elsewhere\n\
         {}",
        if tried.is_empty() {
            format!("{target} is not a Linux target.")
        } else {
            tried.join("\n")
        }
    )
}

/// Refuses a program that needs a loader or libraries: an image of ours holds nothing else.
fn must_be_static(file: &Path) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    match asks_for_a_loader(&bytes) {
        Some(false) => Ok(()),
        Some(true) => Err("it is not linked statically (it has a PT_INTERP segment)".into()),
        None => Err("it is not a complete ELF program".into()),
    }
}

/// Whether an ELF file has a PT_INTERP segment; `None` if it is no ELF file, or cut.
fn asks_for_a_loader(elf: &[u8]) -> Option<bool> {
    const PT_INTERP: u64 = 3;
    if !elf.starts_with(b"\x7fELF") {
        return None;
    }
    let wide = *elf.get(4)? == 2;
    let little = *elf.get(5)? == 1;
    let number = |at: usize, length: usize| {
        let bytes = elf.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    };
    // Where the table of segments is, how long one entry is, and how many there are.
    let (table, entry, count) = if wide {
        (number(32, 8)?, number(54, 2)?, number(56, 2)?)
    } else {
        (number(28, 4)?, number(42, 2)?, number(44, 2)?)
    };
    for segment in 0..count {
        let at = table.checked_add(segment * entry)?;
        if number(usize::try_from(at).ok()?, 4)? == PT_INTERP {
            return Some(true);
        }
    }
    Some(false)
}
