//! Holds proto/ against the wire tables of the standards, tests/data/*.json.

#[path = "wire/cri.rs"]
mod cri;
#[path = "wire/csi.rs"]
mod csi;
#[path = "wire/facts.rs"]
mod facts;
#[path = "wire/table.rs"]
mod table;
