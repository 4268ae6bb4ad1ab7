//! The end: what came of it, in the order in which a tired reader asks.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use anstyle::Style;

use super::WIDTH;
use super::opening::name;
use super::style::{BAD, DOUBTFUL, GOOD, QUIET, STRONG, UNKNOWN, field, labelled, list, of, paint};
use crate::events::{CheckResult, Finish, Header};
use crate::report::clean::first_line;
use crate::report::evidence::concerned;
use crate::report::layout::{shorten, wrap};
use crate::report::refusing::{self, Refusing};
use crate::report::{End, Summary};
use crate::verdict::{Conclusion, SkipKind, Verdict, exit};

const COLUMN: usize = 16;
/// How many codes, or harmless reasons, are listed before the rest is only counted.
const SOME: usize = 10;

/// The whole summary.
pub fn render(end: &End<'_>) -> String {
    let no_finish = Finish::default();
    let finish = end.record.finish.as_ref().unwrap_or(&no_finish);
    let no_header = Header::default();
    let header = end.record.header.as_ref().unwrap_or(&no_header);
    let results = &end.record.results;
    let mut out = paint(STRONG, "─".repeat(WIDTH)) + "\n";
    let refusing = refusing::find(results);
    out += &findings(results, header, &refusing);
    let lines: Vec<String> = refusing.into_iter().map(|refusing| refusing.line).collect();
    out += &section(DOUBTFUL, "Refused again and again", &lines);
    out += &skips(results, SkipKind::NotChecked, end.summary);
    out += &skips(results, SkipKind::NotApplicable, end.summary);
    out += &waivers(results);
    out += &section(DOUBTFUL, "Waivers that do not hold", &finish.bad_waivers);
    out +=
        &section(BAD, "Deaths that no check could be shown to cause", &finish.unattributed_deaths);
    let left =
        end.record.cleanup_failures.iter().map(|left| format!("{}: {}", left.of, left.message));
    out += &section(DOUBTFUL, "Left behind", &left.collect::<Vec<_>>());
    out += &numbers(end.summary, finish);
    out += &verdict(end, header, finish);
    out
}

fn section(style: Style, title: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    format!("{}\n{}\n", paint(style, format_args!("{title} ({})", items.len())), list(items))
}

/// One line or two for each open finding and error: their blocks have scrolled away by now.
fn findings(results: &[CheckResult], header: &Header, refusing: &[Refusing<'_>]) -> String {
    let mut out = String::new();
    let mut errors: Vec<&str> = Vec::new();
    for verdict in [Verdict::Fail, Verdict::Warn, Verdict::Error] {
        for result in
            results.iter().filter(|result| result.verdict == verdict && result.waived.is_none())
        {
            let word = format!("{:5}", verdict.to_string().to_uppercase());
            out += &format!("{}  {}\n", paint(of(verdict), word), result.id);
            let codes =
                concerned(result).map(|cited| cited.code.as_str()).collect::<Vec<_>>().join(", ");
            let why = result
                .reason
                .as_deref()
                .or(result.finding.as_ref().map(|finding| finding.actual.as_str()));
            // The same cause is told once.
            if let Some(why) = why.filter(|_| verdict == Verdict::Error) {
                let told = |refusing: &Refusing<'_>| refusing.checks.contains(&result.id.as_str());
                if refusing.iter().any(told) || errors.contains(&why) {
                    continue;
                }
                errors.push(why);
            }
            let line = first_line(&format!("{codes}: {}", why.unwrap_or_default()), WIDTH);
            out += &labelled("", 7, &[shorten(&line, WIDTH - 7)]);
        }
    }
    if out.is_empty() {
        return out;
    }
    let has_log = header.command.iter().any(|word| word.starts_with("--log-dir"));
    if !has_log {
        out += &field("", 7, "With --log-dir DIR, every exchange of these is kept in full.");
    }
    out + "\n"
}

/// Skips of one kind by their reason, the most frequent first.
fn skips(results: &[CheckResult], kind: SkipKind, summary: &Summary) -> String {
    let mut reasons = BTreeMap::<&str, usize>::new();
    for result in results.iter().filter(|result| result.kind == Some(kind)) {
        *reasons.entry(result.reason.as_deref().unwrap_or("no reason given")).or_default() += 1;
    }
    if reasons.is_empty() {
        return String::new();
    }
    let skipped: usize = reasons.values().sum();
    let mut reasons = reasons.into_iter().collect::<Vec<_>>();
    reasons.sort_by_key(|(_, count)| Reverse(*count));
    let (title, shown) = match kind {
        SkipKind::NotChecked => {
            let musts =
                match summary.unknown().filter(|requirement| requirement.kind.is_some()).count() {
                    0 => String::new(),
                    1 => "; 1 MUST is not known to be kept".into(),
                    many => format!("; {many} MUSTs are not known to be kept"),
                };
            let title = format!("NOT CHECKED: {}{musts}", counted(skipped, "check"));
            (paint(UNKNOWN, title), reasons.len())
        }
        SkipKind::NotApplicable => {
            let title = format!("Not applicable, which is harmless: {}", counted(skipped, "check"));
            (paint(QUIET, title), SOME.min(reasons.len()))
        }
    };
    let mut out = title + "\n";
    for (reason, count) in &reasons[..shown] {
        out += &field(&format!("{count:>4}"), 8, reason);
    }
    if shown < reasons.len() {
        let rest: usize = reasons[shown..].iter().map(|(_, count)| count).sum();
        out += &field(
            &format!("{rest:>4}"),
            8,
            &format!("for {} more reasons", reasons.len() - shown),
        );
    }
    out + "\n"
}

fn waivers(results: &[CheckResult]) -> String {
    let waived = |result: &CheckResult| {
        let waiver = result.waived.as_ref()?;
        Some(format!("{} ({}): {waiver}", result.id, result.verdict))
    };
    section(QUIET, "Waived", &results.iter().filter_map(waived).collect::<Vec<_>>())
}

fn numbers(summary: &Summary, finish: &Finish) -> String {
    let count = |verdict: Verdict| match summary.counts.of(verdict) {
        0 => format!("0 {verdict}"),
        many => paint(of(verdict), format_args!("{many} {verdict}")),
    };
    let mut checks = Verdict::ALL.map(count).join(", ");
    if summary.waived > 0 {
        checks += &format!(" ({} waived)", summary.waived);
    }
    let kept = summary
        .requirements
        .values()
        .filter(|requirement| requirement.verdict == Verdict::Pass)
        .count();
    let seconds = |ms: f64| format!("{:.1} s", ms / 1000.0);
    let mut out = labelled("checks", COLUMN, &[checks]);
    let (broken, unknown) = (summary.broken().count(), summary.unknown().count());
    let all = summary.requirements.len();
    let musts = if unknown == 1 { "MUST" } else { "MUSTs" };
    let requirements = format!(
        "{all}, of which {kept} seen to be kept, {broken} broken, {unknown} {musts} unknown"
    );
    out += &field("requirements", COLUMN, &requirements);
    let time = format!(
        "{}, of which the target took {}",
        seconds(finish.wall_ms),
        seconds(finish.target_ms)
    );
    out += &field("time", COLUMN, &time);
    out
}

/// The last words: the conclusion about the target, and what the exit code means.
fn verdict(end: &End<'_>, header: &Header, finish: &Finish) -> String {
    let conclusion = end.summary.conclusion;
    let style = match conclusion {
        Conclusion::Conformant => GOOD,
        Conclusion::Partial => UNKNOWN,
        Conclusion::NotConformant => BAD,
    };
    let mut lines = vec![paint(style, conclusion.to_string().to_uppercase())];
    lines.extend(wrap(&sentence(end.summary, header), WIDTH - COLUMN));
    let mut out = labelled("conclusion", COLUMN, &lines);
    let meaning = format!("{}: {}", end.exit_code, meaning(end, finish));
    out += &field("exit code", COLUMN, &meaning);
    out
}

fn sentence(summary: &Summary, header: &Header) -> String {
    let name = name(header);
    let standard = format!("{} {}", header.standard.to_uppercase(), header.target.api);
    match summary.conclusion {
        Conclusion::Conformant => {
            format!(
                "{name} keeps every MUST of {standard} that applies to it, as far as it was selected."
            )
        }
        Conclusion::Partial if summary.selected == 0 => {
            "Nothing was selected, so nothing is known.".into()
        }
        Conclusion::Partial => {
            let unknown = codes(summary.unknown().map(|requirement| requirement.code.as_str()));
            match (summary.complete, unknown) {
                (true, unknown) => {
                    format!("Nothing failed, but it is not known whether {name} keeps {unknown}.")
                }
                (false, _) => "Nothing failed, but the run did not come to its end.".into(),
            }
        }
        Conclusion::NotConformant => match summary.broken().count() {
            0 => format!("{name} died during the run."),
            _ => {
                let broken = codes(summary.broken().map(|requirement| requirement.code.as_str()));
                format!("{name} breaks what {standard} says it MUST keep: {broken}.")
            }
        },
    }
}

/// The codes, or the first of them and how many more.
fn codes<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all = all.collect::<Vec<_>>();
    let some = &all[..SOME.min(all.len())];
    match all.len() - some.len() {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

fn meaning(end: &End<'_>, finish: &Finish) -> String {
    let summary = end.summary;
    match end.exit_code {
        exit::INTERRUPTED => "the run was interrupted.".into(),
        exit::FAILED => {
            let strict = if end.gate.strict { summary.open_warns } else { 0 };
            let parts = [
                (
                    summary.open_fails,
                    "failure that no waiver accepts",
                    "failures that no waiver accepts",
                ),
                (strict, "warning, under --strict", "warnings, under --strict"),
                (summary.bad_waivers, "waiver that does not hold", "waivers that do not hold"),
                (
                    summary.unattributed_deaths,
                    "unexplained death of the target",
                    "unexplained deaths of the target",
                ),
            ];
            let told = parts.iter().filter(|(count, ..)| *count > 0);
            let told = told.map(|(count, one, many)| {
                format!("{count} {}", if *count == 1 { one } else { many })
            });
            told.collect::<Vec<_>>().join("; ") + "."
        }
        exit::USAGE => "a report could not be written; the message follows.".into(),
        exit::ERROR => match &finish.ended_early {
            Some(why) => format!("the run ended early: {why}"),
            None if summary.counts.error > 0 => {
                format!(
                    "{} could not find out; see the reasons above.",
                    counted(summary.counts.error, "check")
                )
            }
            None => "the run was cut off before its last check.".into(),
        },
        exit::NOTHING_SELECTED => "the selection holds no check.".into(),
        exit::PARTIAL => "the conclusion is partial, and --deny partial was given.".into(),
        _ if summary.open_warns > 0 => {
            format!(
                "no failures; {} would count under --strict.",
                counted(summary.open_warns, "warning")
            )
        }
        _ if summary.waived > 0 => "nothing that a waiver does not accept.".into(),
        _ => "nothing to complain about.".into(),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
