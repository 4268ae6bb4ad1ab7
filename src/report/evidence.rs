//! Tells a result in rows of label and lines, the same in every report that is read by people.

use super::layout::{bound, json_lines, shorten, wrap};
use crate::events::{CheckResult, Cited, Exchange};
use crate::verdict::Verdict;

/// How much of the evidence is told.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Characters in a line.
    pub width: usize,
    /// Lines of one text or one JSON value.
    pub lines: usize,
    /// Whether longer lines of JSON are cut.
    pub cut: bool,
    /// Whether all exchanges are told, or only the one that showed it.
    pub all: bool,
}

/// One fact of a result.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub label: &'static str,
    /// The fact.
    pub lines: Vec<String>,
}

/// Everything that a reader needs to judge a finding or an error, in the order of reading.
pub fn rows(result: &CheckResult, bounds: Bounds) -> Vec<Row> {
    let text =
        |label, text: &str| Row { label, lines: bound(wrap(text, bounds.width), bounds.lines) };
    let mut rows = Vec::new();
    let breaks = if result.finding.is_some() { "breaks" } else { "about" };
    rows.extend(concerned(result).map(|cited| requirement(breaks, cited, bounds)));
    // What was seen is told below as such; the reason of an error is all that its reader gets.
    match (&result.reason, &result.finding) {
        (Some(reason), Some(finding)) if *reason != finding.actual => {
            rows.push(text("reason", reason));
        }
        (Some(reason), None) => {
            let lines = bound(wrap(reason, bounds.width), bounds.lines.saturating_mul(3));
            rows.push(Row { label: "reason", lines });
        }
        _ => {}
    }
    if let Some(finding) = &result.finding {
        rows.push(text("expected", &finding.expected));
        rows.push(text("actual", &finding.actual));
    }
    rows.extend(exchanges(result, bounds));
    rows.extend(command(result));
    if let Some(finding) = &result.finding {
        // Never wrapped: it is there to be copied.
        rows.push(Row { label: "again", lines: vec![finding.replay.clone()] });
    }
    rows
}

/// The requirements that a finding names; all of the check where it names none.
pub fn concerned(result: &CheckResult) -> impl Iterator<Item = &Cited> {
    let named = |cited: &Cited| {
        result.finding.as_ref().is_none_or(|finding| finding.codes.contains(&cited.code))
    };
    let any = result.requires.iter().any(named);
    result.requires.iter().filter(move |cited| !any || named(cited))
}

fn requirement(label: &'static str, cited: &Cited, bounds: Bounds) -> Row {
    let mut lines =
        vec![format!("{}  {} ({})  {}", cited.code, cited.level, cited.basis, cited.section)];
    lines.extend(wrap(&cited.says, bounds.width));
    if let Some(because) = &cited.cap {
        lines.extend(wrap(&format!("A warning at most: {because}"), bounds.width));
    }
    Row { label, lines }
}

/// The exchange that showed a finding; for an error the last one, which is where it got stuck.
/// Where all are told, that one has a label of its own.
fn exchanges(result: &CheckResult, bounds: Bounds) -> impl Iterator<Item = Row> {
    let one = match &result.finding {
        Some(finding) => finding.exchange,
        None if result.verdict == Verdict::Error => result.exchanges.len().checked_sub(1),
        None => None,
    };
    let numbered = result.exchanges.iter().enumerate();
    numbered.filter(move |(at, _)| bounds.all || one == Some(*at)).map(move |(at, exchange)| {
        let label = if bounds.all && one == Some(at) { "here" } else { "exchange" };
        Row { label, lines: lines(exchange, bounds) }
    })
}

/// The command of the execution that showed a finding, or of the last one before a look showed it.
/// Never wrapped: it is there to be copied.
fn command(result: &CheckResult) -> Option<Row> {
    let at = result.finding.as_ref()?.exchange?;
    let before = result.exchanges.get(..=at)?.iter().rev();
    let command = before.filter_map(|exchange| exchange.command.clone()).next()?;
    Some(Row { label: "command", lines: vec![command] })
}

fn lines(exchange: &Exchange, bounds: Bounds) -> Vec<String> {
    const INDENT: usize = 9;
    let Exchange { what, code, took_ms, at_ms, .. } = exchange;
    let at = *at_ms as f64 / 1000.0;
    let mut lines = vec![format!("{what} -> {code}, took {took_ms:.1} ms, at {at:.3} s")];
    let width = bounds.width.saturating_sub(INDENT);
    let mut part = |label: &str, part: Vec<String>| {
        for (at, line) in bound(part, bounds.lines).into_iter().enumerate() {
            let line = if bounds.cut { shorten(&line, width) } else { line };
            lines.push(format!("{:INDENT$}{line}", if at == 0 { label } else { "" }));
        }
    };
    if !exchange.request.is_null() {
        part("request", json_lines(&exchange.request, width));
    }
    if !exchange.message.is_empty() {
        part("message", wrap(&exchange.message, width));
    }
    if let Some(reply) = &exchange.reply {
        part("reply", json_lines(reply, width));
    }
    lines
}
