//! From data to positions in a picture.

/// A linear scale from data to picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// Maps a range as it is.
    pub(super) fn between(from: (f64, f64), to: (f64, f64)) -> Self {
        Self { from, to }
    }

    /// Maps the range of `values`, widened a little, to `to`.
    pub(super) fn around(values: impl Iterator<Item = f64>, to: (f64, f64)) -> Self {
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let margin = if high > low { 0.06 * (high - low) } else { 0.5 };
        Self {
            from: (low - margin, high + margin),
            to,
        }
    }

    /// Position of a value.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.from.0) / (self.from.1 - self.from.0);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    /// The range of data shown.
    pub(super) fn range(&self) -> (f64, f64) {
        self.from
    }

    /// Round values within the range, about `count` of them, with the decimals they need.
    pub(super) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.from.1 - self.from.0) / count.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= raw);
        let step = step.unwrap_or(raw);
        // 25 lies between 20 and 50, where a wide range would keep a single tick.
        let quarter = 2.5 * power;
        let step = if step == 5.0 * power && power >= 10.0 && quarter >= raw {
            quarter
        } else {
            step
        };
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.from.0 / step).ceil() as i64;
        let last = (self.from.1 / step).floor() as i64;
        (first..=last)
            .map(|index| {
                let value = index as f64 * step;
                (value, format!("{value:.decimals$}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let scale = Scale::around([66.5, 75.1].into_iter(), (0.0, 100.0));
        let labels: Vec<String> = scale.ticks(4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["70", "75"]);
        let wide = Scale::around([11.9, 89.0].into_iter(), (0.0, 100.0));
        let labels: Vec<String> = wide.ticks(4).into_iter().map(|(_, label)| label).collect();
        assert_eq!(labels, ["25", "50", "75"]);
        let narrow = Scale::around([27.40, 27.42].into_iter(), (0.0, 1.0));
        assert!(
            narrow.ticks(3).iter().all(|(_, label)| label.len() == 5),
            "{:?}",
            narrow.ticks(3)
        );
    }
}
