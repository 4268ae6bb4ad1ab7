//! The stdcheck command; everything is in the library.

fn main() {
    let begun = std::time::Instant::now();
    // A plugin that delegates runs this program under another name, many times; and stages are made of
    // it, one for each check.
    if let Some(name) = std::env::args_os().next() {
        if stdcheck::delegate::is_named(&name) {
            std::process::exit(stdcheck::delegate::main(&name));
        }
        if stdcheck::dhcp_server::is_named(&name) {
            std::process::exit(stdcheck::dhcp_server::main());
        }
        if stdcheck::stage::is_named(&name) {
            stdcheck::stage::agent::main();
        }
    }
    give_large_buffers_back();
    std::process::exit(stdcheck::cli::main(begun));
}

/// Replies and layers of tens of megabytes come and go. The C library keeps such memory for itself once
/// it has seen one freed, unless it is told from which size on memory goes back to the system.
#[cfg(target_env = "gnu")]
fn give_large_buffers_back() {
    const LARGE: i32 = 1 << 20;
    // SAFETY: it sets a number of the allocator, and no other thread runs yet.
    unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE) };
}

#[cfg(not(target_env = "gnu"))]
fn give_large_buffers_back() {}
