//! Takes out of a text what differs between any two runs, so that two reports of the same behaviour
//! say the same.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Report;

/// What stands in the place of what was taken out.
const GAP: &str = "…";

/// Ids, times, addresses: patterns, and what is left of each.
static PASSING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let patterns = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", GAP),
        (r"\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b", GAP),
        (r"\b[0-9a-f]{12,}\b", GAP),
        (r"\b(127\.0\.0\.1|localhost):\d+", "$1:…"),
        (r"\b(10|172|192|169)(\.\d{1,3}){3}\b", GAP),
        // How long a text was that the run itself cut.
        (r"… \(\d+ bytes\)", GAP),
        (r"\b(\w*_ms|sent_at|done_at|pid) = \d+", "$1 = …"),
        (r#"(\\?"p?pid\\?":) ?\d+"#, "$1…"),
        (r"\bprocess \d+", "process …"),
    ];
    let compiled = |(pattern, rest)| (Regex::new(pattern).expect("a fixed pattern"), rest);
    patterns.map(compiled).into()
});

/// A list of texts, in JSON.
static LIST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\[("[^"\[\]\\]*"(?:,"[^"\[\]\\]*")+)\]"#).expect("a fixed pattern")
});

/// How the texts of one report are made comparable.
pub struct Stable {
    /// The run's own names, and the folder of the target's socket.
    own: Vec<(Regex, &'static str)>,
}

impl Stable {
    /// For the texts of one report.
    pub fn of(report: &Report) -> Stable {
        let mut own = Vec::new();
        let mut add = |pattern: String, rest| own.extend(Regex::new(&pattern).map(|it| (it, rest)));
        let id = regex::escape(&report.run.id.0);
        if !id.is_empty() {
            add(format!(r#"[^\s"'\\:=]*/stdcheck-{id}(-\d+)?"#), "…/stdcheck-…");
            add(format!(r"stdcheck-{id}(-\d+)?"), "stdcheck-…");
            add(id, GAP);
        }
        let socket = report.target.endpoint.0.trim_start_matches("unix://");
        if let Some((folder, _)) = socket.rsplit_once('/')
            && folder.len() > 1
        {
            add(regex::escape(folder), GAP);
        }
        Stable { own }
    }

    /// The text without what is only this run's.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (pattern, rest) in self.own.iter().chain(PASSING.iter()) {
            if let std::borrow::Cow::Owned(changed) = pattern.replace_all(&text, *rest) {
                text = changed;
            }
        }
        // The keys of a map come in any order.
        LIST.replace_all(&text, |list: &Captures<'_>| {
            let mut items: Vec<&str> = list[1].trim_matches('"').split(r#"",""#).collect();
            items.sort_unstable();
            format!(r#"["{}"]"#, items.join(r#"",""#))
        })
        .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of a run with this id on this socket.
    fn stable(id: &str, socket: &str) -> Stable {
        let report = serde_json::json!({
            "standard": "cri", "conclusion": "partial", "checks": [], "requirements": [], "deaths": [],
            "target": { "endpoint": socket, "name": "", "version": "", "api": "" },
            "run": { "id": id, "stdcheck": "" }, "interrupted": false, "ended_early": null,
        });
        Stable::of(&serde_json::from_value(report).unwrap())
    }

    #[test]
    fn what_is_only_one_runs_is_left_out() {
        let stable = stable("1a2b3c4d", "unix:///tmp/peer.x1/containerd.sock");
        for (text, rest) in [
            ("sandbox \"stdcheck-1a2b3c4d-17\" of 1a2b3c4d", "sandbox \"stdcheck-…\" of …"),
            ("open /tmp/a/stdcheck-1a2b3c4d/logs: no", "open …/stdcheck-…/logs: no"),
            ("in /tmp/peer.x1/cni", "in …/cni"),
            (
                "127.0.0.1:4/stdcheck-1a2b3c4d/stdcheck-1a2b3c4d-9:test",
                "127.0.0.1:…/stdcheck-…:test",
            ),
            (
                r#"[{\"pid\":18,\"ppid\":1}], process 27739 is gone"#,
                r#"[{\"pid\":…,\"ppid\":…}], process … is gone"#,
            ),
            (r#"keys = ["b","a"]"#, r#"keys = ["a","b"]"#),
            ("id 19d55627b4598f49c2b7 at 1795380988608526489", "id … at …"),
            ("127.0.0.1:41237, 10.88.0.12", "127.0.0.1:…, …"),
            ("at 2026-11-22T20:56:01.5Z, elapsed_ms = 1203", "at …, elapsed_ms = …"),
            ("uid 3f2504e0-4f89-11d3-9a0c-0305e82c3301.", "uid …."),
            (
                "NOT_FOUND: a1b2 at 1.6.20, 16777216 bytes",
                "NOT_FOUND: a1b2 at 1.6.20, 16777216 bytes",
            ),
        ] {
            assert_eq!(stable.text(text), rest);
        }
    }

    #[test]
    fn a_socket_at_the_root_and_a_run_without_id_leave_the_rest_alone() {
        assert_eq!(stable("", "/s").text("/s stdcheck-1"), "/s stdcheck-1");
    }
}
