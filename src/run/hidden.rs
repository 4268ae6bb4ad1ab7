//! Takes secrets out of what a run tells: evidence is redacted when it is made, but targets repeat them
//! in messages that become reasons.

use super::evidence::Redactor;
use crate::events::{CheckResult, Event};

/// Hides them in every text that may repeat what a target said.
pub fn hide(event: &mut Event, redactor: &Redactor) {
    match event {
        Event::RunStarted(header) => {
            let target = &mut header.target;
            for text in [&mut target.name, &mut target.version] {
                redactor.hide(text);
            }
            target.capabilities.iter_mut().for_each(|fact| redactor.hide(&mut fact.why));
            header.command.iter_mut().for_each(|word| redactor.hide(word));
        }
        Event::CheckFinished(result) => hide_in_result(result, redactor),
        Event::TargetDied { how, .. } => redactor.hide(how),
        Event::CleanupFailed { message, .. } => redactor.hide(message),
        Event::Note(text) => redactor.hide(text),
        Event::RunFinished(finish) => {
            let ended = finish.ended_early.iter_mut();
            ended.chain(&mut finish.unattributed_deaths).for_each(|text| redactor.hide(text));
        }
        Event::CheckStarted { .. } | Event::TargetRestarted { .. } => {}
    }
}

fn hide_in_result(result: &mut CheckResult, redactor: &Redactor) {
    result.reason.iter_mut().for_each(|text| redactor.hide(text));
    if let Some(finding) = &mut result.finding {
        for text in [&mut finding.expected, &mut finding.actual, &mut finding.replay] {
            redactor.hide(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Finish;

    #[test]
    fn a_secret_that_a_target_repeats_is_hidden_in_whatever_is_told() {
        let redactor = Redactor::default();
        redactor.learn("hunter2!");
        let said = "no: hunter2! is wrong".to_owned();
        let finish = Finish { unattributed_deaths: vec![said.clone()], ..Finish::default() };
        let events = [
            Event::TargetDied { during: Vec::new(), how: said.clone() },
            Event::CleanupFailed { of: "a check".to_owned(), message: said.clone() },
            Event::Note(said),
            Event::RunFinished(Box::new(finish)),
        ];
        for mut event in events {
            hide(&mut event, &redactor);
            let told = format!("{event:?}");
            assert!(told.contains("[redacted] is wrong") && !told.contains("hunter2"), "{told}");
        }
    }
}
