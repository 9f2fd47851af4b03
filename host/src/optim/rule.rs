//! The update rules, for one tensor at a time, in place.
//!
//! Norms and factors stay tensors of one element, so that nothing waits for a device.

use super::error::OptimError;
use super::settings::Settings;
use ssl_plugin_api::description::{Optimizer as Kind, TrustForm};
use tch::{TchError, Tensor};

/// What an optimiser remembers about one parameter.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Momentum buffer, or Adam's first moment.
    pub(super) first: Option<Tensor>,
    /// Adam's second moment.
    pub(super) second: Option<Tensor>,
    /// Updates so far.
    pub(super) updates: u64,
}

/// Learning rate and weight decay of one parameter at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub(super) lr: f64,
    pub(super) weight_decay: f64,
}

/// Applies the parameter's rule once.
pub(super) fn update(
    settings: &Settings,
    rates: Rates,
    weight: &Tensor,
    grad: &Tensor,
    memory: &mut Memory,
) -> Result<(), UpdateFault> {
    memory.updates += 1;
    let mut weight = weight.shallow_clone();
    match settings.optimizer {
        Kind::Sgd { momentum, nesterov } => {
            let grad = decayed(grad, &weight, rates.weight_decay)?;
            let buffer = accumulate(&mut memory.first, &grad, momentum)?;
            let direction = if nesterov {
                buffer.f_mul_scalar(momentum)?.f_add_(&grad)?
            } else {
                buffer
            };
            descend(&mut weight, &direction, rates.lr)?;
        }
        Kind::Lars {
            momentum,
            trust,
            form,
        } => {
            let trust = settings.trust.then_some(trust);
            let grad = match form {
                TrustForm::Larc => larc(grad, &weight, rates.weight_decay, trust)?,
                TrustForm::RateOutside | TrustForm::RateInside => {
                    let grad = decayed(grad, &weight, rates.weight_decay)?;
                    trusted(grad, &weight, trust)?
                }
            };
            if form == TrustForm::RateInside {
                let scaled = grad.f_mul_scalar(rates.lr)?;
                let buffer = accumulate(&mut memory.first, &scaled, momentum)?;
                let _ = weight.f_sub_(&buffer)?;
            } else {
                let buffer = accumulate(&mut memory.first, &grad, momentum)?;
                descend(&mut weight, &buffer, rates.lr)?;
            }
        }
        Kind::Adamw { betas, eps } => adamw(&mut weight, grad, memory, rates, betas, eps)?,
        ref other => {
            return Err(UpdateFault::Unknown(format!("{other:?}")));
        }
    }
    Ok(())
}

/// Why an update failed.
pub(super) enum UpdateFault {
    Torch(TchError),
    Unknown(String),
}

impl From<TchError> for UpdateFault {
    fn from(error: TchError) -> Self {
        Self::Torch(error)
    }
}

impl UpdateFault {
    pub(super) fn of(self, name: &str) -> OptimError {
        match self {
            Self::Torch(source) => OptimError::Torch {
                name: name.to_owned(),
                source,
            },
            Self::Unknown(found) => OptimError::Unknown { found },
        }
    }
}

/// `g + wd·w`.
fn decayed(grad: &Tensor, weight: &Tensor, weight_decay: f64) -> Result<Tensor, TchError> {
    if weight_decay == 0.0 {
        Ok(grad.shallow_clone())
    } else {
        weight.f_mul_scalar(weight_decay)?.f_add_(grad)
    }
}

/// `v ← μv + g`, returned.
fn accumulate(
    buffer: &mut Option<Tensor>,
    grad: &Tensor,
    momentum: f64,
) -> Result<Tensor, TchError> {
    if momentum == 0.0 {
        return Ok(grad.shallow_clone());
    }
    let buffer = match buffer {
        Some(buffer) => {
            let _ = buffer.f_mul_scalar_(momentum)?.f_add_(grad)?;
            buffer
        }
        None => buffer.insert(grad.copy()),
    };
    Ok(buffer.shallow_clone())
}

/// `w ← w − lr·d`.
fn descend(weight: &mut Tensor, direction: &Tensor, lr: f64) -> Result<(), TchError> {
    let _ = weight.f_sub_(&direction.f_mul_scalar(lr)?)?;
    Ok(())
}

/// `g·trust·‖w‖/‖g‖`, or `g` where a norm is 0 or the parameter does not take part.
fn trusted(grad: Tensor, weight: &Tensor, trust: Option<f64>) -> Result<Tensor, TchError> {
    let Some(trust) = trust else {
        return Ok(grad);
    };
    let (weight_norm, grad_norm) = (weight.f_norm()?, grad.f_norm()?);
    let ratio = weight_norm.f_div(&grad_norm)?.f_mul_scalar(trust)?;
    let applies = both_positive(&weight_norm, &grad_norm)?;
    grad.f_mul(&ratio.f_where_self(&applies, &ratio.f_ones_like()?)?)
}

/// apex LARC without clipping: `(g + wd·w)·trust·‖w‖/(‖g‖ + wd·‖w‖ + 1e-8)`, or `g`, without decay,
/// where a norm is 0. Plain decay where the parameter does not take part.
fn larc(
    grad: &Tensor,
    weight: &Tensor,
    weight_decay: f64,
    trust: Option<f64>,
) -> Result<Tensor, TchError> {
    let with_decay = decayed(grad, weight, weight_decay)?;
    let Some(trust) = trust else {
        return Ok(with_decay);
    };
    let (weight_norm, grad_norm) = (weight.f_norm()?, grad.f_norm()?);
    let denominator = weight_norm
        .f_mul_scalar(weight_decay)?
        .f_add_(&grad_norm)?
        .f_add_scalar(1e-8)?;
    let rate = weight_norm.f_mul_scalar(trust)?.f_div(&denominator)?;
    let applies = both_positive(&weight_norm, &grad_norm)?;
    with_decay.f_mul(&rate)?.f_where_self(&applies, grad)
}

fn both_positive(a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
    a.f_gt(0.0)?.f_logical_and(&b.f_gt(0.0)?)
}

/// `w ← w(1 − lr·wd)`; moments; `w ← w − lr·m̂/(√v̂ + ε)` (Loshchilov and Hutter 2019, algorithm 2).
fn adamw(
    weight: &mut Tensor,
    grad: &Tensor,
    memory: &mut Memory,
    rates: Rates,
    [beta1, beta2]: [f64; 2],
    eps: f64,
) -> Result<(), TchError> {
    let step = memory.updates as f64;
    let first = memory.first.get_or_insert_with(|| grad.zeros_like());
    let second = memory.second.get_or_insert_with(|| grad.zeros_like());
    let _ = first.f_lerp_(grad, 1.0 - beta1)?;
    let _ = second
        .f_mul_scalar_(beta2)?
        .f_add_(&grad.f_square()?.f_mul_scalar_(1.0 - beta2)?)?;
    if rates.weight_decay != 0.0 {
        let _ = weight.f_mul_scalar_(1.0 - rates.lr * rates.weight_decay)?;
    }
    let denominator = second
        .f_sqrt()?
        .f_div_scalar_((1.0 - beta2.powf(step)).sqrt())?
        .f_add_scalar_(eps)?;
    let direction = first.f_div(&denominator)?;
    descend(weight, &direction, rates.lr / (1.0 - beta1.powf(step)))
}
