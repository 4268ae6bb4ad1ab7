//! The blocks that come while a run is under way.

use super::WIDTH;
use super::style::{BAD, DOUBTFUL, QUIET, STRONG, field, labelled, of, paint};
use crate::events::CheckResult;
use crate::report::evidence::{Bounds, rows};
use crate::verdict::Verdict;

/// Where the id and the title begin.
const HEAD: usize = 7;
const COLUMN: usize = 12;
const BOUNDS: Bounds = Bounds { width: WIDTH - COLUMN, lines: 8, cut: true, all: false };

/// The block of a result; empty where nobody needs one.
pub fn render(result: &CheckResult) -> String {
    let verdict = result.verdict;
    if matches!(verdict, Verdict::Pass | Verdict::Skip) {
        return String::new();
    }
    if let Some(waiver) = &result.waived {
        let head = format!("{}  {}", paint(QUIET, "WAIVED"), result.id);
        let would = format!("{verdict}, accepted: {waiver}");
        return format!("{head}\n{}\n", field("", HEAD + 1, &would));
    }
    let word = verdict.to_string().to_uppercase();
    let mut out = format!(
        "{}  {}\n",
        paint(of(verdict), format_args!("{word:5}")),
        paint(STRONG, &result.id)
    );
    out += &field("", HEAD, &result.title);
    for row in rows(result, BOUNDS) {
        out += &labelled(row.label, COLUMN, &row.lines);
    }
    out + "\n"
}

/// An error whose reason was told before.
pub fn same_error(id: &str, first: &str) -> String {
    let word = paint(of(Verdict::Error), "ERROR");
    format!("{word}  {}\n{}\n", paint(STRONG, id), field("", HEAD, &format!("as {first}")))
}

/// The target is gone.
pub fn died(during: &[String], how: &str) -> String {
    let mut out = format!("{}\n", paint(BAD, "THE TARGET DIED"));
    out += &field("how", COLUMN, how);
    out += &labelled("during", COLUMN, during);
    out + "\n"
}

/// The target is back.
pub fn restarted(took_ms: u64) -> String {
    format!("The target answers again after {:.1} s.\n\n", took_ms as f64 / 1000.0)
}

/// Something of ours is still there.
pub fn left_behind(of: &str, message: &str) -> String {
    let mut out = format!("{}\n", paint(DOUBTFUL, "LEFT BEHIND"));
    out += &field("by", COLUMN, of);
    out += &field("what", COLUMN, message);
    out + "\n"
}

/// A remark.
pub fn note(note: &str) -> String {
    field("Note:", 8, note) + "\n"
}
