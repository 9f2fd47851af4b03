//! Frameworks by data sets: the one input of every statistic.

use super::{AggregateError, Cell, Runs};

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// Name as in the table's header.
    pub name: String,
    /// Images in the test set.
    pub n: u64,
    /// Set of classes the prediction was taken from, such as `full-1000`; `None` where unknown.
    pub label_space: Option<String>,
    /// Another data set made of the same images with other labels (ReaL and val).
    pub same_images_as: Option<String>,
}

/// A row that stands apart from the table: its name and its cells, one per data set.
pub type ApartRow = (String, Vec<Option<Cell>>);

/// Accuracies of frameworks on data sets, with the guarantee that they may be compared.
///
/// At least one framework and one data set, names without repetition, one `n` and one label space per data set, one
/// protocol throughout. A cell may be missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    protocol: Option<String>,
    frameworks: Vec<String>,
    data_sets: Vec<DataSet>,
    cells: Vec<Option<Cell>>,
    runs: Vec<Runs>,
}

impl Table {
    /// Checks and assembles a table; `rows[f][d]` belongs to `frameworks[f]` and `data_sets[d]`.
    ///
    /// # Errors
    /// Every violation of the type's guarantees, named by row and column.
    pub fn try_new(
        protocol: Option<String>,
        data_sets: Vec<DataSet>,
        frameworks: Vec<String>,
        rows: Vec<Vec<Option<Cell>>>,
    ) -> Result<Self, AggregateError> {
        if data_sets.is_empty() {
            return Err(AggregateError::NoDataSets);
        }
        if let Some((first, second)) = repeated(data_sets.iter().map(|set| set.name.as_str())) {
            let name = data_sets[second].name.clone();
            return Err(AggregateError::DuplicateDataSet {
                name,
                first: first + 1,
                second: second + 1,
            });
        }
        if let Some((first, second)) = repeated(frameworks.iter().map(String::as_str)) {
            let name = frameworks[second].clone();
            return Err(AggregateError::DuplicateFramework {
                name,
                first: first + 1,
                second: second + 1,
            });
        }
        if frameworks.is_empty() || rows.is_empty() {
            return Err(AggregateError::NoFrameworks);
        }
        for (framework, row) in frameworks.iter().zip(&rows) {
            check_row(framework, row, &data_sets, &frameworks)?;
        }
        let cells = rows.into_iter().flatten().collect();
        Ok(Self {
            protocol,
            runs: vec![Runs::single(); frameworks.len()],
            frameworks,
            data_sets,
            cells,
        })
    }

    /// The same table with the runs that each row is the mean of.
    pub(super) fn with_runs(self, runs: Vec<Runs>) -> Self {
        Self { runs, ..self }
    }

    /// Takes out the rows that `apart` names, as `(name, cells)`.
    ///
    /// # Errors
    /// [`AggregateError::NoFrameworks`] where none is left.
    pub fn split(
        self,
        apart: impl Fn(&str) -> bool,
    ) -> Result<(Self, Vec<ApartRow>), AggregateError> {
        let width = self.data_sets.len();
        let (mut frameworks, mut rows, mut runs, mut taken) = (vec![], vec![], vec![], vec![]);
        let all = self.frameworks.into_iter().zip(self.runs);
        for ((name, own), cells) in all.zip(self.cells.chunks(width)) {
            if apart(&name) {
                taken.push((name, cells.to_vec()));
            } else {
                frameworks.push(name);
                rows.push(cells.to_vec());
                runs.push(own);
            }
        }
        let rest = Self::try_new(self.protocol, self.data_sets, frameworks, rows)?;
        Ok((rest.with_runs(runs), taken))
    }

    /// The rows of this table and below them those of another; a cell is missing where a table lacks a data set. `names`
    /// are what the two are called in errors.
    ///
    /// # Errors
    /// [`AggregateError::Mixed`] where both name a protocol, or a label space of a data set, and not the same;
    /// [`AggregateError::DifferentN`] and [`AggregateError::DuplicateFramework`].
    pub fn join(self, other: Self, names: [&str; 2]) -> Result<Self, AggregateError> {
        let protocol = agreed(
            "protocol",
            [self.protocol.as_deref(), other.protocol.as_deref()],
            names,
        )?;
        let mut data_sets = self.data_sets.clone();
        for set in &other.data_sets {
            let Some(known) = data_sets.iter_mut().find(|known| known.name == set.name) else {
                data_sets.push(set.clone());
                continue;
            };
            if known.n != set.n {
                return Err(AggregateError::DifferentN {
                    data_set: set.name.clone(),
                    other: names[0].to_owned(),
                    expected: known.n,
                    framework: names[1].to_owned(),
                    found: set.n,
                });
            }
            let places = names.map(|name| format!("{name}, data set `{}`", set.name));
            known.label_space = agreed(
                "label space",
                [known.label_space.as_deref(), set.label_space.as_deref()],
                places.each_ref().map(String::as_str),
            )?;
            if known.same_images_as.is_none() {
                known.same_images_as.clone_from(&set.same_images_as);
            }
        }
        let (mut frameworks, mut rows, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for table in [self, other] {
            let place = |set: &DataSet| {
                let mut own = table.data_sets.iter();
                own.position(|own| own.name == set.name)
            };
            let places: Vec<Option<usize>> = data_sets.iter().map(place).collect();
            for (row, own) in table.runs.iter().enumerate() {
                let cells = places.iter().map(|place| table.cell(row, (*place)?));
                rows.push(cells.collect());
                runs.push(own.placed(&places));
            }
            frameworks.extend(table.frameworks);
        }
        Ok(Self::try_new(protocol, data_sets, frameworks, rows)?.with_runs(runs))
    }

    /// The same table with other names of its rows.
    #[must_use]
    pub fn renamed(self, name: impl Fn(&str) -> String) -> Self {
        let frameworks = self.frameworks.iter().map(|own| name(own)).collect();
        Self { frameworks, ..self }
    }

    /// The runs behind row `framework`; a single one unless the table was made of records.
    ///
    /// # Panics
    /// If the index is out of range.
    #[must_use]
    pub fn runs(&self, framework: usize) -> &Runs {
        &self.runs[framework]
    }

    /// Whether any row is the mean of several runs.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.runs.iter().any(|runs| runs.unit().is_some())
    }

    /// Row names.
    #[must_use]
    pub fn frameworks(&self) -> &[String] {
        &self.frameworks
    }

    /// Columns.
    #[must_use]
    pub fn data_sets(&self) -> &[DataSet] {
        &self.data_sets
    }

    /// Evaluation protocol all cells share; `None` where unknown.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The cell of row `framework` and column `data_set`, `None` if missing.
    ///
    /// # Panics
    /// If an index is out of range.
    #[must_use]
    pub fn cell(&self, framework: usize, data_set: usize) -> Option<Cell> {
        assert!(
            data_set < self.data_sets.len(),
            "column {data_set} of {}",
            self.data_sets.len()
        );
        self.cells[framework * self.data_sets.len() + data_set]
    }

    /// All cells of one column, top to bottom.
    #[must_use]
    pub fn column(&self, data_set: usize) -> Vec<Option<Cell>> {
        (0..self.frameworks.len())
            .map(|framework| self.cell(framework, data_set))
            .collect()
    }

    /// `(framework, data set)` of every missing cell.
    #[must_use]
    pub fn missing(&self) -> Vec<(usize, usize)> {
        let width = self.data_sets.len();
        let holes = self
            .cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.is_none());
        holes
            .map(|(index, _)| (index / width, index % width))
            .collect()
    }

    /// Rows that have a cell in each of the given columns.
    #[must_use]
    pub fn complete_rows(&self, data_sets: &[usize]) -> Vec<usize> {
        (0..self.frameworks.len())
            .filter(|&framework| {
                data_sets
                    .iter()
                    .all(|&set| self.cell(framework, set).is_some())
            })
            .collect()
    }

    /// Position of the framework called `name`.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<usize> {
        self.frameworks.iter().position(|known| known == name)
    }

    /// Columns made of the same images as `data_set`, itself included, in table order.
    #[must_use]
    pub fn same_images(&self, data_set: usize) -> Vec<usize> {
        let original = |set: &usize| {
            let set = &self.data_sets[*set];
            set.same_images_as.as_deref().unwrap_or(&set.name)
        };
        (0..self.data_sets.len())
            .filter(|set| original(set) == original(&data_set))
            .collect()
    }

    /// Position of the data set called `name`, exactly or else but for upper and lower case.
    ///
    /// # Errors
    /// [`AggregateError::UnknownDataSet`] with the nearest name.
    pub fn data_set_index(&self, name: &str) -> Result<usize, AggregateError> {
        let exact = self.data_sets.iter().position(|set| set.name == name);
        let folded = || {
            let wanted = name.to_lowercase();
            self.data_sets
                .iter()
                .position(|set| set.name.to_lowercase() == wanted)
        };
        exact.or_else(folded).ok_or_else(|| {
            let names: Vec<&str> = self.data_sets.iter().map(|set| set.name.as_str()).collect();
            let near = names
                .iter()
                .map(|known| {
                    (
                        strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()),
                        known,
                    )
                })
                .filter(|(distance, known)| *distance <= known.len().div_ceil(3))
                .min_by_key(|(distance, _)| *distance);
            AggregateError::UnknownDataSet {
                name: name.to_owned(),
                known: names.join(", "),
                hint: near.map_or_else(String::new, |(_, known)| {
                    format!("; did you mean `{known}`?")
                }),
            }
        })
    }
}

/// What two tables say, where they do not contradict each other.
fn agreed(
    what: &'static str,
    [first, second]: [Option<&str>; 2],
    [first_at, second_at]: [&str; 2],
) -> Result<Option<String>, AggregateError> {
    match (first, second) {
        (Some(first), Some(second)) if first != second => Err(AggregateError::Mixed {
            what,
            first: first.to_owned(),
            first_at: first_at.to_owned(),
            second: second.to_owned(),
            second_at: second_at.to_owned(),
        }),
        _ => Ok(first.or(second).map(str::to_owned)),
    }
}

/// First two positions that hold the same name.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<(usize, usize)> {
    let mut seen = std::collections::HashMap::new();
    names
        .enumerate()
        .find_map(|(index, name)| seen.insert(name, index).map(|first| (first, index)))
}

fn check_row(
    framework: &str,
    row: &[Option<Cell>],
    data_sets: &[DataSet],
    frameworks: &[String],
) -> Result<(), AggregateError> {
    if row.len() != data_sets.len() {
        return Err(AggregateError::Ragged {
            framework: framework.to_owned(),
            expected: data_sets.len(),
            found: row.len(),
        });
    }
    for (cell, data_set) in row.iter().zip(data_sets) {
        if let Some(cell) = cell
            && cell.n() != data_set.n
        {
            return Err(AggregateError::DifferentN {
                data_set: data_set.name.clone(),
                other: frameworks.first().cloned().unwrap_or_default(),
                expected: data_set.n,
                framework: framework.to_owned(),
                found: cell.n(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn table(protocol: Option<&str>, names: &[&str], sets: &[(&str, u64)]) -> Table {
        let data_sets = sets.iter().map(|&(name, n)| DataSet {
            name: name.to_owned(),
            n,
            label_space: None,
            same_images_as: None,
        });
        let row = |row: usize| {
            let cells = sets.iter().map(|&(_, n)| Cell::counted(row as u64, n).ok());
            cells.collect()
        };
        Table::try_new(
            protocol.map(str::to_owned),
            data_sets.collect(),
            names.iter().map(|&name| name.to_owned()).collect(),
            (0..names.len()).map(row).collect(),
        )
        .unwrap()
    }

    #[test]
    fn joined_tables_have_all_rows_and_columns() {
        let first = table(Some("linear"), &["a", "b"], &[("val", 10), ("v2", 20)]);
        let second = table(None, &["c"], &[("sketch", 30), ("val", 10)]);
        let joined = first.join(second, ["one", "two"]).unwrap();
        assert_eq!(joined.frameworks(), ["a", "b", "c"]);
        assert_eq!(joined.protocol(), Some("linear"));
        let names: Vec<&str> = joined
            .data_sets()
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(names, ["val", "v2", "sketch"]);
        assert_eq!(joined.missing(), [(0, 2), (1, 2), (2, 1)]);
        assert_eq!(joined.cell(2, 2).unwrap().n(), 30);
    }

    #[test]
    fn runs_keep_their_data_sets_in_a_joined_table() {
        // Two seeds on the second table's only set, which is the third of the joined one.
        let runs = Runs::new(&[vec![vec![10]], vec![vec![20]]], &[100]);
        let first = table(None, &["a"], &[("val", 10), ("v2", 20)]);
        let second = table(None, &["b"], &[("sketch", 100)]).with_runs(vec![runs]);
        let joined = first.join(second, ["one", "two"]).unwrap();
        assert_eq!(joined.runs(1).on(2).unwrap().variance, 50.0);
        assert_eq!(joined.runs(1).on(0), None);
    }

    #[test]
    fn tables_that_contradict_each_other_are_refused_by_name() {
        let first = || table(Some("linear"), &["a"], &[("val", 10)]);
        let refused = |other| first().join(other, ["one", "two"]).unwrap_err().to_string();
        assert_eq!(
            refused(table(Some("knn"), &["b"], &[("val", 10)])),
            "expected one protocol throughout, found `linear` (one) and `knn` (two); report them apart"
        );
        let sizes = refused(table(None, &["b"], &[("val", 11)]));
        assert!(
            sizes.contains("`one`, found 11 (framework `two`, data set `val`)"),
            "{sizes}"
        );
        assert!(refused(table(None, &["a"], &[("val", 10)])).contains("`a`"));
    }
}
