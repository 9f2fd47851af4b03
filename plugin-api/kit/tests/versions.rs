//! What `config!`, `module!` and `versions!` make of their declarations.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};
use ssl_plugin_kit::blocks::{Init, Linear};
use ssl_plugin_kit::framework::{Config, Exported};
use ssl_plugin_kit::module::{Role, visit_slots};
use ssl_plugin_kit::prelude::*;
use ssl_plugin_kit::recipe::{cosine_lr, sgd};
use ssl_plugin_kit::testing::{Trial, context, cpu};

config! {
    /// Keys of the first version.
    pub struct OldConfig {
        /// Width of the head,
        /// in columns.
        ///
        /// Not in the schema.
        dim: usize = 4, in at_least(1), from "old code";
        /// Iterations.
        iterations: u64 = 20, in at_least(1), from "both";
        /// Temperature.
        temperature: f64 = 0.5, in positive(), from "old code";
    }
}

config! {
    /// Keys of the second version.
    pub struct NewConfig {
        /// Width of the head,
        /// in columns.
        dim: usize = 4, in at_least(1), from "old code";
        /// Iterations.
        iterations: u64 = 10, in at_least(1), from "both";
        /// Crops.
        crops: Vec<usize> = [2, 6], in list_of(at_least(1), 1, 2), from "new code";
    }
    check |config| match config.crops[..] {
        [large, small] if small < large => Err(Fault::config("`crops`: expected more small ones")),
        _ => Ok(()),
    }
}

macro_rules! version {
    ($name:ident, $config:ident) => {
        module! {
            /// A version: its batch size says which.
            pub struct $name {
                /// Trained.
                head: Linear,
                /// Follows it, under another name.
                copy as "target.head": Momentum<Linear>,
                /// At the level of the framework.
                bank as "": Bank,
                ..
                dim: usize,
            }
        }

        impl Framework for $name {
            type Config = $config;

            const IDENTITY: Identity = Identity {
                id: "both",
                name: "Both",
                family: Family::Other,
                paper: "none",
                year: 2026,
            };

            fn describe(config: &$config) -> Description {
                let lr = cosine_lr(0.1, None, Period::Step);
                let recipe = Recipe::new(64, config.iterations, sgd(), lr, 0.0);
                Description::new(Vec::new(), Vec::new(), recipe)
            }

            fn start(config: $config, start: Start) -> Result<Self, Fault> {
                let mut random = start.random("heads");
                let mut new =
                    || Linear::new(5, config.dim, false, Init::Torch, &mut random, &cpu());
                let mut head = new();
                Ok(Self {
                    copy: Momentum::of(&mut head, new()),
                    head,
                    bank: Bank {
                        rows: Buffer::new(Tensor::zeros([1], &cpu())),
                    },
                    dim: config.dim,
                })
            }

            fn loss(&mut self, _at: &TrainStep, features: &Features) -> Result<Loss, Fault> {
                let y = self.head.forward(features.online(0)?)?;
                Ok(Loss::new(y.sum()).with("dim", self.dim as f64))
            }
        }
    };
}

module! {
    /// Something kept.
    pub struct Bank {
        rows: Buffer<1>,
    }
}

version!(Old, OldConfig);
version!(New, NewConfig);

versions! {
    /// Both.
    pub Both = "new": New, "old": Old;
    "new: crops; old: a temperature", from "two papers"
}

fn refusal(config: Value) -> String {
    Both::description(&config).unwrap_err().message
}

#[test]
fn the_joint_schema_says_the_defaults_of_each_version_in_words() {
    let schema = Both::schema();
    let names: Vec<_> = schema.keys.iter().map(|k| k.key.as_str()).collect();
    assert_eq!(
        names,
        ["version", "dim", "iterations", "crops", "temperature"]
    );
    let found: Vec<_> = schema
        .keys
        .iter()
        .map(|k| (&k.doc[..], &k.default))
        .collect();
    let null = Value::Null;
    let expected = [
        ("new: crops; old: a temperature", &json!("new")),
        ("Width of the head, in columns", &json!(4)),
        ("Iterations: 10 (new), 20 (old)", &null),
        ("Crops: [2,6] (new only)", &null),
        ("Temperature: 0.5 (old only)", &null),
    ];
    assert_eq!(found, expected);
    assert_eq!(
        schema.keys[2].kind.describe(),
        "null or a whole number >= 1"
    );
}

#[test]
fn each_version_has_its_own_defaults() {
    let epochs = |config: Value| Both::description(&config).unwrap().recipe.epochs;
    assert_eq!(epochs(Value::Null), 10);
    assert_eq!(epochs(json!({ "version": "old", "crops": null })), 20);
    assert_eq!(epochs(json!({ "version": "old", "iterations": 3 })), 3);
}

#[test]
fn mistakes_are_refused_by_key_and_rule_all_at_once() {
    assert_eq!(
        refusal(json!({ "version": "newer", "dimm": 1, "iterations": 0 })),
        "unknown key `dimm`, did you mean `dim`?; `iterations`: expected null or a whole number >= 1, \
         found 0; `version`: expected one of new, old, found \"newer\""
    );
    assert_eq!(
        refusal(json!({ "version": "old", "crops": [1] })),
        "`crops`: expected null with version old, which has no such thing, found a value"
    );
    assert_eq!(
        refusal(json!({ "crops": [2, 1] })),
        "`crops`: expected more small ones"
    );
    assert_eq!(refusal(json!([1])), "expected a table of keys, found [1]");
    let fault = OldConfig::read(&json!({ "temperature": 0 })).unwrap_err();
    assert_eq!(
        fault.message,
        "`temperature`: expected a number in (0, inf), found 0"
    );
}

#[test]
fn weights_are_parameters_and_everything_else_is_state() {
    let config = json!({ "version": "old", "dim": 2 });
    let mut trial = Trial::start::<Both>(&config, context(5, 4), &Ranks::single()).unwrap();
    let parameters: Vec<_> = trial.parameters().unwrap().into_keys().collect();
    let state: Vec<_> = trial.state().unwrap().into_keys().collect();
    assert_eq!(parameters, ["head.weight"]);
    assert_eq!(state, ["rows", "target.head.weight"]);
    let features = ssl_plugin_kit::testing::sample(4, 5, 0);
    let outcome = trial.step(&[("online.0", &features)]).unwrap();
    let gradients: Vec<_> = outcome.parameters.into_keys().collect();
    assert_eq!(gradients, ["head.weight"]);
}

#[test]
fn a_momentum_copy_starts_equal_and_is_no_leaf() {
    let mut random = Random::new(1, "heads");
    let mut new = || Linear::new(3, 2, false, Init::Torch, &mut random, &cpu());
    let mut online = new();
    let mut copy = Momentum::of(&mut online, new());
    visit_slots(&mut copy, |_, slot| {
        assert_eq!(slot.role(), Role::Buffer);
        slot.begin_step();
    });
    let values = |w: &Weight<2>| ssl_plugin_kit::testing::values(w.val());
    assert!(!copy.weight.val().is_autodiff());
    assert_eq!(values(&copy.weight), values(&online.weight));
    online.weight.rewrite(&(online.weight.val() * 3.0));
    copy.follow(&mut online, None);
    let before = values(&copy.weight);
    copy.follow(&mut online, Some(0.75));
    let expected: Vec<f32> = before.iter().map(|w| w * 1.5).collect();
    ssl_plugin_kit::testing::close(&values(&copy.weight), &expected, 1e-6);
}
