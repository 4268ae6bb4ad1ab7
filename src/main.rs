//! The stdcheck command; everything is in the library.

fn main() {
    let begun = std::time::Instant::now();
    std::process::exit(stdcheck::cli::main(begun));
}
