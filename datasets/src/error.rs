//! What can go wrong with data.

use std::path::PathBuf;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// No adapter of this kind.
    #[error(
        "{set}: unknown kind `{kind}`{}, expected one of {known}",
        suggestion(nearest)
    )]
    UnknownKind {
        /// Name of the data set in the configuration.
        set: String,
        /// The kind asked for.
        kind: String,
        /// The nearest known kind.
        nearest: Option<String>,
        /// All kinds.
        known: String,
    },
    /// A key that the adapter does not have.
    #[error(
        "{set}: unknown key `{key}` for kind `{kind}`{}, expected {known}",
        suggestion(nearest)
    )]
    UnknownKey {
        /// Name of the data set.
        set: String,
        /// Its kind.
        kind: String,
        /// The key.
        key: String,
        /// The nearest known key.
        nearest: Option<String>,
        /// All keys.
        known: String,
    },
    /// A key of the wrong type or out of range.
    #[error("{set}: {message}")]
    BadConfig {
        /// Name of the data set.
        set: String,
        /// What is wrong, with the key.
        message: String,
    },
    /// Two adapters were registered under one name.
    #[error("two adapters are registered for kind `{kind}`")]
    DuplicateKind {
        /// The kind.
        kind: String,
    },
    /// A relative path and nothing to resolve it against.
    #[error(
        "{set}: `{path}` is relative, set `root` or the environment variable SSL_LOTTERY_DATA to the data folder"
    )]
    NoRoot {
        /// Name of the data set.
        set: String,
        /// The path.
        path: PathBuf,
    },
    /// A file or folder cannot be read.
    #[error("{set}: cannot read {path}: {source}")]
    Read {
        /// Name of the data set.
        set: String,
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder without what it should hold.
    #[error("{set}: expected {expected} in {path}, found none")]
    Empty {
        /// Name of the data set.
        set: String,
        /// The folder or file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
    },
    /// Folders named by numbers where names were expected.
    #[error(
        "{set}: the class folders of {path} are numbers (`{example}`), which sort wrongly as text; set `numeric_classes = true` to read them as class indices"
    )]
    NumericFolders {
        /// Name of the data set.
        set: String,
        /// The folder.
        path: PathBuf,
        /// One of them.
        example: String,
    },
    /// A file whose contents do not have the layout of the format.
    #[error("{set}: {path}: {message}")]
    Malformed {
        /// Name of the data set.
        set: String,
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// Classes that are not the training set's.
    #[error("{set}: {message}")]
    Classes {
        /// Name of the test set.
        set: String,
        /// What was expected and what was found, and what to do.
        message: String,
    },
    /// An image that cannot be decoded.
    #[error("broken image {id}: {reason}")]
    BrokenImage {
        /// Id of the sample (usually the path).
        id: String,
        /// What the decoder says.
        reason: String,
    },
    /// Views that cannot be executed.
    #[error("view group {group}: {message}")]
    BadViews {
        /// Name of the group.
        group: String,
        /// What was expected and what was found.
        message: String,
    },
    /// A full batch cannot be formed.
    #[error("{set}: expected a global batch of at most {samples} (all samples), found {batch}")]
    BatchTooLarge {
        /// Name of the data set.
        set: String,
        /// Batch size over all ranks.
        batch: usize,
        /// Samples in the set.
        samples: usize,
    },
    /// A loader setting out of range.
    #[error("loader: {message}")]
    BadLoader {
        /// What was expected and what was found.
        message: String,
    },
    /// A worker thread panicked: a fault of this program.
    #[error("a loader thread panicked: {message}")]
    WorkerPanicked {
        /// The panic message.
        message: String,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|n| format!(", did you mean `{n}`?"))
        .unwrap_or_default()
}

/// The nearest of `known` to `word`, if it is near at all.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .filter(|(distance, k)| *distance <= (k.len().max(word.len()) / 2).max(2))
        .min()
        .map(|(_, k)| k.to_owned())
}
