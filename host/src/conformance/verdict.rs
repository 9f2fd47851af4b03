//! What a check finds.

use super::report::Status;
use ssl_plugin_api::{Fault, FaultKind};
use tch::TchError;

/// What a check finds: nothing wrong, or what is.
pub type Verdict = Result<Finding, Broken>;

/// Nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds; in one sentence, what was seen.
    Holds(String),
    /// It holds, with something to say.
    Warning(String),
    /// It does not concern this framework.
    Skipped(String),
}

/// What is wrong, in one sentence: what was expected and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Failed, or crashed where a call panicked.
    pub status: Status,
    /// The sentence.
    pub message: String,
}

/// It holds.
pub fn holds(what: impl Into<String>) -> Verdict {
    Ok(Finding::Holds(what.into()))
}

/// It does not concern this framework.
pub fn skipped(why: impl Into<String>) -> Verdict {
    Ok(Finding::Skipped(why.into()))
}

/// It holds, with something to say.
pub fn warning(what: impl Into<String>) -> Verdict {
    Ok(Finding::Warning(what.into()))
}

/// It does not hold.
pub fn broken(message: impl Into<String>) -> Broken {
    Broken {
        status: Status::Failed,
        message: message.into(),
    }
}

/// Goes on where `condition` holds.
///
/// # Errors
/// What is wrong where it does not.
pub fn expect(condition: bool, message: impl FnOnce() -> String) -> Result<(), Broken> {
    if condition {
        Ok(())
    } else {
        Err(broken(message()))
    }
}

/// A fault of a call where none was expected.
impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        let status = if fault.kind == FaultKind::Panic {
            Status::Crashed
        } else {
            Status::Failed
        };
        Self {
            status,
            message: format!("{}: {}", fault.kind.name(), fault.message),
        }
    }
}

impl From<TchError> for Broken {
    fn from(error: TchError) -> Self {
        broken(format!("libtorch: {error}"))
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        broken(format!("the system: {error}"))
    }
}
