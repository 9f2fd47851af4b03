//! Published studies that are built in.

mod imagenette;
mod ozbulak2024;

use super::{Input, relabelled};
use crate::ReportError;
use ssl_aggregate::{AggregateError, Cell, DataSet, Decimal, Table, Verification};

/// A study whose published table can be reported on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Study {
    /// Twelve frameworks on ImageNet and five variants (arXiv 2501.15431).
    Ozbulak2024,
    /// Twelve frameworks on Imagenette, by the maintainers of stable-pretraining.
    Imagenette,
}

/// How the frameworks of both studies were judged.
const PROTOCOL: &str = "linear";

/// A table as it was printed.
struct Published {
    title: &'static str,
    /// Name, images, classes that the prediction was taken from.
    data_sets: Vec<(&'static str, u64, &'static str)>,
    /// Percentages by framework, one for each data set.
    accuracies: &'static [(&'static str, &'static [&'static str])],
    /// What the authors of the rows report on the first data set.
    reported: &'static [Reported],
    provenance: Vec<(&'static str, &'static str)>,
    notes: &'static [&'static str],
}

/// The accuracy that the authors of a framework report: row, backbone, percent, source.
type Reported = (&'static str, &'static str, f64, &'static str);

impl Study {
    /// All that are built in.
    pub const ALL: [Self; 2] = [Self::Ozbulak2024, Self::Imagenette];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ozbulak2024 => "ozbulak2024",
            Self::Imagenette => "imagenette",
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
    /// [`ReportError::Strict`] for a study that scores all images of all sets; none for the built-in numbers, which a
    /// test proves.
    pub fn load(self, strict: bool) -> Result<Input, ReportError> {
        let published = match self {
            Self::Ozbulak2024 => ozbulak2024::published(strict),
            Self::Imagenette if strict => return Err(ReportError::Strict { study: self.name() }),
            Self::Imagenette => imagenette::published(),
        };
        let table = published.table().map_err(|source| ReportError::Table {
            origin: self.name().to_owned(),
            source: Box::new(source),
        })?;
        let verification = published.verification(&table);
        let provenance = published.provenance.into_iter();
        Ok(Input {
            title: published.title.to_owned(),
            variance: Vec::new(),
            checkpoints: None,
            verification,
            baselines: Vec::new(),
            study: Some(self),
            outcomes: vec![None; table.data_sets().len()],
            table,
            provenance: provenance
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .collect(),
            notes: published
                .notes
                .iter()
                .map(|&note| note.to_owned())
                .collect(),
        })
    }
}

impl Published {
    /// The rows beside what their authors report.
    fn verification(&self, table: &Table) -> Vec<Verification> {
        let found = self.reported.iter().filter_map(|reported| {
            let &(framework, checkpoint, published, source) = reported;
            let cell = table.cell(table.row(framework)?, 0)?;
            Some(Verification {
                framework: framework.to_owned(),
                data_set: table.data_sets().first()?.name.clone(),
                protocol: PROTOCOL.to_owned(),
                measured: cell.percent(),
                checkpoint: checkpoint.to_owned(),
                published,
                source: source.to_owned(),
            })
        });
        found.collect()
    }

    fn table(&self) -> Result<Table, AggregateError> {
        let names = || self.data_sets.iter().map(|(name, ..)| *name);
        let data_sets = self
            .data_sets
            .iter()
            .map(|&(name, n, label_space)| DataSet {
                name: name.to_owned(),
                n,
                label_space: Some(label_space.to_owned()),
                same_images_as: relabelled(name, names()),
            });
        let data_sets: Vec<DataSet> = data_sets.collect();
        let row = |accuracies: &[&str]| {
            let cells = accuracies.iter().zip(&data_sets);
            cells
                .map(|(text, set)| Cell::published(Decimal::parse(text)?, 1, set.n).map(Some))
                .collect::<Result<Vec<_>, _>>()
        };
        let rows = self
            .accuracies
            .iter()
            .map(|(_, accuracies)| row(accuracies));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let frameworks = self.accuracies.iter().map(|(name, _)| (*name).to_owned());
        let frameworks = frameworks.collect();
        Table::try_new(Some(PROTOCOL.to_owned()), data_sets, frameworks, rows)
    }
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

    #[test]
    fn every_study_loads_by_its_name() {
        for study in Study::ALL {
            assert_eq!(Study::named(study.name()), Some(study));
            assert_eq!(study.load(false).unwrap().table.frameworks().len(), 12);
        }
        let refused = Study::Imagenette.load(true).unwrap_err().to_string();
        assert!(refused.contains("found `imagenette`"), "{refused}");
    }
}
