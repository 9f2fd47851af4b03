//! Several inputs as one.

use super::Input;
use crate::ReportError;
use ssl_aggregate::{ApartRow, Cell, Table, Verification};

impl Input {
    /// This input with the rows of another below its own. A row whose name is taken gets the other's title behind its
    /// name.
    ///
    /// # Errors
    /// [`ReportError::Table`] where both name a protocol and not the same, or a data set with another number of images.
    pub fn join(self, other: Self) -> Result<Self, ReportError> {
        let named = other.table.protocol().is_some();
        let taken = |name: &str| self.table.row(name).is_some();
        let title = other.title.clone();
        let new_name = |name: &str| {
            if taken(name) {
                format!("{name} ({title})")
            } else {
                name.to_owned()
            }
        };
        let verification = other.verification.iter().map(|it| Verification {
            framework: new_name(&it.framework),
            ..it.clone()
        });
        let verification = self.verification.iter().cloned().chain(verification);
        let verification = verification.collect();
        let renamed = other.table.renamed(new_name);
        let sources = [&self.title, &other.title].map(|title| format!("“{title}”"));
        let names = sources.each_ref().map(String::as_str);
        let tables = [&self.table, &renamed].map(|table| table.data_sets().to_vec());
        let table = (self.table.join(renamed, names)).map_err(|source| ReportError::Table {
            origin: names.join(" and "),
            source: Box::new(source),
        })?;
        let placed = |rows: Vec<ApartRow>, own: &[ssl_aggregate::DataSet]| -> Vec<ApartRow> {
            let place = |cells: &[Option<Cell>], table: &Table| {
                let sets = table.data_sets().iter();
                sets.map(|set| cells[own.iter().position(|it| it.name == set.name)?])
                    .collect()
            };
            rows.into_iter()
                .map(|(name, cells)| (name, place(&cells, &table)))
                .collect()
        };
        let [own, others] = tables;
        let mut baselines = placed(self.baselines, &own);
        baselines.extend(placed(other.baselines, &others));
        let mut outcomes = self.outcomes;
        outcomes.resize(table.data_sets().len(), None);
        let mut notes = self.notes;
        notes.extend(other.notes);
        if table.protocol().is_some() && !named {
            notes.push(format!(
                "{} names no protocol: nothing shows that its rows were judged as the others.",
                names[1]
            ));
        }
        Ok(Self {
            title: format!("{} and {title}", self.title),
            table,
            baselines,
            outcomes,
            variance: self.variance,
            checkpoints: self.checkpoints,
            verification,
            study: None,
            provenance: [self.provenance, other.provenance].concat(),
            notes,
        })
    }
}
