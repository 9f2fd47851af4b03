//! Features that do not fit.

use crate::driver::{features, frameworks, plugin, start, step};
use ssl_plugin_api::FaultKind;
use tch::{Kind, Tensor};

#[test]
fn a_row_that_is_not_a_number_is_named() {
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        for spoilt in 0..features(&plugin, id, &config).len() {
            let list = features(&plugin, id, &config);
            let (name, .., tensor) = &list[spoilt];
            let _ = tensor.get(5).flatten(0, -1).get(3).fill_(f64::NAN);
            let mut instance = start(&plugin, id, &config).expect("the framework starts");
            let Err(fault) = step(&mut instance, &list) else {
                panic!("{id}: NaN is refused");
            };
            assert_eq!(
                fault.message,
                format!("{name}: expected finite features, found NaN or infinity in row 5"),
                "{id}"
            );
        }
    }
}

#[test]
fn features_of_another_type_or_without_channels_are_named() {
    type Spoil = fn(&Tensor) -> Tensor;
    let cases: [(Spoil, &str); 5] = [
        (|it| it.to_kind(Kind::Double), "expected f32, found f64"),
        (|it| it.to_kind(Kind::Half), "expected f32, found f16"),
        (
            |it| it.narrow(1, 0, 0),
            "expected at least one channel and one place, found [8, 0",
        ),
        (
            |it| it.narrow(1, 0, 4),
            "channels, as the run was created with, found 4",
        ),
        (
            |it| it.flatten(0, -1),
            "dimensions, the first of 8, found [",
        ),
    ];
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        for spoilt in 0..features(&plugin, id, &config).len() {
            for (spoil, words) in &cases {
                let mut list = features(&plugin, id, &config);
                let (name, .., tensor) = &mut list[spoilt];
                *tensor = spoil(tensor);
                let name = format!("{name}: expected ");
                let mut instance = start(&plugin, id, &config).expect("the framework starts");
                let Err(fault) = step(&mut instance, &list) else {
                    panic!("{id}: {name} {words}");
                };
                assert_eq!(fault.kind, FaultKind::Shape, "{id}: {fault}");
                let message = &fault.message;
                assert!(
                    message.starts_with(&name) && message.contains(words),
                    "{id}: {message}"
                );
            }
        }
    }
}

#[test]
fn a_view_that_is_missing_is_named() {
    for (id, config, _) in frameworks() {
        let plugin = plugin(id);
        let full = features(&plugin, id, &config);
        let mut instance = start(&plugin, id, &config).expect("the framework starts");
        assert!(step(&mut instance, &full).is_ok(), "{id}");
        for missing in 0..full.len() {
            let mut list = features(&plugin, id, &config);
            let (name, ..) = list.remove(missing);
            let mut instance = start(&plugin, id, &config).expect("the framework starts");
            let Err(fault) = step(&mut instance, &list) else {
                panic!("{id}: too few views are refused");
            };
            assert_eq!(
                fault.message,
                format!("expected {name} among the features, found none"),
                "{id}"
            );
        }
    }
}
