//! What a backbone's numbers must be, and what about them is strange.

use tch::{Kind, Tensor};

use super::{ImportError, Result};

/// Refuses what no trained network holds: numbers that are no floats, NaN or infinite ones, negative
/// variances.
pub(super) fn check(key: &str, name: &str, tensor: &Tensor) -> Result<()> {
    let floats = [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16];
    if !floats.contains(&tensor.kind()) {
        return Err(ImportError::Tensor {
            name: key.to_owned(),
            expected: "floating-point numbers".to_owned(),
            found: format!("{:?}", tensor.kind()),
        });
    }
    check_finite(key, tensor)?;
    let negative = || count(&tensor.f_lt(0.0)?);
    if name.ends_with("running_var") && negative()? > 0 {
        return Err(ImportError::NegativeVariance {
            name: key.to_owned(),
            count: negative()?,
            least: tensor.f_min()?.f_double_value(&[])?,
        });
    }
    Ok(())
}

/// Refuses NaN and infinite numbers; other kinds have none.
pub(super) fn check_finite(key: &str, tensor: &Tensor) -> Result<()> {
    // As they are used, in single precision.
    let broken = match tensor.kind() {
        Kind::Float | Kind::Half | Kind::BFloat16 => count(&tensor.f_isfinite()?.f_logical_not()?)?,
        Kind::Double => count(
            &tensor
                .f_to_kind(Kind::Float)?
                .f_isfinite()?
                .f_logical_not()?,
        )?,
        _ => 0,
    };
    if broken == 0 {
        return Ok(());
    }
    Err(ImportError::NotFinite {
        name: key.to_owned(),
        count: broken,
    })
}

fn count(which: &Tensor) -> Result<i64> {
    Ok(which.f_sum(Kind::Int64)?.f_int64_value(&[])?)
}

/// What may be right and seldom is, a sentence each: weights that are all the same, and running
/// statistics as they are before the first image. `tensors` are names and values.
pub(super) fn warnings<'t>(
    tensors: impl Iterator<Item = (&'t str, &'t Tensor)>,
) -> Result<Vec<String>> {
    let (mut constant, mut weights) = (Vec::new(), 0);
    let (mut fresh, mut statistics) = (0, 0);
    for (name, tensor) in tensors {
        let is = |value: f64| -> Result<bool> { Ok(count(&tensor.f_ne(value)?)? == 0) };
        if tensor.dim() > 1 {
            weights += 1;
            let first = tensor.f_flatten(0, -1)?.f_double_value(&[0])?;
            if is(first)? {
                constant.push(format!("{name} (all {first})"));
            }
        } else if name.ends_with("running_mean") || name.ends_with("running_var") {
            statistics += 1;
            fresh += usize::from(is(f64::from(u8::from(name.ends_with("running_var"))))?);
        } else if name.ends_with("weight") && is(0.0)? && !is_last_of_block(name) {
            constant.push(format!("{name} (all 0)"));
        }
    }
    let mut warnings = Vec::new();
    if let Some(first) = constant.first() {
        warnings.push(format!(
            "{} weights are constant, the first is {first}; {weights} convolutions in all",
            constant.len()
        ));
    }
    if statistics > 0 && fresh == statistics {
        warnings.push(
            "every batch norm has the statistics of a network that has not seen an image"
                .to_owned(),
        );
    }
    Ok(warnings)
}

/// Whether a batch norm may start at 0: the last one of a residual block.
fn is_last_of_block(name: &str) -> bool {
    name.starts_with("layer") && (name.ends_with(".bn2.weight") || name.ends_with(".bn3.weight"))
}
