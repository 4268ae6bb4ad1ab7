//! `stdcheck cri image`: the test image as an archive, for nodes that may not pull.

use std::{fs::File, io::BufWriter, path::PathBuf};

use clap::Parser;

use super::common::{Stop, print_line};
use crate::{
    image::{GUEST_REFERENCE, Image, ImageSpec, archive},
    verdict::exit,
};

/// Export the test image, for nodes that may not pull
///
/// Import it (ctr -n k8s.io images import FILE, podman load -i FILE) and run
/// stdcheck cri --image NAME.
#[derive(Debug, Parser)]
pub struct Args {
    /// The archive to write: an OCI layout that docker and podman read too
    #[arg(long, value_name = "FILE")]
    export: PathBuf,
    /// The name under which it is imported; with another host than stdcheck.local it is taken for an
    /// image of yours, without stdcheck's program
    #[arg(long, value_name = "REF", default_value = GUEST_REFERENCE)]
    name: String,
}

impl Args {
    pub fn run(&self) -> Result<i32, Stop> {
        let told = |error: &dyn std::fmt::Display| {
            Stop::usage(format!("cannot write {}: {error}", self.export.display()))
        };
        let image = Image::build(&ImageSpec::new("export")).map_err(|error| told(&error))?;
        let file = File::create(&self.export).map_err(|error| told(&error))?;
        let name = archive::write(&image, &self.name, BufWriter::new(file))
            .map_err(|error| told(&error))?;
        print_line(format!("{name} is in {}", self.export.display()));
        Ok(exit::OK)
    }
}
