//! The wiring of a step and of the clustering pass.

use crate::bank::Bank;
use crate::config::PclConfig;
use crate::describe::{self, PASS};
use crate::heads::Heads;
use crate::loss::{columns, prototype_contrast};
use crate::state::State;
use ssl_plugin_kit::api::description::{Description, Metadata};
use ssl_plugin_kit::blocks::{push_columns, queue_contrast};
use ssl_plugin_kit::bridge::{from_tch, to_tch, to_tch_int};
use ssl_plugin_kit::framework::{self, Framework, Loss, Start, Views};
use ssl_plugin_kit::module::momentum_update;
use ssl_plugin_kit::random::Random;
use ssl_plugin_kit::ranks::Ranks;
use ssl_plugin_kit::{Device, Fault, Tensor, TrainStep};

/// PCL at work.
pub struct Pcl {
    config: PclConfig,
    heads: Heads,
    state: State,
    /// The bank of the pass under way, and the epoch it is for.
    bank: Option<(Bank, u64)>,
    /// The epoch whose pass is done.
    clustered: Option<u64>,
    seed: u64,
    device: Device,
    ranks: Ranks,
}

impl Framework for Pcl {
    type Config = PclConfig;
    type Heads = Heads;
    type State = State;

    fn metadata() -> Metadata {
        describe::metadata()
    }

    fn describe(config: &PclConfig) -> Result<Description, Fault> {
        Ok(describe::description(config))
    }

    fn start(config: PclConfig, start: Start) -> Result<Self, Fault> {
        let most = config.num_clusters.iter().max().copied().unwrap_or(0);
        if config.warmup_epochs < start.context.epochs && most > start.context.samples {
            return Err(Fault::config(format!(
                "`num_clusters`: expected at most as many clusters as there are samples, {}, found {most}",
                start.context.samples
            )));
        }
        let mut heads = Heads::new(&config, &start, "heads");
        let state = State::new(&config, &mut heads, &start)?;
        Ok(Self {
            config,
            heads,
            state,
            bank: None,
            clustered: None,
            seed: start.context.seed,
            device: start.device,
            ranks: start.ranks,
        })
    }

    fn heads(&mut self) -> &mut Heads {
        &mut self.heads
    }

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    /// At the start of each epoch after the warm-up; a run resumed later in the epoch has its clusters.
    fn due(&mut self, at: &TrainStep) -> Result<Option<String>, Fault> {
        let due = at.epoch >= self.config.warmup_epochs
            && at.batch_in_epoch() == 0
            && self.clustered != Some(at.epoch);
        Ok(due.then(|| PASS.to_owned()))
    }

    fn begin_pass(&mut self, at: &TrainStep, id: &str, samples: usize) -> Result<(), Fault> {
        if id != PASS {
            return Err(Fault::unsupported(format!(
                "expected the pass {PASS}, found {id}"
            )));
        }
        let bank = Bank::new(samples, self.config.projector_dim, &self.device);
        self.bank = Some((bank, at.epoch));
        Ok(())
    }

    fn absorb(&mut self, views: &Views) -> Result<(), Fault> {
        let (bank, _) = self.bank.as_mut().ok_or_else(no_pass)?;
        let keys = self.state.keys.target.project_eval(views.target(0)?)?;
        bank.put(views.indices(), &keys)
    }

    fn end_pass(&mut self) -> Result<(), Fault> {
        let (bank, epoch) = self.bank.take().ok_or_else(no_pass)?;
        let random = self.random_of(epoch);
        self.state
            .clusters
            .renew(&self.config, bank, &[], &random, &self.ranks)?;
        self.clustered = Some(epoch);
        Ok(())
    }

    fn loss(&mut self, at: &TrainStep, views: &Views) -> Result<Loss, Fault> {
        let q = self.heads.project(views.online(0)?)?;
        let keys = &mut self.state.keys;
        let k = keys.target.project(views.target(1)?)?;
        let info = queue_contrast(
            q.clone(),
            k.clone(),
            keys.queue.val(),
            self.config.temperature,
        )?;
        push_columns(
            &mut keys.queue,
            &mut keys.queue_ptr,
            &self.ranks.all_gather(k)?,
        )?;
        if at.epoch < self.config.warmup_epochs {
            return Ok(Loss::new(info));
        }
        let proto = self.against_prototypes(q, at, views.indices())?;
        let logged = |loss: &Tensor<1>| {
            let plain = loss.clone().without_autodiff();
            f64::from(plain.into_scalar::<f32>())
        };
        let parts = [("info_nce", logged(&info)), ("proto_nce", logged(&proto))];
        let loss = Loss::new(info + proto);
        Ok(parts
            .iter()
            .fold(loss, |l, (name, value)| l.with(name, *value)))
    }

    fn after_update(&mut self, _moment: &TrainStep, momentum: Option<f64>) -> Result<(), Fault> {
        if let Some(m) = momentum {
            momentum_update(&mut self.heads, &mut self.state.keys.target, m);
        }
        Ok(())
    }

    fn cluster(&mut self, at: &TrainStep, bank: framework::Bank) -> Result<framework::Bank, Fault> {
        let find = |name: &str| {
            let found = bank.iter().find(|(n, _)| n == name);
            found.map(|(_, tensor)| tensor.shallow_clone())
        };
        let missing = |name| Fault::shape(format!("expected `{name}` in the bank, found none"));
        let features: Tensor<2> = from_tch(find("features").ok_or_else(|| missing("features"))?);
        let index = find("index").ok_or_else(|| missing("index"))?;
        let index = Vec::<i64>::try_from(index).map_err(Fault::shape)?;
        let [rows, dim] = features.dims();
        let reach = index.iter().max().map_or(0, |&last| last as usize + 1);
        let mut rows = Bank::new(rows.max(reach), dim, &self.device);
        rows.put(&index, &features)?;
        let clusterings = 0..self.config.num_clusters.len();
        let given: Option<Vec<Tensor<2>>> = clusterings
            .map(|m| find(&format!("centroids.{m}")).map(from_tch))
            .collect();
        let random = self.random_of(at.epoch);
        let found = self.state.clusters.renew(
            &self.config,
            rows,
            &given.unwrap_or_default(),
            &random,
            &self.ranks,
        )?;
        let mut output = Vec::new();
        for (m, found) in found.iter().enumerate() {
            let clustering = &found.clustering;
            output.push((format!("points.{m}"), to_tch(&found.points)));
            output.push((format!("centroids.{m}"), to_tch(&clustering.centroids)));
            output.push((format!("labels.{m}"), to_tch_int(&clustering.labels)));
        }
        Ok(output)
    }
}

impl Pcl {
    /// The random numbers of an epoch's clustering, the same on every rank.
    fn random_of(&self, epoch: u64) -> Random {
        Random::new(self.seed, &format!("clusters of epoch {epoch}"))
    }

    /// Mean over clusterings of the contrast with this rank's own columns.
    fn against_prototypes(
        &self,
        q: Tensor<2>,
        at: &TrainStep,
        indices: &[i64],
    ) -> Result<Tensor<1>, Fault> {
        let purpose = format!("negatives of rank {}", self.ranks.rank());
        let mut random = Random::new(self.seed, &purpose).at(at.epoch, at.step);
        let most = self.config.proto_negatives;
        let clusterings = self.config.num_clusters.len();
        let mut terms = Vec::new();
        for m in 0..clusterings {
            let (prototypes, density, own, clusters) = self.state.clusters.of(m, indices)?;
            let columns = columns(&own, clusters, most, &mut random);
            terms.push(prototype_contrast(
                q.clone(),
                prototypes,
                density,
                &columns,
            )?);
        }
        Ok(Tensor::cat(terms, 0).sum().div_scalar(clusterings as f64))
    }
}

fn no_pass() -> Fault {
    Fault::unsupported("no feature pass is open")
}
