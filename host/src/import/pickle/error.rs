//! Why a pickle is refused.

/// Faults of a pickle; positions count bytes from its beginning.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// The pickle ends too early.
    #[error("expected more of the pickle, found its end at byte {at}")]
    Truncated {
        /// Where.
        at: u64,
    },
    /// Reading failed.
    #[error("cannot read the pickle at byte {at}")]
    Io {
        /// Where.
        at: u64,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An instruction that data does not need, or none at all.
    #[error(
        "refused the pickle instruction {name} at byte {at}: only instructions that build data are carried out"
    )]
    Opcode {
        /// Its name, or its number.
        name: String,
        /// Where.
        at: u64,
    },
    /// A class or function that only an attack needs.
    #[error(
        "refused the pickle's global `{name}` at byte {at}: loading such a file with Python runs a program; no checkpoint needs it"
    )]
    Global {
        /// Module and name.
        name: String,
        /// Where.
        at: u64,
    },
    /// An instruction whose operands are not what it needs.
    #[error("expected {expected}, found {found} (pickle instruction {name} at byte {at})")]
    Operand {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
        /// The instruction.
        name: &'static str,
        /// Where.
        at: u64,
    },
    /// More values than any checkpoint has.
    #[error("refused a pickle that holds or copies more than {limit} values")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}
