//! A target that answers an rpc with an error from some point on, and with nothing else for a long time:
//! many checks cannot be made then, for one reason.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    events::{CheckResult, Exchange},
    verdict::Verdict,
};

/// So many checks that end alike are no accident.
const MANY: usize = 3;

/// What is refused again and again.
#[derive(Debug, JsonSchema, PartialEq, Eq, Serialize)]
#[schemars(deny_unknown_fields)]
pub struct Refusing<'a> {
    /// The checks that could not be made.
    pub checks: Vec<&'a str>,
    /// One line that says so, and since when.
    pub line: String,
}

/// A check that could not be made, and the call that was refused.
type Refused<'a> = (&'a CheckResult, &'a Exchange);

/// All of them, the first first.
pub fn find(results: &[CheckResult]) -> Vec<Refusing<'_>> {
    let mut well: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for result in results {
        for exchange in result.exchanges.iter().filter(|exchange| exchange.code == "OK") {
            well.entry(&exchange.what).or_default().push((exchange.at_ms, &result.id));
        }
    }
    well.values_mut().for_each(|times| times.sort_unstable());
    // By rpc and code, and how often the rpc had been OK before.
    let mut groups: BTreeMap<(&str, &str, usize), Vec<Refused<'_>>> = BTreeMap::new();
    for result in results.iter().filter(|result| result.verdict == Verdict::Error) {
        let called = result.exchanges.iter().rfind(|exchange| is_call(exchange));
        let Some(exchange) = called.filter(|last| last.code != "OK") else { continue };
        // A check may end for another reason than its last call.
        let refused = format!("{} was refused: {}", exchange.what, exchange.code);
        if !result.reason.as_ref().is_some_and(|reason| reason.contains(&refused)) {
            continue;
        }
        let before = well
            .get(exchange.what.as_str())
            .map_or(0, |times| times.partition_point(|(at, _)| *at <= exchange.at_ms));
        let key = (exchange.what.as_str(), exchange.code.as_str(), before);
        groups.entry(key).or_default().push((result, exchange));
    }
    let mut found: Vec<(u64, Refusing<'_>)> = Vec::new();
    for ((rpc, code, before), mut group) in groups {
        group.sort_by_key(|(_, exchange)| exchange.at_ms);
        // Checks that share a situation share the one call that was refused.
        let calls: BTreeSet<u64> = group.iter().map(|(_, exchange)| exchange.at_ms).collect();
        let Some((_, first)) = group.first().filter(|_| calls.len() >= MANY) else { continue };
        let times = well.get(rpc).map(Vec::as_slice).unwrap_or_default();
        let since = match before.checked_sub(1).and_then(|last| times.get(last)) {
            Some((_, id)) => format!("; {id} was the last check for which it was OK"),
            None => String::new(),
        };
        let until = match times.get(before) {
            Some((_, id)) => format!(", until {id}"),
            None => String::new(),
        };
        let message = match first.message.as_str() {
            "" => String::new(),
            message => format!(" (first: {message})"),
        };
        let count = group.len();
        let line =
            format!("{count} checks could not be made: {rpc} gives {code}{until}{message}{since}");
        let checks = group.iter().map(|(result, _)| result.id.as_str()).collect();
        found.push((first.at_ms, Refusing { checks, line }));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, refusing)| refusing).collect()
}

/// Whether it is an rpc, and not what a verb came to by one.
fn is_call(exchange: &Exchange) -> bool {
    exchange.what.contains('/')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn called(code: &str, at_ms: u64) -> Exchange {
        Exchange {
            what: "Controller/CreateVolume".into(),
            request: serde_json::Value::Null,
            command: None,
            reply: None,
            code: code.into(),
            message: String::new(),
            at_ms,
            took_ms: 1.0,
        }
    }

    fn result(id: &str, verdict: Verdict, exchanges: Vec<Exchange>) -> CheckResult {
        CheckResult {
            id: id.into(),
            title: String::new(),
            requires: Vec::new(),
            verdict,
            kind: None,
            reason: None,
            finding: None,
            exchanges: exchanges.into_iter().map(Arc::new).collect(),
            waived: None,
            duration_ms: 1,
        }
    }

    fn erred(id: &str, at_ms: u64) -> CheckResult {
        let mut result = result(id, Verdict::Error, vec![called("INTERNAL", at_ms)]);
        result.reason = Some("Controller/CreateVolume was refused: INTERNAL full".into());
        result
    }

    #[test]
    fn what_is_refused_ever_since_is_told_once() {
        let results = [
            erred("csi.c", 30),
            erred("csi.a", 10),
            result("csi.breaks-it", Verdict::Fail, vec![called("OK", 5)]),
            erred("csi.b", 20),
            erred("csi.before", 2),
        ];
        let found = find(&results);
        let [refusing] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(refusing.checks, ["csi.a", "csi.b", "csi.c"]);
        assert_eq!(
            refusing.line,
            "3 checks could not be made: Controller/CreateVolume gives INTERNAL; \
             csi.breaks-it was the last check for which it was OK"
        );
    }

    #[test]
    fn one_call_that_many_share_and_another_reason_are_no_repetition() {
        let shared = [erred("csi.a", 10), erred("csi.b", 10), erred("csi.c", 10)];
        assert_eq!(find(&shared), []);
        let mut others = [erred("csi.a", 10), erred("csi.b", 20), erred("csi.c", 30)];
        others[1].reason = Some("the check took longer than 60s".into());
        assert_eq!(find(&others), []);
    }

    #[test]
    fn what_is_ok_again_is_told_apart() {
        let good = |at_ms| result("csi.good", Verdict::Pass, vec![called("OK", at_ms)]);
        let some = [erred("csi.a", 10), erred("csi.b", 20), erred("csi.c", 30)];
        let [a, b, c] = some.clone();
        assert_eq!(find(&[a, b, c, good(25)]), []);
        let [a, b, c] = some;
        let results = [a, b, c, good(35)];
        let found = find(&results);
        let line =
            "3 checks could not be made: Controller/CreateVolume gives INTERNAL, until csi.good";
        assert_eq!(found.iter().map(|one| one.line.as_str()).collect::<Vec<_>>(), [line]);
    }
}
