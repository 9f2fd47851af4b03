//! Queue, momentum head and clusters.

use crate::clusters::Clusters;
use crate::config::PclConfig;
use crate::heads::Heads;
use ssl_plugin_kit::blocks::key_queue;
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module::{Buffer, IntBuffer, Module, Path, Visitor, copy_weights};
use ssl_plugin_kit::{Fault, module};

module! {
    /// What is kept of keys.
    pub struct Keys {
        /// Keys of earlier batches, columns of unit length, `[projector_dim, queue_size]`; the same on
        /// every rank.
        pub queue: Buffer<2>,
        /// The column where the next keys go.
        pub queue_ptr: IntBuffer<1>,
        /// The key encoder's head.
        pub target: Heads,
    }
}

/// PCL's state.
pub struct State {
    /// Queue and momentum head.
    pub keys: Keys,
    /// The clusters of this epoch.
    pub clusters: Clusters,
}

impl State {
    /// # Errors
    /// A queue that whole global batches do not fill exactly.
    pub(crate) fn new(config: &PclConfig, heads: &mut Heads, start: &Start) -> Result<Self, Fault> {
        let mut target = Heads::new(config, start, "target");
        copy_weights(heads, &mut target);
        let (queue, queue_ptr) = key_queue(
            config.queue_size,
            config.projector_dim,
            start.context.global_batch(),
            &mut start.random("queue"),
            &start.device,
        )?;
        Ok(Self {
            keys: Keys {
                queue,
                queue_ptr,
                target,
            },
            clusters: Clusters::absent(config.num_clusters.len()),
        })
    }
}

impl Module for State {
    fn visit(&mut self, path: &mut Path, visitor: &mut dyn Visitor) {
        self.keys.visit(path, visitor);
        self.clusters.visit(path, visitor);
    }
}
