//! The accuracies of several ledgers, a column each.

use ssl_report::input::Input;

use crate::report::{Request, SourceError};

/// A row for each framework, with the best of its ledgers in bold; several data sets are columns of their own.
pub(super) fn table(request: &Request) -> Result<String, SourceError> {
    let inputs = request.of_each_ledger().map(|alone| alone.read());
    let inputs = inputs.collect::<Result<Vec<Input>, _>>()?;
    let mut names: Vec<&String> = Vec::new();
    let mut sets: Vec<&String> = Vec::new();
    for input in &inputs {
        let own = input.table.frameworks().iter();
        let apart = input.baselines.iter().map(|(name, _)| name);
        push_new(&mut names, own.chain(apart));
        push_new(
            &mut sets,
            input.table.data_sets().iter().map(|set| &set.name),
        );
    }
    let mut text = String::from("| framework |");
    for (set, input) in sets
        .iter()
        .flat_map(|set| inputs.iter().map(move |it| (set, it)))
    {
        text.push_str(&format!(" {set}, {} |", input.title));
    }
    let columns = sets.len() * inputs.len();
    text.push_str(&format!("\n| :--- |{}\n", " ---: |".repeat(columns)));
    for name in names {
        text.push_str(&format!("| {name} |"));
        for set in &sets {
            let values: Vec<Option<f64>> = inputs.iter().map(|it| percent(it, name, set)).collect();
            let best = values
                .iter()
                .flatten()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            for value in values {
                text.push_str(&match value {
                    Some(value) if value == best && inputs.len() > 1 => {
                        format!(" **{value:.2}** |")
                    }
                    Some(value) => format!(" {value:.2} |"),
                    None => " – |".to_owned(),
                });
            }
        }
        text.push('\n');
    }
    Ok(text)
}

fn push_new<'a>(known: &mut Vec<&'a String>, more: impl Iterator<Item = &'a String>) {
    for name in more {
        if !known.contains(&name) {
            known.push(name);
        }
    }
}

fn percent(input: &Input, name: &str, set: &str) -> Option<f64> {
    let column = input.table.data_set_index(set).ok()?;
    let cell = match input.table.row(name) {
        Some(row) => input.table.cell(row, column),
        None => {
            let (_, cells) = input.baselines.iter().find(|(own, _)| own == name)?;
            cells[column]
        }
    };
    Some(cell?.percent())
}
