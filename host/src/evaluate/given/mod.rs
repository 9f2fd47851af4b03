//! Features that another program computed: for each set of a benchmark a file of numbers and a list of sample ids.
//!
//! A folder holds `SET.npy` or `SET.safetensors` and `SET.ids.txt` for the training set and every test set. A row of
//! numbers belongs to the sample whose id stands in the same line of the list, so the order is free. Every sample
//! of the set has exactly one row.

mod ids;
mod npy;

use super::features::check_finite;
use super::{
    EvaluateError, ExtractedSets, FeaturePrecision, FeatureSet, Labels, Result, same_images,
};
use crate::tensorfile;
pub use ids::{LIST_ENDING, list};
use ssl_datasets::source::Source;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Name of the tensor in a safetensors file of several.
const TENSOR: &str = "features";

/// A folder of features.
#[derive(Clone, Debug)]
pub struct GivenFeatures<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// How exactly features are kept.
    pub precision: FeaturePrecision,
}

/// The files of one set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFiles {
    /// The numbers, `[samples, dim]`.
    pub features: PathBuf,
    /// The ids, one a line.
    pub ids: PathBuf,
}

impl SetFiles {
    /// The files of a set in a folder.
    ///
    /// # Errors
    /// [`EvaluateError::File`] when one is missing, and when the features are there in both formats.
    pub fn of(folder: &Path, set: &str) -> Result<Self> {
        let [npy, safetensors] =
            ["npy", "safetensors"].map(|ending| folder.join(format!("{set}.{ending}")));
        let refuse = |expected: String, found: &str| EvaluateError::File {
            expected,
            found: found.to_owned(),
            path: folder.to_owned(),
        };
        if !folder.is_dir() {
            return Err(refuse("a folder of features".to_owned(), "none"));
        }
        let features = match (npy.exists(), safetensors.exists()) {
            (true, false) => npy,
            (false, true) => safetensors,
            (false, false) => {
                let expected = format!("features of `{set}` in {set}.npy or {set}.safetensors");
                return Err(refuse(expected, "neither"));
            }
            (true, true) => {
                let expected =
                    format!("features of `{set}` in either {set}.npy or {set}.safetensors");
                return Err(refuse(expected, "both; remove one"));
            }
        };
        let ids = folder.join(format!("{set}{LIST_ENDING}"));
        if !ids.exists() {
            let expected = format!("the sample ids of `{set}` in {set}{LIST_ENDING}");
            let found = "no such file; `ssl-lottery data ids` writes them in the data's order";
            return Err(refuse(expected, found));
        }
        Ok(Self { features, ids })
    }
}

impl GivenFeatures<'_> {
    /// Reads the features of the sets, the training set first. `left_out` has for each set the ids of the samples that
    /// the benchmark leaves out; their rows may be there and are not used. `content` digests a set's images and is
    /// called for sets whose images have the same names.
    ///
    /// # Errors
    /// [`EvaluateError::File`] and [`EvaluateError::Tensors`] with the file that is missing, malformed or not of
    /// these samples; [`EvaluateError::NotFinite`] for NaN and infinity; what the data report.
    pub fn read(
        &self,
        sources: &[Arc<dyn Source>],
        left_out: &[HashSet<&str>],
        content: impl FnMut(&dyn Source) -> String,
    ) -> Result<ExtractedSets> {
        let listed: Vec<&Arc<dyn Source>> = sources.iter().collect();
        let identities = same_images::identities(&listed, false, content);
        let mut same_images = BTreeMap::new();
        let mut sets: Vec<FeatureSet> = Vec::new();
        for ((source, identity), left_out) in sources.iter().zip(identities).zip(left_out) {
            if let Some(first) = identity.first {
                same_images.insert(source.name().to_owned(), sets[first].id().to_owned());
            }
            let features = self.set(source.name(), &identity.ids, left_out)?;
            let labels = Labels::of_source(source.as_ref())?;
            sets.push(FeatureSet::try_new(
                source.name(),
                features,
                labels,
                identity.ids,
            )?);
        }
        let train = sets.remove(0);
        Ok(ExtractedSets {
            train,
            augmented: Vec::new(),
            test: sets,
            same_images,
        })
    }

    /// The features of a set in the order of its samples.
    fn set(&self, set: &str, samples: &[String], left_out: &HashSet<&str>) -> Result<Tensor> {
        let files = SetFiles::of(self.folder, set)?;
        let path = &files.features;
        let given = match path.extension() {
            Some(ending) if ending == "npy" => npy::read(path)?,
            _ => safetensors(path)?,
        };
        let refuse = |expected: &str, found: String| EvaluateError::File {
            expected: expected.to_owned(),
            found,
            path: path.clone(),
        };
        let size = given.size();
        if size.len() != 2 || size.contains(&0) {
            let found = format!("the shape {size:?}; flatten each sample's features into one row");
            return Err(refuse("features of shape [samples, dim]", found));
        }
        let name = path.display().to_string();
        check_finite(&name, &given)?;
        let kind = self.precision.kind();
        let kept = if given.kind() == kind {
            given
        } else {
            given.f_to_kind(kind)?
        };
        check_finite(&name, &kept).map_err(|_| {
            let found = format!("larger ones in {:?}; scale the features down", size);
            refuse(&format!("numbers that {kind:?} can hold"), found)
        })?;
        let rows = ids::rows(&files.ids, size[0] as usize, set, samples, left_out)?;
        Ok(match rows {
            None => kept,
            Some(rows) => kept.f_index_select(0, &Tensor::f_from_slice(&rows)?)?,
        })
    }
}

/// The tensor `features` of a file, or its only one.
fn safetensors(path: &Path) -> Result<Tensor> {
    let mut tensors = tensorfile::read(path)?;
    let at = tensors.iter().position(|(name, _)| name == TENSOR);
    let refuse = |expected: &str, found: String| EvaluateError::File {
        expected: expected.to_owned(),
        found,
        path: path.to_owned(),
    };
    let tensor = match (at, tensors.len()) {
        (Some(at), _) => tensors.swap_remove(at).1,
        (None, 1) => tensors.swap_remove(0).1,
        (None, count) => {
            let expected = "a tensor `features` or a single one";
            return Err(refuse(expected, format!("{count} of other names")));
        }
    };
    match tensor.kind() {
        Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16 => Ok(tensor),
        other => Err(refuse("floating-point numbers", format!("{other:?}"))),
    }
}
