//! Running a loop with the widest vector instructions of this processor.
//!
//! Only arithmetic whose order is written down goes through here, so results do not depend on the
//! width.

use pulp::{Arch, Simd, WithSimd};

/// Calls `kernel(arguments)`, compiled for this processor.
///
/// `kernel` is a plain function marked `#[inline(always)]`: a closure could stay a call of its own,
/// compiled for the oldest processor.
#[inline(always)]
pub(super) fn wide<A, R>(kernel: impl FnOnce(A) -> R, arguments: A) -> R {
    Arch::new().dispatch(Call { kernel, arguments })
}

struct Call<F, A> {
    kernel: F,
    arguments: A,
}

impl<A, R, F: FnOnce(A) -> R> WithSimd for Call<F, A> {
    type Output = R;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> R {
        (self.kernel)(self.arguments)
    }
}
