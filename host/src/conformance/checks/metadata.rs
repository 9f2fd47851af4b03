//! What a framework says about itself, whatever its configuration.

use crate::conformance::definition::{Definition, Group, Run};
use crate::conformance::subject::Subject;
use crate::conformance::verdict::{Verdict, broken, expect, holds, warning};
use crate::plugins::{check_id, check_metadata};
use serde_json::json;
use ssl_plugin_api::FaultKind;
use ssl_plugin_api::description::Metadata;
use std::collections::BTreeSet;

inventory::submit! {
    Definition {
        id: "id-is-plain",
        group: Group::Describe,
        level: 1,
        says: "The id is of lower-case letters, digits and hyphens, starts with a letter or digit, is at most 64 long, and stands once in the library's list.",
        why: "The id names folders of results; one like `../x` would leave them, and of two frameworks with one id only the first can be run.",
        mend: "Choose an id such as `my-idea` and keep it for ever.",
        run: Run::Framework(id_is_plain),
    }
}

inventory::submit! {
    Definition {
        id: "metadata-is-whole",
        group: Group::Describe,
        level: 1,
        says: "Name, paper, version and licence are there, and the year is one of this field.",
        why: "Reports and certificates name frameworks by them.",
        mend: "Fill in the metadata; the version has the form 1.2.3.",
        run: Run::Framework(metadata_is_whole),
    }
}

inventory::submit! {
    Definition {
        id: "keys-are-documented",
        group: Group::Describe,
        level: 1,
        says: "Every configuration key has a name of its own, a sentence and a source.",
        why: "Users and `describe` see nothing else of a key.",
        mend: "Give each key its `doc` and `source`.",
        run: Run::Framework(keys_are_documented),
    }
}

inventory::submit! {
    Definition {
        id: "defaults-are-in-range",
        group: Group::Describe,
        level: 1,
        says: "The default of every key is a value that its own range takes.",
        why: "A benchmark file that names the default would be refused, and one that names nothing would train with a value that is not allowed.",
        mend: "Mend the default or the range.",
        run: Run::Framework(defaults_are_in_range),
    }
}

inventory::submit! {
    Definition {
        id: "unknown-ids-are-refused",
        group: Group::Describe,
        level: 1,
        says: "Ids that the library does not have, an empty one and one with more behind it are refused by `describe` and `create`.",
        why: "A library that takes any id trains something else than was asked for.",
        mend: "Compare the whole id, with its length, and answer with SSL_FAULT_CONFIG or SSL_FAULT_UNSUPPORTED.",
        run: Run::Framework(unknown_ids_are_refused),
    }
}

fn id_is_plain(subject: &Subject) -> Verdict {
    check_id(subject.id()).map_err(broken)?;
    let plugin = subject.open()?;
    let all = plugin.frameworks().iter();
    let times = all.filter(|it| it.id == subject.id()).count();
    expect(times == 1, || {
        format!(
            "expected `{}` once in the library's list, found it {times} times",
            subject.id()
        )
    })?;
    holds(format!("`{}` is plain", subject.id()))
}

fn metadata_is_whole(subject: &Subject) -> Verdict {
    let metadata = &subject.metadata;
    let texts = [
        ("name", &metadata.name),
        ("paper", &metadata.paper),
        ("version", &metadata.version),
        ("license", &metadata.license),
    ];
    for (key, text) in texts {
        expect(!text.trim().is_empty(), || {
            format!("expected a {key}, found none")
        })?;
        expect(
            !text.contains(char::is_control) && text.len() <= 256,
            || format!("expected a {key} of one short line, found {text:?}"),
        )?;
    }
    let mut parts = metadata
        .version
        .split(['-', '+'])
        .next()
        .unwrap_or_default()
        .split('.');
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    expect(parts.clone().count() == 3 && parts.all(number), || {
        format!(
            "expected a version of the form 1.2.3, found {}",
            metadata.version
        )
    })?;
    if !(1950..=2100).contains(&metadata.year) {
        return warning(format!("the year of publication is {}", metadata.year));
    }
    holds("everything is there")
}

fn keys_are_documented(subject: &Subject) -> Verdict {
    let mut seen = BTreeSet::new();
    for key in &subject.metadata.schema.keys {
        let name = &key.key;
        expect(seen.insert(name.clone()), || {
            format!("expected `{name}` once, found it twice")
        })?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        expect(!name.is_empty() && name.chars().all(plain), || {
            format!("expected a key of letters, digits, _, - and ., found {name:?}")
        })?;
        for (what, text) in [("doc", &key.doc), ("source", &key.source)] {
            expect(!text.trim().is_empty(), || {
                format!("`{name}`: expected a {what}, found none")
            })?;
        }
    }
    holds(format!("{} keys are documented", seen.len()))
}

fn defaults_are_in_range(subject: &Subject) -> Verdict {
    let plain_id = Metadata {
        id: "id".to_owned(),
        ..subject.metadata.clone()
    };
    check_metadata(&plain_id).map_err(broken)?;
    holds("every default is in its own range")
}

fn unknown_ids_are_refused(subject: &Subject) -> Verdict {
    let plugin = subject.open()?;
    let id = subject.id();
    let mut unknown = vec![String::new(), "no-such-framework".to_owned()];
    for behind in ["x", "-2", " ", "\n", "\0", "\0x"] {
        unknown.push(format!("{id}{behind}"));
    }
    unknown.push(id.chars().take(id.chars().count() - 1).collect());
    unknown.push(id.to_uppercase());
    let known = |it: &String| subject_names(&plugin).contains(it);
    for other in unknown.iter().filter(|it| !known(it)) {
        let described = plugin.describe(other, &json!({})).map(|_| ());
        let context = subject.context();
        let services = std::sync::Arc::new(ssl_plugin_api::SingleProcess);
        let created = plugin
            .create(other, &json!({}), &context, services)
            .map(|_| ());
        for (call, result) in [("describe", described), ("create", created)] {
            match result {
                Ok(()) => {
                    return Err(broken(format!(
                        "{call}: expected the unknown id {other:?} to be refused, found it taken for {id}"
                    )));
                }
                Err(fault) if fault.kind == FaultKind::Panic => return Err(fault.into()),
                Err(_) => {}
            }
        }
    }
    holds(format!(
        "{} ids that it does not have are refused",
        unknown.len()
    ))
}

fn subject_names(plugin: &ssl_plugin_api::foreign::Plugin) -> Vec<String> {
    plugin.frameworks().iter().map(|it| it.id.clone()).collect()
}
