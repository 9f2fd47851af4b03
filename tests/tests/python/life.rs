//! Lives of workers: resumed, killed, left alone.

use super::driven::{bytes, python, raw, start, step};
use super::faults::no_child;
use super::{Needs, Outcome, Part, says, services};
use serde_json::json;
use ssl_plugin_api::export::Instance as _;
use ssl_plugin_api::foreign::Instance;
use ssl_plugin_api::{Fault, NamedTensor};
use std::io::BufRead as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub const RESUMED: Part = Part {
    name: "a_resumed_run_gives_the_bytes_of_one_without_a_break",
    frameworks: "services_framework:Everything",
    needs: Needs::Torch,
    run: resumed,
};

pub const KILLED: Part = Part {
    name: "a_killed_worker_is_named_and_nothing_is_left",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Torch,
    run: killed,
};

pub const ORPHANED: Part = Part {
    name: "workers_end_with_their_host",
    frameworks: "mistaken:Mistaken",
    needs: Needs::Torch,
    run: orphaned,
};

/// Loss, gradients, parameters and state of some steps, after each of which the host descends a little.
fn train(instance: &mut Instance, steps: std::ops::Range<u64>) -> Result<Vec<Vec<u8>>, String> {
    let words = |fault: Fault| fault.to_string();
    let mut seen = Vec::new();
    for n in steps {
        let output = services::step(instance, n)?;
        seen.push(output.loss.to_le_bytes().to_vec());
        seen.extend(output.feature_grads.iter().flatten().map(raw));
        let parameters = instance.parameters().map_err(words)?;
        for (parameter, grad) in parameters.into_iter().zip(output.param_grads) {
            let Some(grad) = grad else { continue };
            let tensor = |it| ssl_plugin_tensor::import(it).map_err(words);
            let mut parameter = tensor(parameter.tensor)?;
            let grad = tensor(grad)?;
            tch::no_grad(|| {
                let _ = parameter.subtract_(&(grad * 0.01));
            });
        }
        instance
            .after_update(&super::driven::at(n), Some(0.5))
            .map_err(words)?;
        let saved = [
            instance.parameters().map_err(words)?,
            instance.state().map_err(words)?,
        ];
        seen.extend(
            saved
                .iter()
                .flat_map(|list| bytes(list))
                .map(|(_, bytes)| bytes),
        );
    }
    Ok(seen)
}

fn copied(list: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, String> {
    let copy = |it: NamedTensor| {
        let tensor = ssl_plugin_tensor::import(it.tensor).map_err(|fault| fault.to_string())?;
        Ok(NamedTensor {
            name: it.name,
            tensor: ssl_plugin_tensor::export(&tensor.copy()).map_err(|fault| fault.to_string())?,
        })
    };
    list.into_iter().map(copy).collect()
}

fn resumed() -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let plugin = python()?;
    let mut whole = services::everything(&plugin)?;
    services::prepare(&mut whole)?;
    train(&mut whole, 0..2)?;
    let parameters = copied(whole.parameters().map_err(words)?)?;
    let state = copied(whole.state().map_err(words)?)?;
    let expected = train(&mut whole, 2..4)?;
    let mut again = services::everything(&plugin)?;
    again.load(parameters, state).map_err(words)?;
    let found = train(&mut again, 2..4)?;
    match expected.iter().zip(&found).position(|(a, b)| a != b) {
        None if expected.len() == found.len() => Ok(()),
        place => Err(format!(
            "expected the same bytes, found others at {place:?} of {}",
            expected.len()
        )),
    }
}

/// The children of this process.
fn children() -> Vec<i32> {
    let tasks = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    let texts = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    texts
        .flat_map(|text| {
            text.split_whitespace()
                .filter_map(|it| it.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

fn end(pid: i32) {
    let pid = pid.to_string();
    let _status = Command::new("kill").args(["-9", &pid]).status();
}

fn killed() -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let plugin = python()?;
    let mut instance = start(&plugin, "mistaken", &json!({})).map_err(words)?;
    step(&mut instance, 0).map_err(words)?;
    let [worker] = children()[..] else {
        return Err(format!("expected one worker, found {:?}", children()));
    };
    end(worker);
    let fault = step(&mut instance, 1).err().ok_or("expected a fault")?;
    says(
        &fault.message,
        &["step: the worker process", "signal 9 (SIGKILL"],
    )?;
    drop(instance);
    no_child()
}

/// Makes a worker compute without end, from the main thread or from one that has ended, and tells its number.
fn host(thread: &str) -> Outcome {
    let words = |fault: Fault| fault.to_string();
    let plugin = python()?;
    let begin = || start(&plugin, "mistaken", &json!({ "mistake": "busy" }));
    let mut instance = match thread {
        "main" => begin(),
        _ => std::thread::scope(|scope| scope.spawn(begin).join()).map_err(|_| "a panic")?,
    }
    .map_err(words)?;
    println!("worker {}", children().first().ok_or("expected a worker")?);
    step(&mut instance, 0).map(|_| ()).map_err(words)
}

fn orphaned() -> Outcome {
    if let Ok(thread) = std::env::var("HOST_THREAD") {
        return host(&thread);
    }
    for thread in ["main", "another"] {
        let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
        command
            .args(std::env::args().skip(1))
            .env("HOST_THREAD", thread)
            .stdout(Stdio::piped());
        let mut host = command.spawn().map_err(|error| error.to_string())?;
        let out = std::io::BufReader::new(host.stdout.take().ok_or("a pipe")?);
        let worker = out.lines().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("worker ")
                .and_then(|number| number.parse::<i32>().ok())
        });
        let Some(worker) = worker else {
            let _ended = host.wait();
            return Err(format!("{thread}: expected the number of a worker"));
        };
        let is_there = || {
            let status =
                std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        // A worker that was created from a thread outlives that thread.
        std::thread::sleep(Duration::from_secs(1));
        if !is_there() {
            end(i32::try_from(host.id()).map_err(|error| error.to_string())?);
            return Err(format!("{thread}: expected the worker to be at work"));
        }
        host.kill()
            .and_then(|()| host.wait())
            .map_err(|error| error.to_string())?;
        let started = Instant::now();
        while is_there() && Path::new(&format!("/proc/{worker}")).exists() {
            if started.elapsed() > Duration::from_secs(60) {
                end(worker);
                return Err(format!(
                    "{thread}: expected the worker to end with its host, found it a minute later"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
