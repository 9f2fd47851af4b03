//! Colour operations; `x` is `[n, 3, h, w]`, an amount `[n, 1, 1, 1]`.

use super::channels;
use ssl_datasets::views::colour::LUMA;
use tch::{Kind, TchError, Tensor};

/// `[n, 1, h, w]`
fn luma(x: &Tensor) -> Result<Tensor, TchError> {
    x.f_mul(&channels(LUMA, x)?)?
        .f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)
}

/// `clip(factor · x + (1 − factor) · other)`
fn blend(x: &Tensor, other: &Tensor, factor: &Tensor) -> Result<Tensor, TchError> {
    let rest = other.f_mul(&factor.f_neg()?.f_add_scalar(1.0)?)?;
    x.f_mul(factor)?.f_add(&rest)?.f_clamp(0.0, 1.0)
}

pub(super) fn contrast(x: &Tensor, factor: &Tensor) -> Result<Tensor, TchError> {
    let mean = luma(x)?.f_mean_dim([1i64, 2, 3].as_slice(), true, Kind::Float)?;
    blend(x, &mean, factor)
}

pub(super) fn saturation(x: &Tensor, factor: &Tensor) -> Result<Tensor, TchError> {
    blend(x, &luma(x)?, factor)
}

pub(super) fn grayscale(x: &Tensor) -> Result<Tensor, TchError> {
    luma(x)?.f_expand_as(x)?.f_contiguous()
}

/// `1 − x` where `x ≥ threshold`.
pub(super) fn solarize(x: &Tensor, threshold: &Tensor) -> Result<Tensor, TchError> {
    let inverted = x.f_neg()?.f_add_scalar(1.0)?;
    inverted.f_where_self(&x.f_ge_tensor(threshold)?, x)
}

pub(super) fn normalize(x: &Tensor, mean: [f32; 3], std: [f32; 3]) -> Result<Tensor, TchError> {
    x.f_sub(&channels(mean, x)?)?.f_div(&channels(std, x)?)
}

/// Turns the hue by `shift` of a circle, as `ssl_datasets::views::colour::hue` does pixel by pixel.
pub(super) fn hue(x: &Tensor, shift: &Tensor) -> Result<Tensor, TchError> {
    let channel = |c| x.f_narrow(1, c, 1); // [n, 1, h, w]
    let (r, g, b) = (channel(0)?, channel(1)?, channel(2)?);
    let value = x.f_amax([1i64].as_slice(), true)?;
    let chroma = value.f_sub(&x.f_amin([1i64].as_slice(), true)?)?;
    // A grey pixel has no hue; whatever is divided by then is 0.
    let divisor = chroma.f_masked_fill(&chroma.f_eq(0.0)?, 1.0)?;
    let sixth =
        |a: &Tensor, b: &Tensor, start: f64| a.f_sub(b)?.f_div(&divisor)?.f_add_scalar(start);
    let mut hue = sixth(&r, &g, 4.0)?;
    hue = sixth(&b, &r, 2.0)?.f_where_self(&value.f_eq_tensor(&g)?, &hue)?;
    hue = sixth(&g, &b, 0.0)?.f_where_self(&value.f_eq_tensor(&r)?, &hue)?;
    let turned = hue.f_add(&shift.f_mul_scalar(6.0)?)?.f_remainder(6.0)?;
    // One channel: v − c · clip(min(k, 4 − k)) with k = (offset + hue) mod 6.
    let from_hue = |offset: f64| -> Result<Tensor, TchError> {
        let k = turned.f_add_scalar(offset)?.f_remainder(6.0)?;
        let share = k
            .f_minimum(&k.f_neg()?.f_add_scalar(4.0)?)?
            .f_clamp(0.0, 1.0)?;
        value.f_sub(&chroma.f_mul(&share)?)
    };
    Tensor::f_cat(&[from_hue(5.0)?, from_hue(3.0)?, from_hue(1.0)?], 1)
}
