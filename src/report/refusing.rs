//! A target that answers an rpc with an error from some point on, and never again otherwise: many checks
//! cannot be made then, for one reason.

use std::collections::BTreeMap;

use crate::{
    events::{CheckResult, Exchange},
    verdict::Verdict,
};

/// So many checks that end alike are no accident.
const MANY: usize = 3;

/// What is refused for good.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusing<'a> {
    /// The checks that could not be made.
    pub checks: Vec<&'a str>,
    /// One line that says so, and since when.
    pub line: String,
}

/// All of them, the first first.
pub fn find(results: &[CheckResult]) -> Vec<Refusing<'_>> {
    let mut last_ok: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for result in results {
        for exchange in result.exchanges.iter().filter(|exchange| exchange.code == "OK") {
            let last = last_ok.entry(&exchange.what).or_default();
            *last = (*last).max((exchange.at_ms, &result.id));
        }
    }
    let mut groups: BTreeMap<(&str, &str), Vec<(&CheckResult, &Exchange)>> = BTreeMap::new();
    for result in results.iter().filter(|result| result.verdict == Verdict::Error) {
        let Some(exchange) = result.exchanges.last().filter(|last| is_refused(last)) else {
            continue;
        };
        let since = last_ok.get(exchange.what.as_str()).map(|(at, _)| *at);
        if since.is_none_or(|since| exchange.at_ms > since) {
            groups.entry((&exchange.what, &exchange.code)).or_default().push((result, exchange));
        }
    }
    let mut found: Vec<(u64, Refusing<'_>)> = Vec::new();
    for ((rpc, code), mut group) in groups {
        group.sort_by_key(|(_, exchange)| exchange.at_ms);
        let Some((_, first)) = group.first().filter(|_| group.len() >= MANY) else { continue };
        let since = match last_ok.get(rpc) {
            Some((_, id)) => format!(" ever since {id}, in which it was OK for the last time"),
            None => String::new(),
        };
        let message = match first.message.as_str() {
            "" => String::new(),
            message => format!(" ({message})"),
        };
        let count = group.len();
        let line = format!("{count} checks could not be made: {rpc} gives {code}{since}{message}");
        let checks = group.iter().map(|(result, _)| result.id.as_str()).collect();
        found.push((first.at_ms, Refusing { checks, line }));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, refusing)| refusing).collect()
}

/// Whether it is an rpc that was not OK.
fn is_refused(exchange: &Exchange) -> bool {
    exchange.what.contains('/') && exchange.code != "OK"
}

#[cfg(test)]
mod tests {
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
            exchanges,
            waived: None,
            duration_ms: 1,
        }
    }

    fn erred(id: &str, at_ms: u64) -> CheckResult {
        result(id, Verdict::Error, vec![called("INTERNAL", at_ms)])
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
            "3 checks could not be made: Controller/CreateVolume gives INTERNAL ever since \
             csi.breaks-it, in which it was OK for the last time"
        );
    }

    #[test]
    fn what_is_ok_again_is_not() {
        let good = result("csi.good", Verdict::Pass, vec![called("OK", 25)]);
        let results = [erred("csi.a", 10), erred("csi.b", 20), erred("csi.c", 30), good];
        assert_eq!(find(&results), []);
    }
}
