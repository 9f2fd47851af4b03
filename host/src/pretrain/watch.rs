//! What a plugin must keep to and a run sees cheaply: in the first steps of each epoch, and at its end.

use super::encode::EncodedFeature;
use super::error::PretrainError;
use super::heads::{Heads, adopt};
use ssl_plugin_api::TrainStep;
use ssl_plugin_api::export::Instance;
use tch::{Kind, TchError, Tensor};

/// Steps of an epoch in which features and parameters are compared with what they were.
const WATCHED: u64 = 2;

/// Whether a step is one of those that are watched.
pub(super) const fn is_watched(at: &TrainStep) -> bool {
    at.batch_in_epoch() < WATCHED
}

/// Copies of the features that a step is given, to see whether it writes into them.
pub(super) struct Untouched(Vec<Tensor>);

impl Untouched {
    /// Copies the features.
    pub(super) fn of(features: &[EncodedFeature]) -> Self {
        Self(
            features
                .iter()
                .map(|it| it.tensor.detach().copy())
                .collect(),
        )
    }

    /// Compares the features with what they were.
    pub(super) fn check(
        &self,
        features: &[EncodedFeature],
        step: u64,
    ) -> Result<(), PretrainError> {
        for (feature, before) in features.iter().zip(&self.0) {
            // NaN differs from itself, and is told as what it is elsewhere.
            let same = feature.tensor.detach().equal(before);
            if !same && before.isfinite().all().int64_value(&[]) == 1 {
                return Err(PretrainError::Contract {
                    call: "step",
                    step,
                    expected: format!(
                        "the feature {}, which is read-only, as it was given",
                        feature.key
                    ),
                    found: "it overwritten".to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Refuses parameters that are no longer where the host updates them.
pub(super) fn expect_in_place(
    heads: &Heads,
    instance: &mut dyn Instance,
    call: &'static str,
    step: u64,
) -> Result<(), PretrainError> {
    let now = instance
        .parameters()
        .map_err(PretrainError::plugin("parameters", step))?;
    let now = adopt(now, "parameters", step)?;
    let moved = |what: String| PretrainError::Contract {
        call,
        step,
        expected: "parameters where they were, or `parameters_moved`".to_owned(),
        found: what,
    };
    if now.len() != heads.len() {
        return Err(moved(format!(
            "{} of them, and {} before",
            now.len(),
            heads.len()
        )));
    }
    for ((name, tensor), (new_name, new)) in heads.iter().zip(&now) {
        if name != new_name || tensor.data_ptr() != new.data_ptr() {
            return Err(moved(format!(
                "{new_name} in another place, which is never trained"
            )));
        }
    }
    Ok(())
}

/// Whether any feature has had a gradient that is not zero, without which the backbone does not train.
#[derive(Default)]
pub(super) struct Learning {
    seen: bool,
}

impl Learning {
    /// Whether one was found.
    pub(super) const fn has_begun(&self) -> bool {
        self.seen
    }

    /// Goes on from what an earlier attempt has found.
    pub(super) const fn go_on(&mut self, seen: bool) {
        self.seen = seen;
    }

    /// Looks at the gradients of a step; nothing once one was found.
    pub(super) fn look(&mut self, grads: &[(&Tensor, &Tensor)]) -> Result<(), TchError> {
        for (_, grad) in grads {
            if self.seen {
                break;
            }
            self.seen = grad.f_abs()?.f_sum(Kind::Float)?.f_double_value(&[])? > 0.0;
        }
        Ok(())
    }

    /// Refuses an epoch in which no feature has had a gradient.
    pub(super) fn expect(&self, step: u64) -> Result<(), PretrainError> {
        if self.seen {
            return Ok(());
        }
        Err(PretrainError::Contract {
            call: "step",
            step,
            expected: "gradients of the features in the first epoch".to_owned(),
            found: "none, or zeros: the backbone does not train".to_owned(),
        })
    }
}
