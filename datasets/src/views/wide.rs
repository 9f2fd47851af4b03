//! Running a loop with the widest vector instructions of this processor.
//!
//! Only arithmetic whose order is written down goes through here, so results do not depend on the
//! width.

/// Moved into the closure of [`wide!`], so that it can be called only once.
pub(super) struct Once;

/// `wide!(kernel(a, b))` calls `kernel`, a function marked `#[inline(always)]`, compiled for this
/// processor; `a` and `b` are names of variables.
///
/// The kernel has to end up inside the one function that is compiled for this processor; what is
/// called from there is compiled for the oldest. A kernel handed over as a value is called, and so is
/// a closure that could be called twice, through the function that makes it one to be called once.
macro_rules! wide {
    ($kernel:ident($($argument:ident),+)) => {{
        let once = $crate::views::wide::Once;
        pulp::Arch::new().dispatch(
            #[inline(always)]
            move || {
                let _once = once;
                $(let $argument = $argument;)+
                $kernel($($argument),+)
            },
        )
    }};
}

pub(super) use wide;

#[cfg(test)]
mod tests {
    use crate::views::sum::weighted_sum;

    #[inline(always)]
    fn smooth(source: &[f32], out: &mut [f32]) {
        weighted_sum(&[0.3, 0.1, -0.7, 0.9], |tap| &source[tap..], out);
    }

    #[test]
    fn results_do_not_depend_on_the_width() {
        let source: Vec<f32> = (0..80).map(|i| (i * 37 % 101) as f32 / 7.0).collect();
        let (mut plain, mut widest) = (vec![0.0; 77], vec![0.0; 77]);
        smooth(&source, &mut plain);
        let (from, to) = (&source[..], &mut widest[..]);
        wide!(smooth(from, to));
        assert_eq!(plain, widest);
    }
}
