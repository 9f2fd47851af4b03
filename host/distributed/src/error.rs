//! What goes wrong between ranks, in one line.

/// A fault of a store, a group or a collective.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DistributedError {
    /// libtorch refused or gave up.
    #[error("{operation} failed: {message}")]
    Failed {
        /// Which operation.
        operation: &'static str,
        /// Why, in libtorch's words.
        message: String,
    },
    /// A rank is at fault.
    #[error("rank {rank} of {world_size}: {message}")]
    Rank {
        /// Which one.
        rank: usize,
        /// Number of ranks.
        world_size: usize,
        /// What it said, or what was seen of it.
        message: String,
    },
}

impl DistributedError {
    /// The first line of libtorch's message, without the place in Gloo's source that it may begin with.
    pub(crate) fn failed(operation: &'static str, message: &str) -> Self {
        let line = message.lines().find(|line| !line.trim().is_empty());
        let line = line.unwrap_or("no reason is known").trim();
        let plain = match line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] "))
        {
            Some((place, words)) if place.contains(".cc:") || place.contains(".cpp:") => words,
            _ => line,
        };
        Self::Failed {
            operation,
            message: plain.trim_end_matches('.').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_their_place_and_their_trace() {
        let text = "[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1\nframe #0";
        assert_eq!(
            DistributedError::failed("all_reduce", text).to_string(),
            "all_reduce failed: Connection closed by peer [127.0.0.1]:1"
        );
        let text = "[1, 2] is no shape";
        assert!(
            DistributedError::failed("x", text)
                .to_string()
                .ends_with(text)
        );
    }
}
