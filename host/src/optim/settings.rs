//! What a recipe's group rules say about one parameter.

use super::error::OptimError;
use regex::Regex;
use ssl_plugin_api::description::{GroupRule, Optimizer as Kind, Recipe, Scope};

/// Which side a parameter belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The backbone.
    Backbone,
    /// The framework's heads.
    Heads,
}

impl Owner {
    /// The prefix of the parameter's key in files: `backbone` or `param`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Backbone => "backbone",
            Self::Heads => "param",
        }
    }
}

/// A parameter as the rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<i64>,
}

impl ParameterSpec {
    /// Its key in files, for instance `backbone.conv1.weight`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.owner.prefix(), self.name)
    }
}

/// How one parameter is treated.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The optimiser.
    pub optimizer: Kind,
    /// Whether weight decay applies.
    pub decay: bool,
    /// Whether layer-wise trust scaling applies.
    pub trust: bool,
    /// Factor on the learning rate.
    pub lr_scale: f64,
    /// Whether the learning rate stays at its peak.
    pub constant_lr: bool,
    /// A constant rate of its own, before `lr_scale`.
    pub own_lr: Option<f64>,
    /// A weight decay of its own.
    pub own_weight_decay: Option<f64>,
    /// First step with an update.
    pub frozen_steps: u64,
    /// First epoch with an update.
    pub frozen_epochs: u64,
}

/// A recipe's rules, with their patterns compiled.
pub(super) struct Rules {
    rules: Vec<(GroupRule, Option<Regex>)>,
    optimizer: Kind,
}

impl Rules {
    pub(super) fn new(recipe: &Recipe) -> Result<Self, OptimError> {
        let rules = recipe
            .groups
            .iter()
            .enumerate()
            .map(|(n, rule)| {
                let pattern = rule.name.as_deref().map(|pattern| {
                    Regex::new(pattern).map_err(|source| OptimError::Pattern {
                        rule: n,
                        pattern: pattern.to_owned(),
                        source,
                    })
                });
                Ok((rule.clone(), pattern.transpose()?))
            })
            .collect::<Result<_, OptimError>>()?;
        Ok(Self {
            rules,
            optimizer: recipe.optimizer.clone(),
        })
    }

    /// All rules that match, in order; a later one overrides only what it says.
    pub(super) fn settings(&self, parameter: &ParameterSpec) -> Settings {
        let mut settings = Settings {
            optimizer: self.optimizer.clone(),
            decay: true,
            trust: true,
            lr_scale: 1.0,
            constant_lr: false,
            own_lr: None,
            own_weight_decay: None,
            frozen_steps: 0,
            frozen_epochs: 0,
        };
        for (rule, pattern) in &self.rules {
            if matches(rule, pattern.as_ref(), parameter) {
                settings.apply(rule);
            }
        }
        settings
    }
}

fn matches(rule: &GroupRule, pattern: Option<&Regex>, parameter: &ParameterSpec) -> bool {
    let scope = match rule.scope {
        Scope::All => true,
        Scope::Backbone => parameter.owner == Owner::Backbone,
        Scope::Heads => parameter.owner == Owner::Heads,
    };
    scope
        && rule.max_ndim.is_none_or(|n| parameter.shape.len() <= n)
        && pattern.is_none_or(|p| p.is_match(&parameter.name))
}

impl Settings {
    fn apply(&mut self, rule: &GroupRule) {
        self.decay = rule.decay.unwrap_or(self.decay);
        self.trust = rule.trust.unwrap_or(self.trust);
        self.lr_scale = rule.lr_scale.unwrap_or(self.lr_scale);
        self.constant_lr = rule.constant_lr.unwrap_or(self.constant_lr);
        self.own_lr = rule.own_lr.or(self.own_lr);
        self.own_weight_decay = rule.own_weight_decay.or(self.own_weight_decay);
        self.frozen_steps = rule.frozen_steps.unwrap_or(self.frozen_steps);
        self.frozen_epochs = rule.frozen_epochs.unwrap_or(self.frozen_epochs);
        if let Some(optimizer) = &rule.optimizer {
            self.optimizer = optimizer.clone();
        }
    }

    /// Whether the gradient is dropped at this step.
    #[must_use]
    pub const fn is_frozen(&self, step: u64, epoch: u64) -> bool {
        step < self.frozen_steps || epoch < self.frozen_epochs
    }
}
