//! What a run tells: a stream of [`Event`]s. Every report is a fold over it; nothing flows back.

use std::sync::Arc;

use serde::Serialize;

use crate::verdict::{Basis, Level, SkipKind, Verdict};

/// One thing that happened during a run, in the order in which it happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// First event: what will be checked, on what, and what that will touch.
    RunStarted(Box<Header>),
    /// A check begins. With `-j N` several are under way.
    CheckStarted {
        /// The check's slug with its case.
        id: String,
    },
    /// A check has its verdict. Each selected check gives exactly one of these.
    CheckFinished(Box<CheckResult>),
    /// The target's process or connection ended under the named checks.
    TargetDied {
        /// What was in flight.
        during: Vec<String>,
        /// How it was noticed.
        how: String,
    },
    /// The target answers again after a restart.
    TargetRestarted {
        /// How long it took to answer again, milliseconds.
        took_ms: u64,
    },
    /// Something that the run made could not be taken away again.
    CleanupFailed {
        /// The check or situation that made it.
        of: String,
        /// What is left and what the target said.
        message: String,
    },
    /// A remark for the reader that is nobody's verdict.
    Note(String),
    /// Last event.
    RunFinished(Box<Finish>),
}

/// What is about to be checked.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Header {
    /// The standard's short name, lower case: `cri`.
    pub standard: String,
    /// The run's identifier; every object that we make carries it.
    pub run_id: String,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// The command line, for the reader who wants the same again.
    pub command: Vec<String>,
    /// What is checked.
    pub target: TargetInfo,
    /// How many checks the selection holds.
    pub selected: usize,
    /// Sentences that say what the run will make or touch.
    pub touches: Vec<String>,
    /// The version of stdcheck.
    pub stdcheck: String,
}

/// What is known of the target before the first check.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct TargetInfo {
    /// The endpoint as given or found.
    pub endpoint: String,
    /// The implementation's own name (`containerd`), empty if it gave none.
    pub name: String,
    /// The implementation's own version.
    pub version: String,
    /// The version of the specification that it is judged by (`1.26`).
    pub api: String,
    /// Where `api` comes from: a table, a flag, the newest.
    pub api_from: String,
    /// Capabilities found, in the suite's words, each with what was found.
    pub capabilities: Vec<CapabilityFact>,
}

/// One capability and what was found out about it.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct CapabilityFact {
    /// The word of the suite's vocabulary.
    pub name: String,
    /// Whether the target or host has it.
    pub present: bool,
    /// How that was found, or why it is missing.
    pub why: String,
}

/// How [`CapabilityFact::why`] begins where the target gave no answer that says yes or no.
pub const NOT_FOUND_OUT: &str = "could not be found out";

/// A requirement as a result cites it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Cited {
    /// The stable code: `CRI-SB-012`.
    pub code: String,
    /// The level at the API version that the target is judged by.
    pub level: Level,
    /// The basis of that level.
    pub basis: Basis,
    /// The place in the specification.
    pub section: String,
    /// Our paraphrase of the sentence.
    pub says: String,
    /// Whether a breach is a warning at most, and why.
    pub cap: Option<String>,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct CheckResult {
    /// The slug, with its case in brackets.
    pub id: String,
    /// What the check shows, as a sentence.
    pub title: String,
    /// What it can show broken.
    pub requires: Vec<Cited>,
    /// The verdict.
    pub verdict: Verdict,
    /// For skips: which kind.
    pub kind: Option<SkipKind>,
    /// For everything but pass: one line that says why.
    pub reason: Option<String>,
    /// What was broken; set for fail and warn.
    pub finding: Option<Finding>,
    /// The exchanges with the target, cut and redacted, in order.
    pub exchanges: Vec<Arc<Exchange>>,
    /// The waiver that accepts this finding, if one does.
    pub waived: Option<String>,
    /// From first to last step without set-up of shared situations, milliseconds.
    pub duration_ms: u64,
}

/// How the reason of a result begins under which the target died.
pub const DIED: &str = "the target died";

/// A broken requirement with its evidence.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// The codes of the requirements that are shown broken.
    pub codes: Vec<String>,
    /// What should have been seen: the expression or the code, in the suite's words.
    pub expected: String,
    /// What was seen.
    pub actual: String,
    /// Index into [`CheckResult::exchanges`] of the exchange that showed it.
    pub exchange: Option<usize>,
    /// The command that runs this check alone.
    pub replay: String,
}

/// One call or execution and its answer, for the reader. Secrets are redacted, long values cut.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Exchange {
    /// The rpc (`RuntimeService/Version`), command or verb.
    pub what: String,
    /// What was sent; null for an execution, whose command says it.
    pub request: serde_json::Value,
    /// Of an execution: a line for a shell that does the same, environment and standard input
    /// included. It wants namespaces like those of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What came back, where something did; a list for streams.
    pub reply: Option<serde_json::Value>,
    /// The gRPC code's name (`OK`, `NOT_FOUND`, …); for verbs `OK` or `ERROR`.
    pub code: String,
    /// The error message, cleaned of control characters.
    pub message: String,
    /// Milliseconds since the run began.
    pub at_ms: u64,
    /// How long the answer took, milliseconds.
    pub took_ms: f64,
}

/// What the last event carries.
#[derive(Clone, Debug, Default)]
pub struct Finish {
    /// Ctrl-C or SIGTERM ended the run early.
    pub interrupted: bool,
    /// From process start to the end of the last cleanup, milliseconds.
    pub wall_ms: f64,
    /// The union of the intervals in which a call, a set wait or a restart was pending, milliseconds.
    pub target_ms: f64,
    /// Waivers that do not hold: stale, expired or unknown, each with what to do.
    pub bad_waivers: Vec<String>,
    /// Why the run ended before its last check, if it did.
    pub ended_early: Option<String>,
    /// Deaths of the target that no single check could be shown to cause.
    pub unattributed_deaths: Vec<String>,
}
