//! The header: what will be checked and touched, before anything is.

use super::style::{STRONG, field, list, paint};
use crate::events::Header;
use crate::report::layout::wrap;

const COLUMN: usize = 16;

/// The whole header.
pub fn render(header: &Header) -> String {
    let target = &header.target;
    let standard = header.standard.to_uppercase();
    let mut out =
        paint(STRONG, format_args!("stdcheck {}: {standard} conformance", header.stdcheck)) + "\n";
    out += &field("target", COLUMN, &name(header));
    out += &field("endpoint", COLUMN, &target.endpoint);
    out += &field("judged by", COLUMN, &format!("{standard} {} ({})", target.api, target.api_from));
    let present = target.capabilities.iter().filter(|capability| capability.present).count();
    if !target.capabilities.is_empty() {
        out += &field(
            "capabilities",
            COLUMN,
            &format!("{present} of {} found", target.capabilities.len()),
        );
    }
    out += &field("checks", COLUMN, &format!("{} selected", header.selected));
    out += &field("run", COLUMN, &format!("{}, begun {}", header.run_id, header.started_at));
    if !header.touches.is_empty() {
        out += &wrap("\nThis run will touch:", super::WIDTH).join("\n");
        out += "\n";
        out += &list(&header.touches);
    }
    out + "\n"
}

/// The target in the reader's words: its name and version, or that it gave none.
pub fn name(header: &Header) -> String {
    let target = &header.target;
    match (target.name.as_str(), target.version.as_str()) {
        ("", _) => "the target (it gave no name)".into(),
        (name, "") => name.into(),
        (name, version) => format!("{name} {version}"),
    }
}
