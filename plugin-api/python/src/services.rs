//! What a framework asks of the host while it computes.

use crate::memory::Memory;
use serde_json::{Value, json};
use ssl_plugin_api::{Fault, LogLevel, Reduce, Services as _, SharedServices};

/// Answers one call. Collectives work on the region that the worker's tensor lies in.
pub fn serve(
    call: &str,
    said: &Value,
    memory: &mut Memory,
    host: Option<&SharedServices>,
) -> Result<Value, Fault> {
    if call == "memory" {
        let bytes = said["bytes"]
            .as_u64()
            .and_then(|it| usize::try_from(it).ok());
        return memory.lend(bytes.ok_or_else(|| Fault::internal("a number of bytes"))?);
    }
    let host = host.ok_or_else(|| {
        Fault::unsupported(format!(
            "expected `{call}` in a run, found it outside of one"
        ))
    })?;
    match call {
        "log" => {
            let level = match said["level"].as_str() {
                Some("warn") => LogLevel::Warn,
                Some("debug") => LogLevel::Debug,
                _ => LogLevel::Info,
            };
            host.log(level, said["text"].as_str().unwrap_or_default());
            Ok(json!({}))
        }
        "cancelled" => Ok(json!({ "cancelled": host.cancelled() })),
        "all_reduce" => {
            let spot = memory.spot(&said["tensor"])?;
            let reduce = match said["reduce"].as_str() {
                Some("max") => Reduce::Max,
                _ => Reduce::Sum,
            };
            host.all_reduce(spot.tensor(), reduce)?;
            Ok(json!({ "tensor": spot.spec() }))
        }
        "broadcast" => {
            let spot = memory.spot(&said["tensor"])?;
            let root = said["root"].as_u64().unwrap_or_default() as usize;
            host.broadcast(spot.tensor(), root)?;
            Ok(json!({ "tensor": spot.spec() }))
        }
        "all_gather" => {
            let spot = memory.spot(&said["tensor"])?;
            let gathered = host.all_gather(spot.tensor())?;
            let spots = memory.copies(&[&gathered])?;
            for spot in &spots {
                memory.hold(spot);
            }
            Ok(json!({ "tensor": spots[0].spec() }))
        }
        other => Err(Fault::internal(format!(
            "expected a service, found `{other}`"
        ))),
    }
}
