//! proto/ → one descriptor set and the typed code, without protoc.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of all .proto files, relative to the package: imports are written from here.
const ROOT: &str = "proto";

/// Messages whose `Debug` must not print what is in them: src/proto.rs writes it by hand where one is
/// needed.
const SECRET: &[&str] = &[
    "runtime.v1.AuthConfig",
    "csi.v1.CreateVolumeRequest",
    "csi.v1.DeleteVolumeRequest",
    "csi.v1.ControllerPublishVolumeRequest",
    "csi.v1.ControllerUnpublishVolumeRequest",
    "csi.v1.ValidateVolumeCapabilitiesRequest",
    "csi.v1.ControllerModifyVolumeRequest",
    "csi.v1.CreateSnapshotRequest",
    "csi.v1.DeleteSnapshotRequest",
    "csi.v1.ListSnapshotsRequest",
    "csi.v1.GetSnapshotRequest",
    "csi.v1.ControllerExpandVolumeRequest",
    "csi.v1.NodeStageVolumeRequest",
    "csi.v1.NodePublishVolumeRequest",
    "csi.v1.NodeExpandVolumeRequest",
    "csi.v1.CreateVolumeGroupSnapshotRequest",
    "csi.v1.DeleteVolumeGroupSnapshotRequest",
    "csi.v1.GetVolumeGroupSnapshotRequest",
    "csi.v1.GetMetadataAllocatedRequest",
    "csi.v1.GetMetadataDeltaRequest",
];

/// Compiles every file below proto/ and leaves in `out_dir`
/// - `descriptors.bin`: a FileDescriptorSet of all files and their imports, custom options included;
/// - `<package>.rs`: message types and server traits for tonic.
pub fn compile(out_dir: &Path) -> Result<(), Box<dyn Error>> {
    // A directory stands for everything below it, so that a new file is noticed, too.
    println!("cargo:rerun-if-changed={ROOT}");

    let mut files = Vec::new();
    find(Path::new(ROOT), &mut files)?;
    files.sort();

    let mut compiler = protox::Compiler::new([ROOT])?;
    compiler.include_imports(true);
    // The Debug form of the error is the one with file, line and column.
    compiler.open_files(&files).map_err(|e| format!("{e:?}"))?;

    // Only this encoding keeps custom options; `file_descriptor_set()` below has lost them.
    fs::write(out_dir.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    // Source info is left out on purpose: without it there are no comments in the typed code, which
    // rustdoc would read as Markdown (and indented lines in them as doctests).
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(true)
        .skip_debug(SECRET)
        .out_dir(out_dir)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Collects the .proto files below `dir`, as paths that start with [`ROOT`].
fn find(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let entries = fs::read_dir(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
