//! States of the trainings of an evaluation, so that one which is stopped or killed goes on at its step.
//!
//! Each training has one tensor file, which is replaced as a whole. It holds the digest of everything the
//! training depends on, the number of steps that are done, and the tensors. Orders of samples and learning
//! rates follow from the step. The files go when the results of the evaluation are published.

use serde::Serialize;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

use crate::digest;
use crate::tensorfile::{self, TensorFileError};
use crate::terminal::with_causes;

/// Changes with what a training makes of a state.
const FORMAT: u32 = 1;
/// Names of what every file holds beside a training's own tensors.
const KEY: &str = "training.key";
const STEP: &str = "training.step";
/// A training that took no longer is sooner done again than kept.
const SHORT: Duration = Duration::from_secs(10);

/// Where the trainings of one evaluation keep their states.
#[derive(Debug)]
pub struct TrainingStates {
    folder: PathBuf,
    every: Duration,
    common: String,
    warnings: Warnings,
}

type Warnings = Arc<Mutex<Vec<String>>>;

impl TrainingStates {
    /// States in a folder, which is made with the first one. Each is written when the last one is `every` old.
    /// `common` is what all trainings depend on: the data, and what computes.
    #[must_use]
    pub fn new(folder: PathBuf, every: Duration, common: String) -> Self {
        Self {
            folder,
            every,
            common,
            warnings: Warnings::default(),
        }
    }

    /// The state of a training; `settings` are what it depends on alone.
    pub(super) fn of(&self, name: &str, settings: &impl Serialize) -> TrainingState {
        let all = (FORMAT, &self.common, name, settings);
        let Ok(key) = digest::sha256_of_json(&all) else {
            return TrainingState::default();
        };
        TrainingState {
            file: Some(StateFile {
                path: self.folder.join(format!("{name}.safetensors")),
                key,
                every: self.every,
                begun: Instant::now(),
                written: Instant::now(),
                warnings: Arc::clone(&self.warnings),
            }),
        }
    }

    /// Removes all states: the results are published. What is left behind is untidy at worst.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// What the user should know of files that were damaged or could not be written.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *warnings)
    }
}

/// The state of one training; the default one is kept nowhere.
#[derive(Debug, Default)]
pub struct TrainingState {
    file: Option<StateFile>,
}

#[derive(Debug)]
struct StateFile {
    path: PathBuf,
    key: String,
    every: Duration,
    begun: Instant,
    written: Instant,
    warnings: Warnings,
}

impl TrainingState {
    /// The steps that are done, and the tensors that were kept after them. A file that is damaged or belongs to
    /// another training is a warning, and the training begins anew.
    pub(super) fn read(&self) -> Option<(u64, Vec<(String, Tensor)>)> {
        let file = self.file.as_ref()?;
        let found = tensorfile::read(&file.path).map_err(|error| match &error {
            TensorFileError::Io { source, .. } if is_absent(source.kind()) => None,
            error => Some(with_causes(error)),
        });
        let found = found.and_then(|tensors| file.own(tensors).map_err(Some));
        match found {
            Ok(found) => Some(found),
            Err(None) => None,
            Err(Some(why)) => {
                file.warn(format!("{why}; this training begins anew"));
                None
            }
        }
    }

    /// Whether the last state is so old that another is wanted.
    pub(super) fn is_due(&self) -> bool {
        let file = self.file.as_ref();
        file.is_some_and(|file| file.written.elapsed() >= file.every)
    }

    /// Keeps the tensors after so many steps.
    pub(super) fn keep<'a>(
        &mut self,
        steps: u64,
        tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    ) {
        let Some(file) = &mut self.file else { return };
        match file.write(steps, tensors) {
            Ok(()) => file.written = Instant::now(),
            Err(error) => {
                let _ = fs::remove_file(&file.path);
                file.warn(format!(
                    "{}; a stop in this training costs the training",
                    with_causes(&error)
                ));
                self.file = None;
            }
        }
    }

    /// Keeps the tensors at the end, for a stop in what follows, where the training took long.
    pub(super) fn finish<'a>(
        &mut self,
        steps: u64,
        tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    ) {
        let file = self.file.as_ref();
        if file.is_some_and(|file| file.begun.elapsed() >= file.every.min(SHORT)) {
            self.keep(steps, tensors);
        }
    }
}

/// Whether there is no file, for lack of it or of its folder.
const fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

impl StateFile {
    fn write<'a>(
        &self,
        steps: u64,
        tensors: impl IntoIterator<Item = (String, &'a Tensor)>,
    ) -> Result<(), TensorFileError> {
        let folder = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        folder.map_err(|source: io::Error| TensorFileError::Io {
            doing: "write",
            path: self.path.clone(),
            source,
        })?;
        let own = tensors.into_iter();
        let mut all: Vec<_> = own.map(|(name, it)| (name, it.shallow_clone())).collect();
        all.push((KEY.to_owned(), Tensor::from_slice(self.key.as_bytes())));
        all.push((STEP.to_owned(), Tensor::from(steps as i64)));
        let all = all.iter().map(|(name, it)| (name.clone(), it));
        tensorfile::write(&self.path, all).map(drop)
    }

    /// Steps and tensors of a file, if it is this training's.
    fn own(&self, tensors: Vec<(String, Tensor)>) -> Result<(u64, Vec<(String, Tensor)>), String> {
        let (about, own): (Vec<_>, Vec<_>) = tensors
            .into_iter()
            .partition(|(name, _)| [KEY, STEP].contains(&name.as_str()));
        let find = |wanted: &str, kind: Kind| {
            let found = about.iter().find(|(name, _)| name == wanted);
            found
                .map(|(_, tensor)| tensor)
                .filter(|it| it.kind() == kind)
        };
        let key = find(KEY, Kind::Uint8).and_then(|it| Vec::<u8>::try_from(it).ok());
        let step = find(STEP, Kind::Int64)
            .filter(|it| it.numel() == 1)
            .and_then(|it| u64::try_from(it.int64_value(&[])).ok());
        match (key, step) {
            (Some(key), Some(step)) if key == self.key.as_bytes() => Ok((step, own)),
            _ => Err(format!(
                "expected the state of this training, found that of other settings or data ({})",
                self.path.display()
            )),
        }
    }

    fn warn(&self, text: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(text);
    }
}
