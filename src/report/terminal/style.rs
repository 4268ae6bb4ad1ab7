//! Colours, and lines under a label.

use anstyle::{AnsiColor, Style};

use crate::report::layout::wrap;
use crate::verdict::Verdict;

/// What structures the page.
pub const STRONG: Style = Style::new().bold();
/// What may be passed over.
pub const QUIET: Style = Style::new().dimmed();
/// What is well.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What wants a look.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// What is unknown.
pub const UNKNOWN: Style = AnsiColor::Magenta.on_default().bold();

/// The colour of a verdict.
pub fn of(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Pass => GOOD,
        Verdict::Fail => BAD,
        Verdict::Warn => DOUBTFUL,
        Verdict::Error => UNKNOWN,
        Verdict::Skip => QUIET,
    }
}

/// The text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Lines behind a label of a fixed width.
pub fn labelled<S: AsRef<str>>(label: &str, column: usize, lines: &[S]) -> String {
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let label = format!("  {:width$}", if at == 0 { label } else { "" }, width = column - 2);
        let line = format!("{}{}", paint(QUIET, label), line.as_ref());
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A text under a label, wrapped.
pub fn field(label: &str, column: usize, text: &str) -> String {
    labelled(label, column, &wrap(text, super::WIDTH - column))
}

/// Texts as a list, each wrapped behind its dash.
pub fn list<S: AsRef<str>>(items: &[S]) -> String {
    items.iter().map(|item| field("-", 4, item.as_ref())).collect()
}
