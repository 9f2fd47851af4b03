//! What a reader must know before trusting the numbers.

use super::input::Input;
use super::prose::list;
use ssl_aggregate::{DataSet, Table, smoothed_geometric};

/// The input's notes and those that follow from the table.
pub(super) fn notes(input: &Input, reference: Option<usize>, named: bool) -> Vec<String> {
    let table = &input.table;
    let mut notes = input.notes.clone();
    if reference.is_none() && !named && table.data_sets().len() > 1 {
        let names: Vec<&str> = table
            .data_sets()
            .iter()
            .map(|set| set.name.as_str())
            .collect();
        notes.push(format!(
            "No data set is called “val”, so nothing is compared with a reference; name one of {} with --reference.",
            names.join(", ")
        ));
    }
    let missing = table.missing();
    if !missing.is_empty() {
        let cells: Vec<String> = missing
            .iter()
            .map(|&(row, set)| {
                format!(
                    "{} on {}",
                    table.frameworks()[row],
                    table.data_sets()[set].name
                )
            })
            .collect();
        notes.push(format!(
            "Missing cells: {}. Tests, correlations and flips leave out the pairs concerned; a framework without all \
             data sets of a pool has no aggregate over it, and takes no part in winner shares, Kendall's W, Borda's \
             count and the Pareto front.",
            cells.join(", ")
        ));
    }
    notes.extend(zeros(table));
    for set in table.data_sets() {
        if let Some(original) = set.same_images_as.as_deref()
            && table.data_sets().iter().any(|other| other.name == original)
        {
            let redrawn = if joint(input, set) {
                "they are redrawn together, by sample"
            } else {
                "nothing says how far they move together, so z is given for independent images and for the same ones, and \
                 intervals take the latter"
            };
            notes.push(format!(
                "{} and {original} are the same images with other labels: {redrawn}. The pool of distinct images leaves \
                 {} out.",
                set.name, set.name
            ));
        }
    }
    if input.outcomes.iter().any(Option::is_none) {
        notes.push(
            "Where only counts are known, frameworks judged on the same images are compared by the two-proportion \
             test, which is conservative there."
                .to_owned(),
        );
    }
    notes
}

/// Whether the images of a set and of the one that it relabels are known one by one.
fn joint(input: &Input, set: &DataSet) -> bool {
    let sets = input.table.data_sets().iter().zip(&input.outcomes);
    let mut own = sets.filter(|(other, _)| {
        other.name == set.name || Some(&other.name) == set.same_images_as.as_ref()
    });
    own.all(|(_, outcomes)| {
        outcomes
            .as_ref()
            .is_some_and(|it| it.identities().is_some())
    })
}

/// A note for each framework that has 0 % somewhere, with the geometric mean that no zero decides.
fn zeros(table: &Table) -> Vec<String> {
    let all: Vec<usize> = (0..table.data_sets().len()).collect();
    let smoothed = smoothed_geometric(table, &all);
    let rows = table.frameworks().iter().zip(smoothed).enumerate();
    rows.filter_map(|(row, (framework, smoothed))| {
        let zero = |column: usize| {
            let cell = table.cell(row, column);
            cell.is_some_and(|cell| cell.fraction().0 == 0)
        };
        let sets = table.data_sets().iter().enumerate();
        let sets: Vec<&str> = sets
            .filter(|(column, _)| zero(*column))
            .map(|(_, set)| set.name.as_str())
            .collect();
        if sets.is_empty() {
            return None;
        }
        let smoothed = smoothed.map_or_else(String::new, |mean| {
            format!(
                " With (k + 1/2)/(n + 1) in place of each share k/n its geometric mean over all data sets is {mean:.2} %."
            )
        });
        Some(format!(
            "{framework} has 0 % on {}: its geometric and harmonic means are exactly 0 wherever {} in the pool.{smoothed}",
            list(&sets),
            if sets.len() == 1 {
                "that is"
            } else {
                "one of them is"
            }
        ))
    })
    .collect()
}
