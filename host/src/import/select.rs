//! Which of a checkpoint's networks is meant.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::network::{Network, Wanted};
use super::role::Role;
use super::{Checkpoint, ImportError, Result};

/// Which backbone of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum WhichEncoder {
    /// The trained one.
    Online,
    /// The momentum encoder, teacher or average.
    Target,
}

impl WhichEncoder {
    /// As it is spelt.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Target => "target",
        }
    }
}

/// Which network of a checkpoint; whatever is not said is found.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selection {
    /// Which of the file's networks [default: the one that the framework's key map calls the
    /// backbone, else the trained one, else the only one there is]
    #[arg(long, value_enum, value_name = "WHICH")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<WhichEncoder>,
    /// The keys that lead to the state dict, joined by dots; empty for the top [default: found]
    #[arg(long, value_name = "KEYS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What stands before the backbone's names, for instance `model.backbone.` [default: found]
    #[arg(long, value_name = "PREFIX")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

impl Selection {
    fn has_root(&self, network: &Network<'_>) -> bool {
        let root = self.root.as_ref();
        root.is_none_or(|root| network.state.root == root.trim_end_matches('.'))
    }

    /// Whether the prefix is the one that was asked for, or one within it.
    fn has_prefix(&self, network: &Network<'_>) -> bool {
        let Some(asked) = self
            .prefix
            .as_ref()
            .map(|prefix| prefix.trim_end_matches('.'))
        else {
            return true;
        };
        let rest = network.prefix.strip_prefix(asked);
        rest.is_some_and(|rest| asked.is_empty() || rest.starts_with('.'))
    }

    fn is_exact(&self, network: &Network<'_>) -> bool {
        let asked = self
            .prefix
            .as_ref()
            .map(|prefix| prefix.trim_end_matches('.'));
        asked == Some(network.prefix.trim_end_matches('.'))
    }

    fn place(&self) -> String {
        let root = self.root.as_ref().map(|root| format!("root `{root}`"));
        let prefix = self
            .prefix
            .as_ref()
            .map(|prefix| format!("prefix `{prefix}`"));
        let said: Vec<String> = root.into_iter().chain(prefix).collect();
        said.join(", ")
    }

    /// The network that is meant, and which of the framework's two it is.
    ///
    /// A network without a gap goes before one with gaps, which is chosen only under
    /// `allow_partial` or to report what is missing. Several that differ are refused.
    pub(super) fn choose<'n, 'c>(
        &self,
        networks: &'n [Network<'c>],
        checkpoint: &Checkpoint,
        wanted: &Wanted,
        allow_partial: bool,
    ) -> Result<(&'n Network<'c>, WhichEncoder)> {
        let refuse = |expected: String, found: &[&Network<'_>]| ImportError::Choice {
            expected,
            found: list(found, wanted),
            path: checkpoint.path().to_owned(),
        };
        let all: Vec<&Network<'_>> = networks.iter().collect();
        let mut there: Vec<&'n Network<'c>> = networks
            .iter()
            .filter(|network| self.has_root(network) && self.has_prefix(network))
            .collect();
        // Names such as `conv1.weight` are everywhere; a few of them make no network where there is
        // another with at least half of the backbone.
        keep_if_any(&mut there, |network| {
            2 * network.parts.len() >= wanted.len()
        });
        keep_if_any(&mut there, |network| self.is_exact(network));
        if there.is_empty() && all.is_empty() {
            return Err(ImportError::NoNetwork {
                wanted: wanted.len(),
                found: checkpoint.summary(),
                path: checkpoint.path().to_owned(),
            });
        }
        if there.is_empty() {
            return Err(refuse(format!("the backbone under {}", self.place()), &all));
        }
        let mut meant = there.clone();
        match self.encoder {
            Some(WhichEncoder::Online) => meant.retain(|network| network.role != Role::Target),
            Some(WhichEncoder::Target) => {
                meant.retain(|network| network.role == Role::Target);
                if meant.is_empty() && self.prefix.is_some() {
                    meant = there.clone();
                    meant.retain(|network| network.role == Role::Plain);
                }
            }
            None => {
                let of_map = |n: &Network<'_>| n.mapped == Some(Role::Plain) && n.is_whole(wanted);
                keep_if_any(&mut meant, of_map);
                if !meant.iter().any(|network| of_map(network)) {
                    keep_if_any(&mut meant, |network| network.role != Role::Target);
                }
            }
        }
        if let (true, Some(encoder)) = (meant.is_empty(), self.encoder) {
            return Err(refuse(expected(encoder), &there));
        }
        keep_if_any(&mut meant, |network| network.is_whole(wanted));
        let most = meant.iter().map(|network| network.fitting).max();
        meant.retain(|network| Some(network.fitting) == most);
        keep_if_any(&mut meant, |network| network.mapped.is_some());
        let chosen = meant[0];
        let is_used = chosen.is_whole(wanted) || allow_partial;
        for other in meant.iter().skip(1).filter(|_| is_used) {
            if !same_network(chosen, other, checkpoint)? {
                let encoder = self.encoder.map_or("backbone", WhichEncoder::name);
                return Err(refuse(format!("one {encoder} network"), &meant));
            }
        }
        let encoder = self.encoder.unwrap_or(match chosen.role {
            Role::Target => WhichEncoder::Target,
            Role::Online | Role::Plain => WhichEncoder::Online,
        });
        Ok((chosen, encoder))
    }
}

fn expected(encoder: WhichEncoder) -> String {
    match encoder {
        WhichEncoder::Online => {
            "an online network: one without `momentum`, `teacher`, `target`, `ema` or `_k` in its root or prefix"
        }
        WhichEncoder::Target => {
            "a target network: one with `momentum`, `teacher`, `target`, `ema` or `_k` in its root or prefix"
        }
    }
    .to_owned()
}

fn keep_if_any<'n, 'c>(networks: &mut Vec<&'n Network<'c>>, wanted: impl Fn(&Network<'c>) -> bool) {
    if networks.iter().any(|network| wanted(network)) {
        networks.retain(|network| wanted(network));
    }
}

fn same_network(one: &Network<'_>, other: &Network<'_>, checkpoint: &Checkpoint) -> Result<bool> {
    if one.parts.len() != other.parts.len() {
        return Ok(false);
    }
    for (part, entry) in &one.parts {
        let there = other.parts.get(part);
        let same = match there {
            Some(there) => checkpoint.same(entry, there)?,
            None => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The networks of a file for messages, those with most of the backbone first.
pub(super) fn list(networks: &[&Network<'_>], wanted: &Wanted) -> String {
    const SHOWN: usize = 8;
    let mut networks = networks.to_vec();
    keep_if_any(&mut networks, |network| {
        2 * network.parts.len() >= wanted.len()
    });
    networks.sort_by_key(|network| std::cmp::Reverse(network.fitting));
    let shown = networks.iter().take(SHOWN);
    let shown: Vec<String> = shown.map(|network| network.summary(wanted)).collect();
    let more = if networks.len() > SHOWN { "; …" } else { "" };
    format!("{}{more}", shown.join("; "))
}
