//! Compiles the protobuf definitions and the guest program, and hands both to the crate.

#[path = "build/guest.rs"]
mod guest;
#[path = "build/proto.rs"]
mod proto;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out_dir = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    proto::compile(&out_dir)?;
    guest::compile(&out_dir)
}
