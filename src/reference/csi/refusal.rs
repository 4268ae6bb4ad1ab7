//! Why a call is refused: a code and a sentence for people.

use tonic::{Code, Status};

/// An answer that is not OK. Its message never holds secrets or mount flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The canonical code.
    pub code: Code,
    /// What is wrong, for people.
    pub message: String,
}

/// What a call comes to.
pub type Answer<T> = Result<T, Refusal>;

macro_rules! refusals {
    ($($name:ident $code:ident $says:literal;)*) => {
        $(#[doc = $says]
        pub fn $name(message: impl Into<String>) -> Refusal {
            Refusal { code: Code::$code, message: message.into() }
        })*
    };
}

refusals! {
    invalid InvalidArgument "A field is missing, malformed or not supported.";
    not_found NotFound "It is not there.";
    exists AlreadyExists "It is there, but not as asked for.";
    precondition FailedPrecondition "Something else has to happen first.";
    out_of_range OutOfRange "A size that is not possible.";
    exhausted ResourceExhausted "There is no room.";
    aborted Aborted "A token that does not lead anywhere.";
    unimplemented Unimplemented "The capability is off.";
    internal Internal "The host did not play along.";
    unauthenticated Unauthenticated "The secrets are not right.";
    denied PermissionDenied "The secrets are those of somebody who may not do it.";
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        internal(format!("the host refused: {error}"))
    }
}

impl From<nix::Error> for Refusal {
    fn from(error: nix::Error) -> Self {
        internal(format!("the host refused: {}", error.desc()))
    }
}

/// Something a client sent, cut to a size that fits a message.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
