//! Features on disk: one extraction per backbone, data set, transform and precision.
//!
//! An entry is a safetensors file with one tensor, `features`, named by the hash of its key, which
//! it also carries in its metadata. It is memory-mapped when used, so a bank may be larger than
//! memory. An entry appears whole or not at all; batches of one that is under way are in `<hash>.rows`, so that
//! an extraction goes on where it stopped. The process that extracts it holds a lock on
//! `<hash>.lock`, which the system releases when that process dies.

mod content;
mod file;
mod key;
mod rows;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tch::Tensor;

pub use key::{CacheKey, FeaturePrecision};

use self::rows::RowLog;
use super::features::{Cause, for_each};
use super::{EvaluateError, Result};
use crate::atomic;

/// A folder of cached features.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
}

impl FeatureCache {
    /// A cache in this folder, which is created when first needed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// Where the features of a key are, or would be.
    #[must_use]
    pub fn path(&self, key: &CacheKey) -> PathBuf {
        self.folder.join(format!("{}.safetensors", key.hash()))
    }

    /// The features of a key, `[samples, dim]`, memory-mapped, if they are there.
    ///
    /// # Errors
    /// [`EvaluateError::File`](super::EvaluateError::File) for an entry that is damaged or belongs
    /// to another key.
    pub fn get(&self, key: &CacheKey) -> Result<Option<Tensor>> {
        let path = self.path(key);
        if path.exists() {
            file::map(&path, key).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The features of a key, extracted as [`extract`](super::extract) does unless they are there.
    /// Processes that ask for the same key at once wait for one of them to extract. `batches` gets the number
    /// of batches that an earlier call had computed before it was stopped, and gives those after them.
    ///
    /// # Errors
    /// As [`extract`](super::extract) and [`Self::get`];
    /// [`EvaluateError::Io`](super::EvaluateError::Io) when the folder cannot be written.
    pub fn features<I, L, F>(
        &self,
        key: &CacheKey,
        batches: impl FnOnce(usize) -> Result<I>,
        forward: impl Fn(&Tensor) -> std::result::Result<Tensor, F>,
    ) -> Result<Tensor>
    where
        I: IntoIterator<Item = std::result::Result<Tensor, L>>,
        L: Into<Cause>,
        F: Into<Cause>,
    {
        if let Some(features) = self.get(key)? {
            return Ok(features);
        }
        fs::create_dir_all(&self.folder).map_err(EvaluateError::io("create", &self.folder))?;
        let lock = self.folder.join(format!("{}.lock", key.hash()));
        let _held = locked(&lock)?;
        let path = self.path(key);
        // Another process may have extracted them while this one waited.
        if !path.exists() {
            let mut writer = file::Writer::begin(&path, key)?;
            let (kept, hash, bytes) = (rows::path_of(&path), key.hash(), key.precision.bytes());
            let (mut log, first) = RowLog::open(kept, &hash, bytes, |rows| writer.push(&rows))?;
            let mut rest = batches(first)?.into_iter().peekable();
            if first == 0 || rest.peek().is_some() {
                for_each(&key.data_set, rest, forward, |features| {
                    let rows = file::rows(&features, key.precision)?;
                    log.keep(&rows);
                    writer.push(&rows)
                })?;
            }
            writer.finish()?;
            log.remove();
        }
        // The entry is there now, so no process needs the lock. One left behind is untidy at worst.
        let _ = fs::remove_file(&lock);
        file::map(&path, key)
    }
}

/// Opens the lock's file and waits until no other process holds it.
fn locked(lock: &Path) -> Result<File> {
    let file = atomic::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(lock)
        .map_err(EvaluateError::io("create", lock))?;
    file.lock().map_err(EvaluateError::io("lock", lock))?;
    Ok(file)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::Cell;

    use tch::{Device, Kind, TchError};

    use super::*;
    use crate::evaluate::{EvaluateError, raw_pixels};

    fn key(precision: FeaturePrecision) -> CacheKey {
        CacheKey {
            backbone: "raw pixels".to_owned(),
            data_set: "val".to_owned(),
            transform: "whole 2".to_owned(),
            program: "host".to_owned(),
            precision,
        }
    }

    fn images() -> Tensor {
        Tensor::arange(60, (Kind::Float, Device::Cpu)).reshape([5, 3, 2, 2]) / 7.0
    }

    fn batches(first: usize) -> Result<Vec<std::result::Result<Tensor, TchError>>> {
        let all = [Ok(images().narrow(0, 0, 3)), Ok(images().narrow(0, 3, 2))];
        Ok(all.into_iter().skip(first).collect())
    }

    #[test]
    fn cached_features_are_not_extracted_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path().join("features"));
        let calls = Cell::new(0);
        let forward = |images: &Tensor| {
            calls.set(calls.get() + 1);
            raw_pixels(images)
        };
        for _ in 0..2 {
            let features = cache
                .features(&key(FeaturePrecision::Single), batches, forward)
                .unwrap();
            assert_eq!(features, images().reshape([5, 12]));
        }
        assert_eq!(calls.get(), 2, "two batches, once");
        let bytes = fs::read(cache.path(&key(FeaturePrecision::Single))).unwrap();
        let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(parsed.tensor("features").unwrap().shape(), [5, 12]);
        assert_eq!(
            fs::read_dir(folder.path().join("features"))
                .unwrap()
                .count(),
            1
        );
    }

    #[test]
    fn half_precision_features_are_a_separate_smaller_entry() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let half = cache
            .features(&key(FeaturePrecision::Half), batches, raw_pixels)
            .unwrap();
        assert_eq!(half.kind(), Kind::Half);
        let expected = images().reshape([5, 12]);
        let error = (half.to_kind(Kind::Float) - &expected).abs().max();
        assert!(error.double_value(&[]) < 5e-3);
        assert!(cache.get(&key(FeaturePrecision::Single)).unwrap().is_none());
    }

    #[test]
    fn interrupted_extraction_leaves_no_cache_entry_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let key = key(FeaturePrecision::Single);
        // A loader that fails ends the writer early.
        let broken = |_| {
            Ok(vec![
                Ok(images().narrow(0, 0, 3)),
                Err(std::io::Error::other("broken.jpg")),
            ])
        };
        let fault = cache.features(&key, broken, raw_pixels).unwrap_err();
        assert!(matches!(fault, EvaluateError::Loader { samples: 3, .. }));
        assert!(cache.get(&key).unwrap().is_none());
        let calls = Cell::new(0);
        let forward = |images: &Tensor| {
            calls.set(calls.get() + 1);
            raw_pixels(images)
        };
        let features = cache.features(&key, batches, forward).unwrap();
        assert_eq!(features, images().reshape([5, 12]));
        assert_eq!(calls.get(), 1, "the first batch is known");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_extraction_that_was_killed_before_its_last_step_computes_nothing_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let key = key(FeaturePrecision::Half);
        let last = |first: usize| {
            let failing = Err(TchError::Shape("stopped".to_owned()));
            let all = batches(0)?.into_iter().chain([failing]);
            Ok(all.skip(first).collect::<Vec<_>>())
        };
        assert!(cache.features(&key, last, raw_pixels).is_err());
        let never = |_: &Tensor| Err(TchError::Shape("computed again".to_owned()));
        let features = cache.features(&key, batches, never).unwrap();
        let expected = images().reshape([5, 12]).to_kind(Kind::Half);
        assert_eq!(features, expected);
    }

    #[test]
    fn damaged_cache_entries_and_those_of_other_keys_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let single = key(FeaturePrecision::Single);
        let _ = cache.features(&single, batches, raw_pixels).unwrap();
        let bytes = fs::read(cache.path(&single)).unwrap();
        fs::write(cache.path(&key(FeaturePrecision::Half)), &bytes).unwrap();
        assert!(matches!(
            cache.get(&key(FeaturePrecision::Half)),
            Err(EvaluateError::File { .. })
        ));
        for cut in [0, 7, 100, bytes.len() - 4] {
            fs::write(cache.path(&single), &bytes[..cut]).unwrap();
            assert!(
                matches!(cache.get(&single), Err(EvaluateError::File { .. })),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_of_a_cache_entry_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let key = key(FeaturePrecision::Single);
        let _ = cache.features(&key, batches, raw_pixels).unwrap();
        let path = cache.path(&key);
        let whole = fs::read(&path).unwrap();
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        // Every bit of the text of the header and of the data; a sample of the blanks between.
        let text = whole.iter().rposition(|&byte| byte == b'}').unwrap();
        let bits = (0..8 * whole.len()).filter(|bit| {
            let byte = bit / 8;
            byte <= text.min(500) || byte >= 8192 || byte % 97 == 0
        });
        for (n, bit) in bits.enumerate() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            // Another time of change than that of any file that was found whole.
            let later = written + std::time::Duration::from_secs(1 + n as u64);
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(later)
                .unwrap();
            let refused = cache.get(&key).map(|_| ()).unwrap_err();
            let EvaluateError::File { path: named, .. } = &refused else {
                unreachable!("bit {bit}: {refused}")
            };
            assert_eq!(*named, path, "bit {bit}");
        }
    }

    #[test]
    fn concurrent_requests_extract_features_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path());
        let calls = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let forward = |images: &Tensor| {
                        calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        raw_pixels(images)
                    };
                    let features = cache
                        .features(&key(FeaturePrecision::Single), batches, forward)
                        .unwrap();
                    assert_eq!(features.size(), [5, 12]);
                });
            }
        });
        assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
    }
}
