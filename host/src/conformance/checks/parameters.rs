//! Where parameters are, and whether the plugin says when they move.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::session::Session;
use crate::conformance::subject::{LATE, Subject};
use crate::conformance::tensors::{Named, imported};
use crate::conformance::verdict::{Broken, Verdict, expect, holds, warning};
use ssl_plugin_api::export::Instance as _;
use std::collections::BTreeSet;

inventory::submit! {
    Definition {
        id: "names-are-unique",
        group: Group::State,
        level: 1,
        says: "Parameters have names of their own, and so has the state.",
        why: "Checkpoints and optimisers know tensors by name; of two with one name, one is lost.",
        mend: "Number repeated parts: `heads.0.weight`, `heads.1.weight`.",
        run: Run::Framework(names_are_unique),
    }
}

inventory::submit! {
    Definition {
        id: "moves-are-declared",
        group: Group::State,
        level: 2,
        says: "Parameters keep number, names, shapes and addresses over steps and epochs unless the call says `parameters_moved`.",
        why: "The host updates the memory that it was shown; after a move that it was not told of, parameters are never trained again.",
        mend: "Set `parameters_moved` in the step or the epoch plan, or write into the old memory.",
        run: Run::Framework(moves_are_declared),
    }
}

inventory::submit! {
    Definition {
        id: "updates-stay-in-place",
        group: Group::State,
        level: 2,
        says: "`after_update` leaves every parameter at its address.",
        why: "It cannot say that parameters moved, so a weight that it replaces is frozen for ever.",
        mend: "Write new values into the parameter's memory.",
        run: Run::Framework(updates_stay_in_place),
    }
}

fn names_are_unique(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut count = 0;
    for epoch in [0, LATE] {
        let mut instance = subject.create(&plugin)?;
        if epoch == LATE {
            let mut session = Session::at_epoch(subject, &plugin, LATE)?;
            session.train(1)?;
            instance = session.instance;
        }
        for (what, list) in [
            ("parameters", instance.parameters()?),
            ("state", instance.state()?),
        ] {
            let mut seen = BTreeSet::new();
            for tensor in &list {
                let name = &tensor.name;
                let plain =
                    !name.is_empty() && name.len() <= 256 && !name.contains(char::is_control);
                expect(plain, || {
                    format!("{what}: expected a short name, found {name:?}")
                })?;
                expect(seen.insert(name.clone()), || {
                    format!("{what}: expected every name once, found two tensors named `{name}`")
                })?;
            }
            count += list.len();
        }
    }
    holds(format!("{count} names are unique"))
}

/// Name, address and shape of each parameter.
fn places(session: &mut Session) -> Result<Vec<(String, usize, Vec<i64>)>, Broken> {
    let list: Named = imported(session.instance.parameters()?)?;
    let place =
        |(name, tensor): (String, tch::Tensor)| (name, tensor.data_ptr() as usize, tensor.size());
    Ok(list.into_iter().map(place).collect())
}

fn first_moved(
    before: &[(String, usize, Vec<i64>)],
    after: &[(String, usize, Vec<i64>)],
) -> Option<String> {
    if before.len() != after.len() {
        return Some(format!(
            "their number, {} and then {}",
            before.len(),
            after.len()
        ));
    }
    let mut pairs = before.iter().zip(after);
    pairs
        .find(|(old, new)| old != new)
        .map(|(old, _)| old.0.clone())
}

fn moves_are_declared(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let mut needless = None;
    for epoch in [0, LATE] {
        let mut session = Session::start(subject, &plugin)?;
        session.at.epoch = epoch;
        session.at.step = epoch * session.at.steps_per_epoch;
        session.passes()?;
        let before = places(&mut session)?;
        let plan = session.instance.begin_epoch(&session.at)?;
        let mut known = places(&mut session)?;
        let moved = first_moved(&before, &known);
        expect(moved.is_none() || plan.parameters_moved, || {
            format!(
                "begin_epoch: expected parameters to stay where they are or `parameters_moved`, found {} moved",
                moved.clone().unwrap_or_default()
            )
        })?;
        session.refresh()?;
        for _ in 0..3 {
            session.passes()?;
            let batch = session.batch();
            let stepped = session.step(&batch)?;
            let now = places(&mut session)?;
            let moved = first_moved(&known, &now);
            expect(moved.is_none() || stepped.moved, || {
                format!(
                    "step: expected parameters to stay where they are or `parameters_moved`, found {} moved",
                    moved.clone().unwrap_or_default()
                )
            })?;
            if stepped.moved && moved.is_none() {
                needless = Some("step says that parameters moved, and none did");
            }
            session.update(&stepped)?;
            known = places(&mut session)?;
        }
    }
    match needless {
        Some(what) => warning(what),
        None => holds("parameters stay where they are, or the host is told"),
    }
}

fn updates_stay_in_place(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    for epoch in [0, LATE] {
        let mut session = Session::at_epoch(subject, &plugin, epoch)?;
        for _ in 0..3 {
            session.passes()?;
            let batch = session.batch();
            let stepped = session.step(&batch)?;
            if stepped.moved {
                session.refresh()?;
            }
            let before = places(&mut session)?;
            session.update(&stepped)?;
            let moved = first_moved(&before, &places(&mut session)?);
            expect(moved.is_none(), || {
                format!(
                    "after_update: expected every parameter at its address, found {} moved",
                    moved.clone().unwrap_or_default()
                )
            })?;
        }
    }
    holds("parameters stay at their addresses")
}
