//! Published studies that are built in.

use super::Input;
use crate::ReportError;
use ssl_aggregate::{AggregateError, Cell, DataSet, Decimal, Table};

/// A study whose published table can be reported on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Study {
    /// Twelve frameworks on ImageNet and five variants (arXiv 2501.15431).
    Ozbulak2024,
}

/// Data sets of the 2024 study: name, published images, class labels the prediction was taken from.
const DATA_SETS: [(&str, u64, &str); 6] = [
    ("Val", 50_000, "full-1000"),
    ("ReaL", 50_000, "full-1000"),
    ("V2", 10_000, "full-1000"),
    ("R", 30_000, "full-1000"),
    ("Sketch", 50_889, "full-1000"),
    ("A", 7_500, "full-1000"),
];

/// Images of ReaL that have a label at all, which are the ones scored.
const REAL_SCORED: u64 = 46_837;

/// Linear-evaluation top-1 accuracy in percent, as printed.
const ACCURACIES: [(&str, [&str; 6]); 12] = [
    ("DINO", ["75.1", "81.4", "61.4", "18.9", "19.2", "2.3"]),
    ("Swav", ["75.0", "81.3", "61.3", "18.7", "19.3", "2.4"]),
    ("MoCo", ["74.4", "81.3", "61.1", "24.4", "26.1", "1.8"]),
    ("Barlow", ["73.2", "80.0", "59.6", "20.2", "21.6", "1.5"]),
    ("VicReg", ["73.2", "79.7", "59.8", "20.0", "21.1", "1.6"]),
    ("BYOL", ["73.1", "80.1", "59.7", "20.6", "21.4", "1.6"]),
    ("OBoW", ["72.8", "79.4", "59.8", "18.9", "19.7", "3.3"]),
    ("DeepC", ["70.0", "77.5", "56.7", "19.0", "19.6", "1.4"]),
    ("SimSiam", ["67.8", "74.8", "54.3", "17.9", "18.4", "1.2"]),
    ("SimCLR", ["67.5", "74.7", "52.8", "15.1", "15.2", "1.1"]),
    ("PCL", ["66.8", "74.2", "53.3", "18.0", "19.0", "1.3"]),
    ("SeLa", ["66.5", "74.0", "53.4", "16.8", "17.4", "1.2"]),
];

impl Study {
    /// All that are built in.
    pub const ALL: [Self; 1] = [Self::Ozbulak2024];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ozbulak2024 => "ozbulak2024",
        }
    }

    /// The study of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|study| study.name() == name)
    }

    /// The published table. With `strict` counts ReaL weighs by the 46,837 images it scores, not by all 50,000.
    ///
    /// # Errors
    /// None for the built-in numbers, which a test proves.
    pub fn load(self, strict: bool) -> Result<Input, ReportError> {
        let Self::Ozbulak2024 = self;
        let table = table(strict).map_err(|source| ReportError::Table {
            origin: "ozbulak2024".to_owned(),
            source: Box::new(source),
        })?;
        let counts = if strict {
            "ReaL by its 46,837 scored images"
        } else {
            "as published"
        };
        let provenance = [
            (
                "study",
                "Ozbulak, Anzaku, Kang, De Neve, Vankerschaver, IJCNN 2024, arXiv 2501.15431",
            ),
            (
                "evaluation",
                "linear, top-1, percentages as printed with one decimal",
            ),
            ("image counts", counts),
            (
                "label space",
                "all 1000 classes on every set, inferred for R and A from the numbers",
            ),
        ];
        Ok(Input {
            title: "Self-supervised benchmark lottery on ImageNet".to_owned(),
            variance: Vec::new(),
            baselines: Vec::new(),
            study: Some(self),
            outcomes: vec![None; table.data_sets().len()],
            table,
            provenance: provenance.map(|(label, value)| (label.to_owned(), value.to_owned())).to_vec(),
            notes: vec![
                "The study prints no seeds and no per-image outcomes: tests are unpaired, and nothing here covers the \
                 variance of another pretraining run or another linear head."
                    .to_owned(),
                "Budget is confounded with framework: the accuracies fit public checkpoints of 100 to 1000 epochs, \
                 with and without multi-crop."
                    .to_owned(),
            ],
        })
    }
}

fn table(strict: bool) -> Result<Table, AggregateError> {
    let data_sets = DATA_SETS.map(|(name, n, label_space)| DataSet {
        name: name.to_owned(),
        n: if strict && name == "ReaL" {
            REAL_SCORED
        } else {
            n
        },
        label_space: Some(label_space.to_owned()),
        same_images_as: (name == "ReaL").then(|| "Val".to_owned()),
    });
    let mut rows = Vec::new();
    for (_, accuracies) in ACCURACIES {
        let cells = accuracies.iter().zip(&data_sets);
        let cells =
            cells.map(|(text, set)| Cell::published(Decimal::parse(text)?, 1, set.n).map(Some));
        rows.push(cells.collect::<Result<Vec<_>, _>>()?);
    }
    let frameworks = ACCURACIES
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    Table::try_new(
        Some("linear".to_owned()),
        data_sets.to_vec(),
        frameworks,
        rows,
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use ssl_aggregate::{Aggregate, aggregate};

    #[test]
    fn strict_counts_move_the_weighted_average() {
        let table = Study::Ozbulak2024.load(true).unwrap().table;
        let scores = aggregate(&table, &[0, 1, 2, 3, 4, 5], Aggregate::Weighted);
        for (row, expected) in [(0, 49.905_497), (2, 52.311_429), (11, 44.683_631)] {
            assert!((scores.values[row].unwrap() - expected).abs() < 5e-7);
        }
    }
}
