//! Weighted sums of rows, the inner loop of resize and blur.

/// Values that are summed together: several vectors, so that one sum need not wait for the other.
const BLOCK: usize = 32;
/// Half a block is short enough for the compiler to keep it in registers.
const HALF: usize = BLOCK / 2;

/// `out[i] = Σₜ weights[t] · row(t)[i]`, the terms added in order.
///
/// `row(t)` has at least as many values as `out`.
#[inline(always)]
pub(super) fn weighted_sum<'a, T: Copy + Into<f32> + 'a>(
    weights: &[f32],
    row: impl Fn(usize) -> &'a [T],
    out: &mut [f32],
) {
    let (blocks, rest) = out.as_chunks_mut::<BLOCK>();
    for (at, block) in blocks.iter_mut().enumerate() {
        let (mut left, mut right) = ([0.0; HALF], [0.0; HALF]);
        for (tap, &weight) in weights.iter().enumerate() {
            let under = &row(tap)[at * BLOCK..][..BLOCK];
            add(&mut left, weight, &under[..HALF]);
            add(&mut right, weight, &under[HALF..]);
        }
        block[..HALF].copy_from_slice(&left);
        block[HALF..].copy_from_slice(&right);
    }
    let done = blocks.len() * BLOCK;
    rest.fill(0.0);
    for (tap, &weight) in weights.iter().enumerate() {
        add(rest, weight, &row(tap)[done..]);
    }
}

/// `sum += weight · under`.
#[inline(always)]
fn add<T: Copy + Into<f32>>(sum: &mut [f32], weight: f32, under: &[T]) {
    for (sum, &x) in sum.iter_mut().zip(under) {
        *sum += weight * x.into();
    }
}
