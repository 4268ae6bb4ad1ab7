//! Runs the plan's checks, N side by side, and deals with a target that dies.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::task::JoinSet;

use super::{
    Run,
    check::{self, Ended},
    discover,
    seen::Evidence,
    situation, sweep, target, undo,
};
use crate::{
    drive::csi::EarlyEnd,
    events::{CapabilityFact, CheckResult, Event, Finish},
    plan::{Planned, Shut, waiver},
    suite::{
        expr::{Expr, Text},
        format::StepDef,
        request,
    },
    verdict::{SkipKind, Verdict},
};

/// Executes the whole plan. `started` is called with what was found out before the first check and
/// emits the first event.
pub async fn execute(
    run: &Arc<Run>,
    started: impl FnOnce(&BTreeMap<String, CapabilityFact>),
) -> Finish {
    let mut schedule = Schedule {
        run,
        results: Vec::new(),
        wanted: BTreeMap::new(),
        ended_early: None,
        unattributed: Vec::new(),
    };
    let deadline = run.options.run_timeout;
    let timer = async {
        match deadline {
            Some(deadline) => tokio::time::sleep(deadline).await,
            None => std::future::pending().await,
        }
    };
    compile_beside(run);
    let facts = {
        let running = async {
            run.learn().await;
            let facts = discover::capabilities(run).await;
            started(&facts);
            tell_early_end(run);
            let queue = schedule.gate(&facts);
            schedule.all(queue).await;
            facts
        };
        tokio::pin!(running);
        tokio::select! {
            facts = &mut running => facts,
            () = timer => {
                let limit = humantime::format_duration(deadline.unwrap_or_default());
                run.stop_because(format!("the run took longer than its --timeout {limit}"));
                running.await
            }
        }
    };
    if let Some(why) = run.stopped_by.get() {
        schedule.ended_early.get_or_insert_with(|| why.clone());
    }
    schedule.finish(&facts).await;
    // Also by a signal that came during the last cleanup.
    let interrupted = run.stop.is_cancelled() && run.stopped_by.get().is_none();
    let mut finish = Finish {
        interrupted,
        bad_waivers: Vec::new(),
        ended_early: schedule.ended_early,
        unattributed_deaths: schedule.unattributed,
        ..Finish::default()
    };
    let today = jiff::Zoned::now().date();
    finish.bad_waivers = waiver::bad(
        &run.options.waivers,
        &run.plan.suite,
        &run.plan.slugs,
        &schedule.results,
        today,
    );
    finish.wall_ms = run.begun.elapsed().as_secs_f64() * 1e3;
    finish.target_ms = run.clock.total().as_secs_f64() * 1e3;
    finish
}

/// Compiles what the checks expect while the target is being asked what it can do. A check that comes first
/// compiles its own.
fn compile_beside(run: &Arc<Run>) {
    let suite = run.plan.suite.clone();
    let checks: Vec<_> = run.plan.checks.iter().map(|one| one.check.source.def.clone()).collect();
    let compile = move || {
        // What is wrong with one the check says.
        let compile = |step: &StepDef| {
            for text in step.with.iter().flat_map(request::texts) {
                let _ = Text::parse(text.as_ref());
            }
            for expect in &step.expect {
                let _ = Expr::compile(expect.as_ref());
            }
        };
        for base in suite.requests.values() {
            for text in request::texts(&base.def.1) {
                let _ = Text::parse(text.as_ref());
            }
        }
        suite.situations.iter().flat_map(|situation| &situation.def.steps).for_each(compile);
        checks.iter().flat_map(|check| &check.steps).for_each(compile);
    };
    // Without the thread it only takes longer.
    let _ = std::thread::Builder::new().name("expressions".to_owned()).spawn(compile);
}

/// A driver that ended before the first check, and was started again.
fn tell_early_end(run: &Run) {
    let early = run.options.driver.as_ref().and_then(|driver| driver.known.early_end.get());
    let Some(EarlyEnd { how, restarted_after }) = early else { return };
    run.tell(Event::TargetDied { during: vec!["no check".to_owned()], how: how.clone() });
    let took_ms = u64::try_from(restarted_after.as_millis()).unwrap_or(u64::MAX);
    run.tell(Event::TargetRestarted { took_ms });
}

struct Schedule<'a> {
    run: &'a Arc<Run>,
    results: Vec<CheckResult>,
    /// How many checks still want a shared situation.
    wanted: BTreeMap<String, usize>,
    ended_early: Option<String>,
    unattributed: Vec<String>,
}

/// When a target dies that was just brought back.
const CLEANUP: &str = "cleaning up after its death";

/// What came of bringing a target back.
struct Revived {
    /// It answers.
    answers: bool,
    /// How it died once more, when what had been left was taken away.
    again: Option<String>,
}

/// How the target died, and of what that is no check's own.
struct Gone {
    how: String,
    during: String,
}

/// Waits for all checks that are under way.
async fn all_ended(under_way: &mut JoinSet<(Queued, Ended)>) -> Vec<(Queued, Ended)> {
    let mut ended = Vec::new();
    while let Some(joined) = under_way.join_next().await {
        ended.extend(joined.ok());
    }
    ended
}

/// A check that will be run, and the situation that it shares.
#[derive(Clone)]
struct Queued {
    planned: Arc<Planned>,
    share: Option<String>,
}

impl Schedule<'_> {
    /// Tells the skips and gives back what is left to run.
    fn gate(&mut self, facts: &BTreeMap<String, CapabilityFact>) -> VecDeque<Queued> {
        let mut queue = VecDeque::new();
        for planned in &self.run.plan.checks {
            match planned.gate(&self.run.plan.suite, facts) {
                None => {}
                Some(Shut::Skip(kind, why)) => {
                    self.finished(check::skipped(planned, kind, why), Vec::new());
                    continue;
                }
                Some(Shut::Unknown(why)) => {
                    self.finished(check::erred(planned, why), Vec::new());
                    continue;
                }
            }
            let def = &planned.check.source.def;
            let share = match &def.given {
                Some(given) if planned.looks() => {
                    let key = situation::key(given, &planned.check.variables);
                    // What a plugin is given, and what it answers, differs with the version.
                    let versions = self.run.drive.plugin();
                    Some(versions.map_or(key.clone(), |_| format!("{key} at {}", planned.api)))
                }
                _ => None,
            };
            if let Some(key) = &share {
                *self.wanted.entry(key.clone()).or_default() += 1;
            }
            queue.push_back(Queued { planned: Arc::new(planned.clone()), share });
        }
        // Those that share a situation follow each other, so that few stand at once.
        let mut queue: Vec<Queued> = queue.into();
        queue.sort_by_key(|queued| {
            let planned = &queued.planned;
            let order = (planned.may_crash(), planned.exclusive(), !planned.looks());
            (order, queued.share.clone())
        });
        queue.into()
    }

    async fn all(&mut self, mut queue: VecDeque<Queued>) {
        let mut under_way: JoinSet<(Queued, Ended)> = JoinSet::new();
        loop {
            // One that died between two checks is no fault of the next.
            if under_way.is_empty()
                && !self.is_over()
                && let Some(how) = self.run.drive.death()
            {
                self.death_of_nobody(&how, "no check").await;
            }
            while let Some(next) = queue.front() {
                let alone = next.planned.exclusive() || next.planned.may_crash();
                let room = if alone {
                    under_way.is_empty()
                } else {
                    under_way.len() < self.run.options.jobs
                };
                if !room || self.is_over() {
                    break;
                }
                let Some(queued) = queue.pop_front() else { break };
                if alone {
                    // What is done beside checks is no matter of its own.
                    self.settle_beside().await;
                }
                self.start(&mut under_way, queued);
                if alone {
                    break;
                }
            }
            let Some(joined) = under_way.join_next().await else { break };
            match joined {
                Ok((queued, ended)) => {
                    let died = ended.died.clone();
                    if let Some(how) = died {
                        let mut suspects = vec![(queued, ended)];
                        suspects.append(&mut all_ended(&mut under_way).await);
                        self.death(&how, suspects).await;
                    } else if let Some(gone) =
                        self.done(&queued, ended.result, ended.evidence).await
                    {
                        let beside = all_ended(&mut under_way).await;
                        self.death_beside(&gone, beside).await;
                    }
                }
                // A panic of ours: the check must not vanish.
                Err(error) => {
                    self.run.stop_because(format!("stdcheck itself failed: {error}"));
                }
            }
        }
        for queued in queue {
            let result = if self.run.is_gone() {
                check::erred(&queued.planned, "the target is gone".to_owned())
            } else {
                let why = self.ended_early.as_deref().unwrap_or(self.run.stopped_by()).to_owned();
                check::skipped(&queued.planned, SkipKind::NotChecked, why)
            };
            self.finished(result, Vec::new());
        }
    }

    fn is_over(&self) -> bool {
        self.run.stop.is_cancelled() || self.run.is_gone() || self.ended_early.is_some()
    }

    fn start(&self, under_way: &mut JoinSet<(Queued, Ended)>, queued: Queued) {
        let run = self.run.clone();
        run.tell(Event::CheckStarted { id: queued.planned.check.id.clone() });
        under_way.spawn(async move {
            let ended = check::run(&run, &queued.planned, queued.share.as_deref()).await;
            (queued, ended)
        });
    }

    /// A check has its result, and its situation one user less. Says how the target died, if it did so
    /// when that was taken down.
    async fn done(
        &mut self,
        queued: &Queued,
        result: CheckResult,
        evidence: Vec<Evidence>,
    ) -> Option<Gone> {
        self.finished(result, evidence);
        let key = queued.share.as_ref()?;
        let users = self.wanted.get_mut(key)?;
        *users -= 1;
        // On one that is gone there is nothing to take down.
        if *users > 0 || self.run.is_gone() {
            return None;
        }
        let how = self.run.shared.take_down(key).await?;
        Some(Gone { how, during: format!("taking down the situation {key}") })
    }

    /// The same where nothing else is under way.
    async fn done_alone(&mut self, queued: &Queued, result: CheckResult, evidence: Vec<Evidence>) {
        if let Some(Gone { how, during }) = self.done(queued, result, evidence).await {
            self.death_of_nobody(&how, &during).await;
        }
    }

    /// The target died of something that is no check's own. Says whether it answers again.
    async fn death_of_nobody(&mut self, how: &str, during: &str) -> bool {
        self.run.tell(Event::TargetDied { during: vec![during.to_owned()], how: how.to_owned() });
        self.unattributed.push(format!("the target died ({how}) during {during}"));
        let Revived { answers, again } = self.revive(&[during.to_owned()]).await;
        if let Some(how) = again {
            self.unattributed.push(format!("the target died ({how}) during {CLEANUP}"));
        }
        answers
    }

    /// The same while these were under way: they did not do it, whatever they saw of it.
    async fn death_beside(&mut self, gone: &Gone, beside: Vec<(Queued, Ended)>) {
        let answers = self.death_of_nobody(&gone.how, &gone.during).await;
        for (queued, ended) in beside {
            match ended.died {
                None => self.done_alone(&queued, ended.result, ended.evidence).await,
                Some(_) if answers => drop(self.again(&queued).await),
                Some(_) => {
                    let why = format!("the target died ({}) during {}", gone.how, gone.during);
                    let erred = check::erred(&queued.planned, why);
                    self.done_alone(&queued, erred, Vec::new()).await;
                }
            }
        }
    }

    /// Runs a check once more, alone, that was under way when the target died. Says whether the target
    /// dies of it.
    async fn again(&mut self, queued: &Queued) -> bool {
        if self.is_over() {
            let why = "not run again after the target's death".to_owned();
            let result = check::skipped(&queued.planned, SkipKind::NotChecked, why);
            self.done_alone(queued, result, Vec::new()).await;
            return false;
        }
        let again = check::run(self.run, &queued.planned, queued.share.as_deref()).await;
        if let Some(how) = &again.died {
            let during = vec![queued.planned.check.id.clone()];
            self.run.tell(Event::TargetDied { during: during.clone(), how: how.clone() });
            self.revive(&during).await;
        }
        self.done_alone(queued, again.result, again.evidence).await;
        again.died.is_some()
    }

    /// Tells a result. Its exchanges go into the event alone; what is kept is for the waivers.
    fn finished(&mut self, mut result: CheckResult, evidence: Vec<Evidence>) {
        if matches!(result.verdict, Verdict::Fail | Verdict::Warn) {
            let today = jiff::Zoned::now().date();
            result.waived = self
                .run
                .options
                .waivers
                .iter()
                .find(|waiver| waiver.accepts(&result) && !waiver.is_expired(today))
                .map(|waiver| format!("{}; until {}", waiver.reason, waiver.until));
        }
        let failed = result.verdict == Verdict::Fail && result.waived.is_none();
        if failed && self.run.options.fail_fast && self.ended_early.is_none() {
            self.ended_early = Some(format!("--fail-fast: {} failed", result.id));
        }
        self.results.push(result.clone());
        self.run.tell_result(result, evidence);
    }

    /// The target died under these checks (design, rule 4).
    async fn death(&mut self, how: &str, mut suspects: Vec<(Queued, Ended)>) {
        let during = |suspects: &[(Queued, Ended)]| -> Vec<String> {
            suspects.iter().map(|(queued, _)| queued.planned.check.id.clone()).collect()
        };
        let names = during(&suspects);
        self.run.tell(Event::TargetDied { during: names.clone(), how: how.to_owned() });
        let answers = self.revive(&names).await.answers;
        if let [(queued, ended)] = suspects.as_mut_slice() {
            // Alone: this one did it.
            let (result, evidence) = (ended.result.clone(), std::mem::take(&mut ended.evidence));
            let queued = queued.clone();
            self.done_alone(&queued, result, evidence).await;
            return;
        }
        if !answers {
            let together = format!("the target died ({how}) under {}", names.join(", "));
            for (queued, ended) in suspects {
                let (result, evidence) = match ended.died {
                    Some(_) => (check::erred(&queued.planned, together.clone()), Vec::new()),
                    None => (ended.result, ended.evidence),
                };
                self.done_alone(&queued, result, evidence).await;
            }
            self.unattributed.push(together);
            return;
        }
        // Each runs once more, alone: the one that does it again did it.
        let mut found = false;
        for (queued, _) in suspects {
            found |= self.again(&queued).await;
        }
        if !found {
            self.unattributed.push(format!(
                "the target died ({how}) under {}; none of them does it alone",
                names.join(", ")
            ));
        }
    }

    /// After a death under these. If it dies once more when what they had left is taken away, that is
    /// theirs, too.
    async fn revive(&mut self, during: &[String]) -> Revived {
        self.run.shared.distrust();
        self.run.journal.flush();
        self.settle_beside().await;
        let mut answers = self.answers_again().await;
        let again = if answers { self.run.undo_what_was_left().await } else { None };
        if let Some(how) = &again {
            let how = format!("{CLEANUP}: {how}");
            self.run.tell(Event::TargetDied { during: during.to_vec(), how });
            // What is left now is for the end.
            answers = self.answers_again().await;
        }
        Revived { answers, again }
    }

    async fn answers_again(&mut self) -> bool {
        let revived = target::revive(self.run).await;
        if let Err(why) = &revived {
            self.run.set_gone();
            self.ended_early = Some(format!("the target is gone: {why}"));
        }
        revived.is_ok()
    }

    /// Waits for what is being put back beside the checks.
    async fn settle_beside(&self) {
        for (of, message) in self.run.beside.settle().await {
            self.run.tell(Event::CleanupFailed { of, message });
        }
    }

    /// Invariants, then everything away that still stands.
    async fn finish(&mut self, facts: &BTreeMap<String, CapabilityFact>) {
        let run = self.run;
        let mut died = run.shared.take_all_down().await;
        if died.is_none() {
            died = run.undo_what_was_left().await;
        }
        if let Some(how) = died
            && !run.is_gone()
        {
            self.death_of_nobody(&how, "the cleanup at the end").await;
        }
        for lane in run.take_what_was_left() {
            undo::give_up(lane).await;
        }
        run.journal.flush();
        self.settle_beside().await;
        if !run.is_gone()
            && let Err(message) = sweep::sweep(run).await
        {
            run.set_uncleaned();
            run.tell(Event::CleanupFailed { of: "the run".to_owned(), message });
            if let Some(how) = run.drive.death() {
                self.unattributed.push(format!("the target died ({how}) during the last sweep"));
            }
        }
        run.journal.flush();
        run.settle();
        for mut result in
            run.invariants.results(&run.plan, facts, &run.redactor, |during| run.replay(during))
        {
            let exchanges = std::mem::take(&mut result.exchanges);
            let evidence = exchanges.into_iter().map(Evidence::Told).collect();
            self.finished(result, evidence);
        }
    }
}
