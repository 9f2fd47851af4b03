//! The momentum copy of the projector, and the queue of keys.

use crate::config::MocoConfig;
use crate::heads::{Heads, projector};
use ssl_plugin_kit::Fault;
use ssl_plugin_kit::blocks::{Mlp, key_queue};
use ssl_plugin_kit::framework::Start;
use ssl_plugin_kit::module;
use ssl_plugin_kit::module::{Buffer, IntBuffer, copy_weights};

module! {
    /// The key encoder's head.
    pub struct Target {
        /// Exponential average of the projector's weights; its running statistics are its own.
        pub projector: Mlp,
    }
}

module! {
    /// MoCo's state.
    pub struct State {
        /// v2: keys of earlier batches, columns of unit length, `[dim, queue_size]`; the same on
        /// every rank.
        pub queue: Option<Buffer<2>>,
        /// v2: the column where the next keys go.
        pub queue_ptr: Option<IntBuffer<1>>,
        /// The key encoder's head.
        pub target: Target,
    }
}

impl State {
    /// A copy of the heads' projector, and with v2 a queue of random unit columns.
    ///
    /// # Errors
    /// A queue that whole global batches do not fill exactly.
    pub(crate) fn new(
        config: &MocoConfig,
        heads: &mut Heads,
        start: &Start,
    ) -> Result<Self, Fault> {
        let mut copy = projector(config, start.context.dim()).build(
            &mut start.random("target"),
            &start.device,
            &start.ranks,
        );
        copy_weights(&mut heads.projector, &mut copy);
        let mut state = Self {
            queue: None,
            queue_ptr: None,
            target: Target { projector: copy },
        };
        if let Some(size) = config.queue_size {
            let (queue, ptr) = key_queue(
                size,
                config.projector_dim,
                start.context.global_batch(),
                &mut start.random("queue"),
                &start.device,
            )?;
            state.queue = Some(queue);
            state.queue_ptr = Some(ptr);
        }
        Ok(state)
    }
}
