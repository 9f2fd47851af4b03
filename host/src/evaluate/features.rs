//! Features of a data set, and their extraction with a frozen backbone.

use tch::{Device, Kind, Tensor};

use super::{EvaluateError, Labels, Result};

/// Features, labels and sample ids of one data set.
#[derive(Debug)]
pub struct FeatureSet {
    id: String,
    features: Tensor,
    labels: Labels,
    sample_ids: Vec<String>,
}

impl FeatureSet {
    /// Puts the three together.
    ///
    /// # Shapes
    /// - `features`: `[samples, dim]`, f32 or f16; may be memory-mapped
    ///
    /// # Errors
    /// [`EvaluateError::Shape`] for anything but a matrix, [`EvaluateError::Count`] when lengths
    /// differ, [`EvaluateError::NotFinite`] for NaN or infinity.
    pub fn try_new(
        id: impl Into<String>,
        features: Tensor,
        labels: Labels,
        sample_ids: Vec<String>,
    ) -> Result<Self> {
        let id = id.into();
        let &[rows, dim] = features.size().as_slice() else {
            return Err(EvaluateError::Shape {
                expected: "dim".to_owned(),
                found: features.size(),
                set: id,
            });
        };
        if dim == 0 {
            return Err(EvaluateError::Shape {
                expected: "dim >= 1".to_owned(),
                found: features.size(),
                set: id,
            });
        }
        for (what, found) in [("labels", labels.len()), ("sample ids", sample_ids.len())] {
            if found != rows as usize {
                return Err(EvaluateError::Count {
                    what,
                    expected: rows as usize,
                    found,
                    set: id,
                });
            }
        }
        check_finite(&id, &features)?;
        Ok(Self {
            id,
            features,
            labels,
            sample_ids,
        })
    }

    /// The data set's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The features, `[samples, dim]`.
    pub fn features(&self) -> &Tensor {
        &self.features
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// One id per sample, stable between runs.
    #[must_use]
    pub fn sample_ids(&self) -> &[String] {
        &self.sample_ids
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Width of the features.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.features.size()[1] as usize
    }

    /// Checks that `self` can be tested with what was trained on `train`.
    pub(super) fn check_fits(&self, train: &Self) -> Result<()> {
        if self.dim() != train.dim() {
            return Err(EvaluateError::Shape {
                expected: train.dim().to_string(),
                found: self.features.size(),
                set: self.id.clone(),
            });
        }
        if self.labels.num_classes() != train.labels.num_classes() {
            return Err(EvaluateError::LabelSpace {
                expected: train.labels.num_classes(),
                found: self.labels.num_classes(),
                set: self.id.clone(),
            });
        }
        Ok(())
    }
}

/// Rows that are read at once when something is computed over a whole bank.
pub(super) const ROWS_PER_BLOCK: i64 = 4096;

/// Refuses NaN and infinity in `[samples, dim]`; `set` says whose features they are.
pub(super) fn check_finite(set: &str, features: &Tensor) -> Result<()> {
    let rows = features.size()[0];
    let (mut count, mut first) = (0, None);
    for start in (0..rows).step_by(ROWS_PER_BLOCK as usize) {
        let block = features.f_narrow(0, start, ROWS_PER_BLOCK.min(rows - start))?;
        let broken = block
            .f_isfinite()?
            .f_all_dim(1, false)?
            .f_logical_not()?
            .f_nonzero()?
            .f_flatten(0, -1)?;
        count += broken.numel();
        if first.is_none() && broken.numel() > 0 {
            first = Some(start + broken.f_int64_value(&[0])?);
        }
    }
    match first {
        None => Ok(()),
        Some(first) => Err(EvaluateError::NotFinite {
            count,
            first: first as usize,
            set: set.to_owned(),
        }),
    }
}

/// Runs every batch of an evaluation loader through a frozen backbone.
///
/// `forward` maps images `[batch, 3, height, width]` to features `[batch, dim]`; it is called
/// without gradient and is expected to put the backbone into eval mode. The features come back as
/// f32 on the CPU. [`FeatureCache::features`](super::FeatureCache::features) does the same with a
/// file as its memory.
///
/// # Errors
/// [`EvaluateError::Loader`] and [`EvaluateError::Forward`] with the cause;
/// [`EvaluateError::Shape`] when `forward` returns something else than one row per image, or rows
/// of changing width; [`EvaluateError::TooFew`] when there are no batches.
pub fn extract<L, F>(
    set: &str,
    batches: impl IntoIterator<Item = std::result::Result<Tensor, L>>,
    forward: impl Fn(&Tensor) -> std::result::Result<Tensor, F>,
) -> Result<Tensor>
where
    L: Into<Cause>,
    F: Into<Cause>,
{
    let mut parts: Vec<Tensor> = Vec::new();
    for_each(set, batches, forward, |features| {
        parts.push(features);
        Ok(())
    })?;
    Ok(Tensor::f_cat(&parts, 0)?)
}

/// The error of a loader or a backbone, whatever its type.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Hands the features of each batch, `[batch, dim]` f32 on the CPU, to `sink`.
pub(super) fn for_each<L, F>(
    set: &str,
    batches: impl IntoIterator<Item = std::result::Result<Tensor, L>>,
    forward: impl Fn(&Tensor) -> std::result::Result<Tensor, F>,
    mut sink: impl FnMut(Tensor) -> Result<()>,
) -> Result<()>
where
    L: Into<Cause>,
    F: Into<Cause>,
{
    let mut width: Option<i64> = None;
    let mut samples = 0;
    for batch in batches {
        let images = batch.map_err(|source| EvaluateError::Loader {
            samples,
            source: source.into(),
        })?;
        let features =
            tch::no_grad(|| forward(&images)).map_err(|source| EvaluateError::Forward {
                samples,
                source: source.into(),
            })?;
        let size = features.size();
        let fits =
            size.len() == 2 && size[0] == images.size()[0] && width.is_none_or(|w| w == size[1]);
        if !fits {
            return Err(EvaluateError::Shape {
                expected: width.map_or_else(|| "dim".to_owned(), |w| w.to_string()),
                found: size,
                set: set.to_owned(),
            });
        }
        width = Some(size[1]);
        samples += size[0] as usize;
        sink(
            features
                .f_to_device(Device::Cpu)?
                .f_to_kind(Kind::Float)?
                .f_contiguous()?,
        )?;
    }
    match width {
        Some(_) => Ok(()),
        None => Err(EvaluateError::TooFew {
            expected: 1,
            found: 0,
            set: set.to_owned(),
        }),
    }
}

/// The raw-pixel baseline: an image's values, flattened, are its features.
///
/// # Shapes
/// - `images`: `[batch, channels, height, width]`
/// - returns `[batch, channels * height * width]`
///
/// # Errors
/// What the tensor library reports.
pub fn raw_pixels(images: &Tensor) -> std::result::Result<Tensor, tch::TchError> {
    images.f_to_kind(Kind::Float)?.f_flatten(1, -1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ids(n: usize) -> Vec<String> {
        (0..n).map(|i| i.to_string()).collect()
    }

    #[test]
    fn feature_set_counts_rows_with_nan_or_infinity() {
        let features = Tensor::zeros([5000, 3], (Kind::Float, Device::Cpu));
        let _ = features.get(4100).get(1).fill_(f64::NAN);
        let _ = features.get(4999).get(0).fill_(f64::INFINITY);
        let labels = Labels::single(&[0; 5000], 2).unwrap();
        let fault = FeatureSet::try_new("val", features, labels, ids(5000)).unwrap_err();
        assert!(matches!(
            fault,
            EvaluateError::NotFinite {
                count: 2,
                first: 4100,
                ..
            }
        ));
    }

    #[test]
    fn feature_set_refuses_labels_and_ids_of_other_lengths() {
        let features = || Tensor::zeros([3, 2], (Kind::Float, Device::Cpu));
        let labels = |n| Labels::single(&vec![0; n], 2).unwrap();
        assert!(FeatureSet::try_new("val", features(), labels(3), ids(3)).is_ok());
        assert!(FeatureSet::try_new("val", features(), labels(2), ids(3)).is_err());
        assert!(FeatureSet::try_new("val", features(), labels(3), ids(4)).is_err());
    }

    #[test]
    fn raw_pixels_are_extracted_in_order() {
        let images = Tensor::arange(24, (Kind::Float, Device::Cpu)).reshape([4, 3, 1, 2]);
        let batches = [images.narrow(0, 0, 3), images.narrow(0, 3, 1)].map(Ok::<_, tch::TchError>);
        let features = extract("val", batches, raw_pixels).unwrap();
        assert_eq!(features.size(), [4, 6]);
        assert_eq!(features, images.reshape([4, 6]));
    }

    #[test]
    fn extract_keeps_the_error_of_the_loader() {
        let images = Tensor::zeros([2, 3, 1, 1], (Kind::Float, Device::Cpu));
        let batches = [Ok(images), Err(std::io::Error::other("broken.jpg"))];
        match extract("val", batches, raw_pixels).unwrap_err() {
            EvaluateError::Loader { samples, source } => {
                assert_eq!(samples, 2);
                assert_eq!(source.to_string(), "broken.jpg");
            }
            other => panic!("{other}"),
        }
    }
}
