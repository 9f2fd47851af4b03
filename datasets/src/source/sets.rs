//! The sets of a benchmark, opened together.

use std::path::Path;
use std::sync::Arc;

use super::{Source, SourceConfig, align, open};
use crate::DataError;

/// A training set, and test sets whose labels are classes of it.
pub struct Sets {
    /// The training set.
    pub train: Arc<dyn Source>,
    /// The test sets, in order.
    pub test: Vec<Arc<dyn Source>>,
}

/// What keeps a set from being used.
#[derive(Debug)]
pub struct SetFault {
    /// Place among the test sets; `None` for the training set.
    pub test: Option<usize>,
    /// What is wrong.
    pub error: DataError,
}

/// Opens the sets of a benchmark and compares the classes of each test set with the training set's, as
/// [`align`] does.
///
/// # Errors
/// One fault for each set that does not open or does not fit, in order.
pub fn open_sets(
    train: &SourceConfig,
    test: &[SourceConfig],
    root: Option<&Path>,
) -> Result<Sets, Vec<SetFault>> {
    let mut faults = Vec::new();
    let train = match open(train, root) {
        Ok(train) => Some(train),
        Err(error) => {
            faults.push(SetFault { test: None, error });
            None
        }
    };
    let mut opened = Vec::with_capacity(test.len());
    for (place, config) in test.iter().enumerate() {
        let set = open(config, root).and_then(|set| match &train {
            Some(train) => align(train.as_ref(), set),
            None => Ok(set),
        });
        match set {
            Ok(set) => opened.push(set),
            Err(error) => faults.push(SetFault {
                test: Some(place),
                error,
            }),
        }
    }
    match train {
        Some(train) if faults.is_empty() => Ok(Sets {
            train,
            test: opened,
        }),
        _ => Err(faults),
    }
}
