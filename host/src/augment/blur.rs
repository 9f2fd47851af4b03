//! Blurs of a batch in which every sample has its own kernel: one grouped convolution per pass.

use ssl_datasets::views::blur::{box_taps, gaussian_taps};
use tch::{TchError, Tensor};

/// Pillow's three box blurs along rows, then three along columns.
pub(super) fn pil(x: &Tensor, sigmas: &[f32]) -> Result<Tensor, TchError> {
    let mut rows: Vec<Vec<f32>> = vec![Vec::new(); sigmas.len()];
    for (row, sigma) in rows.iter_mut().zip(sigmas) {
        box_taps(*sigma, row);
    }
    let mut x = x.shallow_clone();
    for across in [true, true, true, false, false, false] {
        x = convolve(&x, &rows, across, |x, border| x.f_replication_pad2d(border))?;
    }
    Ok(x)
}

/// A sampled Gaussian with mirrored borders.
pub(super) fn sampled(x: &Tensor, taps: usize, sigmas: &[f32]) -> Result<Tensor, TchError> {
    let mut rows: Vec<Vec<f32>> = vec![Vec::new(); sigmas.len()];
    for (row, sigma) in rows.iter_mut().zip(sigmas) {
        gaussian_taps(taps, *sigma, row);
    }
    let mirror = |x: &Tensor, border: [i64; 4]| x.f_reflection_pad2d(border);
    let across = convolve(x, &rows, true, mirror)?;
    convolve(&across, &rows, false, mirror)
}

/// Convolves sample `i` with `rows[i]`, along rows or along columns.
fn convolve(
    x: &Tensor,
    rows: &[Vec<f32>],
    across: bool,
    pad: impl Fn(&Tensor, [i64; 4]) -> Result<Tensor, TchError>,
) -> Result<Tensor, TchError> {
    let &[n, c, h, w] = &x.size()[..] else {
        return Err(TchError::Shape(format!(
            "expected views of four dimensions, found {:?}",
            x.size()
        )));
    };
    let width = rows.iter().map(Vec::len).max().unwrap_or(1);
    let half = width as i64 / 2;
    let mut weights = vec![0.0_f32; rows.len() * width];
    for (wide, row) in weights.chunks_exact_mut(width).zip(rows) {
        let start = (width - row.len()) / 2;
        wide[start..start + row.len()].copy_from_slice(row);
    }
    let kernel = if across {
        [n * c, 1, 1, -1]
    } else {
        [n * c, 1, -1, 1]
    };
    let weights = Tensor::f_from_slice(&weights)?
        .f_to_device(x.device())?
        .f_reshape([n, width as i64])?
        .f_repeat_interleave_self_int(c, 0, None::<i64>)?
        .f_reshape(kernel)?;
    let border = if across {
        [half, half, 0, 0]
    } else {
        [0, 0, half, half]
    };
    pad(&x.f_reshape([1, n * c, h, w])?, border)?
        .f_conv2d(&weights, None::<&Tensor>, [1, 1], [0, 0], [1, 1], n * c)?
        .f_reshape([n, c, h, w])
}
