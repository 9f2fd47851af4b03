//! A row against what the authors of its backbone report.

/// A measured accuracy beside the published one of the same backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The row.
    pub framework: String,
    /// The data set on which both were measured.
    pub data_set: String,
    /// The protocol that was measured here.
    pub protocol: String,
    /// Measured, in percent.
    pub measured: f64,
    /// Which backbone the published number is of.
    pub checkpoint: String,
    /// Published, in percent.
    pub published: f64,
    /// Where it stands.
    pub source: String,
}

/// Less than the last digit of any accuracy: decimals such as 72.8 and 73.8 are 1 apart, whatever their binary forms are.
const ROUNDING: f64 = 1e-9;

impl Verification {
    /// Measured minus published, in points.
    #[must_use]
    pub fn deviation(&self) -> f64 {
        self.measured - self.published
    }

    /// Whether the two are at most `points` apart, either way.
    #[must_use]
    pub fn within(&self, points: f64) -> bool {
        self.deviation().abs() <= points + ROUNDING
    }
}

/// The rows of which a number is more than `points` from the published one, each once, in order.
#[must_use]
pub fn not_verified(all: &[Verification], points: f64) -> Vec<&str> {
    let mut rows: Vec<&str> = Vec::new();
    for it in all.iter().filter(|it| !it.within(points)) {
        if !rows.contains(&it.framework.as_str()) {
            rows.push(&it.framework);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(measured: f64, published: f64) -> Verification {
        Verification {
            framework: format!("{measured}"),
            data_set: "val".to_owned(),
            protocol: "linear".to_owned(),
            measured,
            checkpoint: "1000ep".to_owned(),
            published,
            source: "a paper".to_owned(),
        }
    }

    #[test]
    fn a_point_either_way_is_within_a_point_and_no_more() {
        for (measured, published, within) in [
            (72.8, 73.8, true),
            (70.1, 69.1, true),
            (73.1, 74.3, false),
            (72.79, 73.8, false),
            (75.4, 74.3, false),
            (74.3, 74.3, true),
        ] {
            let it = found(measured, published);
            assert_eq!(it.within(1.0), within, "{measured} {published}");
        }
        assert!((found(73.1, 74.3).deviation() + 1.2).abs() < 1e-9);
    }

    #[test]
    fn a_row_fails_by_one_of_its_numbers_and_is_named_once() {
        let all = [
            found(73.1, 74.3),
            found(73.1, 73.0),
            found(73.1, 60.0),
            found(67.5, 67.5),
        ];
        assert_eq!(not_verified(&all, 1.0), ["73.1"]);
        assert_eq!(not_verified(&all, 20.0), [""; 0]);
    }
}
