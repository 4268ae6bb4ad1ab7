//! One check from its situation to its verdict.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Run, halt::Halt, lane::Lane, seen::Evidence, situation, step, target, undo};
use crate::{
    events::{CheckResult, Cited, DIED, Finding},
    plan::Planned,
    suite::{format::StepDef, request, tree::Tree},
    verdict::{SkipKind, Verdict},
};

/// How a check ended, before the run knows whether somebody else killed the target.
pub struct Ended {
    /// Its result; for a death the verdict is the run's to find.
    pub result: CheckResult,
    /// Its exchanges, which are not in the result yet.
    pub evidence: Vec<Evidence>,
    /// How the target died under it.
    pub died: Option<String>,
}

/// Runs a check and undoes what it did.
pub async fn run(run: &Arc<Run>, planned: &Planned, share: Option<&str>) -> Ended {
    let begin = Instant::now();
    let mut lane = Lane::at(run, &planned.check.id, &planned.api);
    let timeout = planned.check.source.def.timeout.map_or(run.options.check_timeout, |span| span.0);
    let halt = tokio::select! {
        biased;
        () = stopped_and_waited(run) => Err(stopped(run)),
        ended = tokio::time::timeout(timeout, steps(&mut lane, planned, share)) => match ended {
            Ok(ended) => ended,
            Err(_) => Err(Halt::Error(format!(
                "the check took longer than {}",
                humantime::format_duration(timeout)
            ))),
        },
    };
    // A check that was cut may have begun a restart.
    target::restarted(run).await;
    // A target that died without ending our calls must not look like a pass.
    let halt = match (halt, run.drive.death()) {
        (halt @ Err(Halt::Died(_)), _) => halt,
        (_, Some(how)) => Err(Halt::Died(how)),
        (halt, None) => halt,
    };
    let halt = match halt {
        Err(Halt::Died(how)) => Err(run.lost_in_restart().map_or(Halt::Died(how), Halt::Error)),
        halt => halt,
    };
    let mut result = blank(planned);
    let mut evidence = lane.take_evidence();
    let mut died = match &halt {
        Err(Halt::Died(how)) => Some(how.clone()),
        _ => None,
    };
    judge(run, planned, &mut result, halt, evidence.len());
    if died.is_none() && !run.is_gone() {
        died = undo::all(&mut lane).await.filter(|_| run.lost_in_restart().is_none());
        if let Some(how) = &died {
            // The calls that clean up after a check are its own, too.
            evidence.append(&mut lane.take_evidence());
            death(run, planned, &mut result, how, evidence.len());
        }
    } else {
        run.leave(lane);
    }
    result.duration_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ended { result, evidence, died }
}

async fn steps(lane: &mut Lane, planned: &Planned, share: Option<&str>) -> Result<(), Halt> {
    let def = planned.check.source.def.clone();
    if !planned.check.variables.is_empty() {
        let case = Tree::Table(planned.check.variables.clone());
        let case = request::evaluate(&case, &lane.scope).map_err(Halt::Error)?;
        lane.scope.insert("case".into(), case);
    }
    if let Some(given) = &def.given {
        situation::enter(lane, given, share).await?;
    }
    for one in &def.steps {
        if lane.run.stop.is_cancelled() {
            return Err(stopped(&lane.run));
        }
        match judged(lane, planned, one)? {
            true => step::execute(lane, one, None).await?,
            false => step::execute(lane, &one.unjudged(), None).await?,
        }
    }
    Ok(())
}

/// Whether what a step claims holds at this version: one that names a code of its own is done, but not
/// judged, where that code does not apply.
fn judged(lane: &Lane, planned: &Planned, step: &StepDef) -> Result<bool, Halt> {
    let Some(of) = &step.of else { return Ok(true) };
    let codes = lane.words(of.as_ref())?;
    Ok(codes.iter().all(|code| planned.requires.iter().any(|cited| cited.code == *code)))
}

/// A result without a verdict yet.
pub fn blank(planned: &Planned) -> CheckResult {
    CheckResult {
        id: planned.check.id.clone(),
        title: planned.check.title.clone(),
        requires: planned.requires.clone(),
        verdict: Verdict::Pass,
        kind: None,
        reason: None,
        finding: None,
        exchanges: Vec::new(),
        waived: None,
        duration_ms: 0,
    }
}

/// A result for a check that is not run.
pub fn skipped(planned: &Planned, kind: SkipKind, reason: String) -> CheckResult {
    CheckResult { verdict: Verdict::Skip, kind: Some(kind), reason: Some(reason), ..blank(planned) }
}

/// A result for a check that could not find out.
pub fn erred(planned: &Planned, reason: String) -> CheckResult {
    CheckResult { verdict: Verdict::Error, reason: Some(reason), ..blank(planned) }
}

/// `exchanges` is how many it had with the target.
fn judge(
    run: &Run,
    planned: &Planned,
    result: &mut CheckResult,
    halt: Result<(), Halt>,
    exchanges: usize,
) {
    match halt {
        Ok(()) => {}
        Err(Halt::Skip(kind, why)) => {
            result.verdict = Verdict::Skip;
            result.kind = Some(kind);
            result.reason = Some(why);
        }
        Err(Halt::Error(why)) => {
            result.verdict = Verdict::Error;
            result.reason = Some(why);
        }
        Err(Halt::Died(how)) => death(run, planned, result, &how, exchanges),
        Err(Halt::Broken(broken)) => {
            let of = broken.of.as_deref();
            result.verdict = breach(&planned.requires, of);
            result.reason = Some(broken.actual.clone());
            let codes = match of {
                Some(code) => vec![code.to_owned()],
                None => own_codes(planned),
            };
            result.finding = Some(Finding {
                codes,
                expected: broken.expected,
                actual: broken.actual,
                exchange: broken.exchange,
                replay: run.replay(&planned.check.id),
            });
        }
    }
}

/// The check killed the target: that fails whatever its level.
fn death(run: &Run, planned: &Planned, result: &mut CheckResult, how: &str, exchanges: usize) {
    result.verdict = Verdict::Fail;
    result.kind = None;
    result.reason = Some(format!("{DIED}: {how}"));
    result.finding = Some(Finding {
        codes: planned.requires.iter().map(|cited| cited.code.clone()).collect(),
        expected: "the target survives".to_owned(),
        actual: format!("{DIED}: {how}"),
        exchange: exchanges.checked_sub(1),
        replay: run.replay(&planned.check.id),
    });
}

/// Codes that no step claims for itself.
fn own_codes(planned: &Planned) -> Vec<String> {
    let of: Vec<&String> = planned
        .check
        .source
        .def
        .steps
        .iter()
        .filter_map(|step| step.of.as_ref().map(toml::Spanned::as_ref))
        .collect();
    let own: Vec<String> = planned
        .requires
        .iter()
        .map(|cited| cited.code.clone())
        .filter(|code| !of.contains(&code))
        .collect();
    if own.is_empty() {
        planned.requires.iter().map(|cited| cited.code.clone()).collect()
    } else {
        own
    }
}

/// The verdict of a breach: of the named requirement, or the gravest of them.
pub fn breach(requires: &[Cited], of: Option<&str>) -> Verdict {
    requires
        .iter()
        .filter(|cited| of.is_none_or(|code| cited.code == code))
        .map(|cited| Verdict::of_breach(cited.level, cited.basis, cited.cap.is_some()))
        .max()
        .unwrap_or(Verdict::Warn)
}

/// What is under way when the run is stopped may still come to its end: a runtime that is left in the
/// middle of a call may lose track of what it began.
const LAST_CALL: Duration = Duration::from_secs(5);

pub(super) async fn stopped_and_waited(run: &Run) {
    run.stop.cancelled().await;
    tokio::time::sleep(LAST_CALL).await;
}

/// A check that Ctrl-C or the run's time-out ended.
pub(super) fn stopped(run: &Run) -> Halt {
    Halt::Skip(SkipKind::NotChecked, run.stopped_by().to_owned())
}
