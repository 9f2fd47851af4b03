//! Ranks as threads of one process, connected through loopback.
#![expect(clippy::unwrap_used, reason = "a test stops at the first fault")]

use ssl_distributed::{
    BatchNorm, Call, DistributedError, Launch, Operation, Ranks, Reduction, Store,
};
use std::sync::{Barrier, Mutex};
use std::time::Duration;
use tch::{Device, Kind, Tensor};

const LIMIT: Duration = Duration::from_secs(60);
const HOST: &str = "127.0.0.1";

fn launch(rank: usize, world_size: usize, port: u16) -> Launch {
    Launch {
        rank,
        world_size,
        local_rank: rank,
        address: HOST.to_owned(),
        port,
        agent_store: true,
        restart: 0,
    }
}

/// Runs `work` on ranks that meet, and gives back their results in rank order.
fn on_ranks<T: Send>(
    world_size: usize,
    limit: Duration,
    work: impl Fn(Ranks) -> T + Sync,
) -> Vec<T> {
    let agent = Store::serve(HOST, 0, LIMIT).unwrap();
    let port = agent.port();
    std::thread::scope(|scope| {
        let ranks: Vec<_> = (0..world_size)
            .map(|rank| {
                let work = &work;
                scope.spawn(move || {
                    tch::set_num_threads(1);
                    let launch = launch(rank, world_size, port);
                    work(Ranks::join(&launch, "test", false, limit).unwrap())
                })
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().unwrap()).collect()
    })
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).unwrap()
}

#[test]
fn collectives_put_the_ranks_tensors_together() {
    let found = on_ranks(3, LIMIT, |ranks| {
        let rank = ranks.rank() as f64;
        let own = Tensor::from_slice(&[rank, 2.0 * rank, 5.0]).reshape([3, 1]);
        let sum = own.copy();
        ranks.all_reduce(&sum, Reduction::Sum).unwrap();
        let [largest, smallest] = [Reduction::Max, Reduction::Min].map(|reduction| {
            // The columns of a transposed matrix do not lie one after another.
            let own = Tensor::from_slice(&[rank, -rank, 1.0, 2.0]).reshape([2, 2]);
            let own = own.transpose(0, 1);
            ranks.all_reduce(&own, reduction).unwrap();
            values(&own)
        });
        let all = ranks.all_gather(&own).unwrap();
        let part = ranks.reduce_scatter(&own).unwrap();
        let from_1 = own.copy();
        ranks.broadcast(&from_1, 1).unwrap();
        ranks.barrier().unwrap();
        assert_eq!((all.size(), part.size()), (vec![9, 1], vec![1, 1]));
        let tensors = [&sum, &all, &part, &from_1].map(values);
        (tensors, largest, smallest)
    });
    for (rank, ([sum, all, part, from_1], largest, smallest)) in found.into_iter().enumerate() {
        assert_eq!(sum, [3.0, 6.0, 15.0]);
        assert_eq!(all, [0.0, 0.0, 5.0, 1.0, 2.0, 5.0, 2.0, 4.0, 5.0]);
        assert_eq!(part, [[3.0, 6.0, 15.0][rank]]);
        assert_eq!(from_1, [1.0, 2.0, 5.0]);
        assert_eq!(largest, [2.0, 1.0, 0.0, 2.0]);
        assert_eq!(smallest, [0.0, 1.0, -2.0, 2.0]);
    }
}

#[test]
fn rows_that_do_not_divide_are_refused() {
    let found = on_ranks(2, LIMIT, |ranks| {
        let error = ranks.reduce_scatter(&Tensor::from_slice(&[1.0, 2.0, 3.0]));
        error.unwrap_err().to_string()
    });
    let expected =
        "reduce_scatter failed: expected rows that divide by 2, found the shape [3]".to_owned();
    assert_eq!(found, [expected.clone(), expected]);
}

const CHANNELS: i64 = 5;

/// Outputs, gradient of the input, gradients of scale and offset, running mean and variance.
fn normalised(
    x: &Tensor,
    weights: &Tensor,
    layer: impl Fn(&Tensor, BatchNorm<'_>) -> Tensor,
) -> [Tensor; 6] {
    let options = (Kind::Float, Device::Cpu);
    let x = x.detach().copy().set_requires_grad(true);
    let ramp = Tensor::arange(CHANNELS, options);
    let scale = (&ramp * 0.3 - 0.5).set_requires_grad(true);
    let offset = (&ramp * 0.1).set_requires_grad(true);
    let (mean, var) = (&ramp * 0.2, &ramp + 1.0);
    let batch_norm = BatchNorm {
        scale: &scale,
        offset: &offset,
        mean: &mean,
        var: &var,
        momentum: 0.1,
        eps: 1e-5,
    };
    let y = layer(&x, batch_norm);
    let loss = (&y * weights).tanh().sum(Kind::Float) + y.square().sum(Kind::Float) * 0.1;
    let grads = Tensor::run_backward(&[loss], &[&x, &scale, &offset], false, false);
    let [dx, dscale, doffset] = <[Tensor; 3]>::try_from(grads).unwrap();
    [y.detach(), dx, dscale, doffset, mean, var]
}

fn alone(x: &Tensor, layer: BatchNorm<'_>) -> Tensor {
    x.batch_norm(
        Some(layer.scale),
        Some(layer.offset),
        Some(layer.mean),
        Some(layer.var),
        true,
        layer.momentum,
        layer.eps,
        false,
    )
}

/// The largest distance, relative to the largest value.
fn apart(found: &Tensor, expected: &Tensor) -> f64 {
    let expected = expected.to_kind(Kind::Double);
    let distance = (found.to_kind(Kind::Double) - &expected).abs().max();
    distance.double_value(&[]) / expected.abs().max().double_value(&[]).max(1e-9)
}

fn batch_norm_is_that_of_the_whole_batch(parts: &[i64], kind: Kind, tolerance: f64) {
    tch::manual_seed(7);
    let rows: i64 = parts.iter().sum();
    let shape = [rows, CHANNELS, 4, 3];
    // A mean away from 0 shows a variance that is a difference of squares.
    let x = Tensor::randn(shape, (Kind::Float, Device::Cpu)) * 2.0 + 3.0;
    let x = x.to_kind(kind);
    let weights = Tensor::randn(shape, (Kind::Float, Device::Cpu));
    let expected = normalised(&x, &weights, alone);
    let whole = Mutex::new((x, weights));
    let found = on_ranks(parts.len(), LIMIT, |ranks| {
        let start: i64 = parts[..ranks.rank()].iter().sum();
        let part = |whole: &Tensor| whole.narrow(0, start, parts[ranks.rank()]).copy();
        let (x, weights) = {
            let whole = whole.lock().unwrap();
            (part(&whole.0), part(&whole.1))
        };
        // As the backbone's maps lie in memory.
        let x = x.permute([0, 2, 3, 1]).contiguous();
        let x = x.permute([0, 3, 1, 2]);
        normalised(&x, &weights, |x, layer| ranks.batch_norm(x, layer).unwrap())
    });
    let names = ["y", "dx", "dscale", "doffset", "mean", "var"];
    for (n, name) in names.into_iter().enumerate() {
        let of_ranks: Vec<&Tensor> = found.iter().map(|tensors| &tensors[n]).collect();
        let whole = match n {
            0 | 1 => Tensor::cat(&of_ranks, 0),
            2 | 3 => Tensor::stack(&of_ranks, 0).sum_dim_intlist(0, false, Kind::Float),
            _ => {
                assert!(of_ranks.iter().all(|own| **own == *of_ranks[0]), "{name}");
                of_ranks[0].shallow_clone()
            }
        };
        let distance = apart(&whole, &expected[n]);
        assert!(distance <= tolerance, "{name}: {distance:.2e}");
    }
}

#[test]
fn batch_norm_over_ranks_is_that_of_the_whole_batch() {
    for parts in [&[4, 4][..], &[3, 5, 1], &[2, 2, 2, 2]] {
        batch_norm_is_that_of_the_whole_batch(parts, Kind::Float, 2e-6);
    }
}

#[test]
fn batch_norm_over_ranks_takes_an_empty_batch() {
    batch_norm_is_that_of_the_whole_batch(&[6, 0], Kind::Float, 2e-6);
}

#[test]
fn batch_norm_over_ranks_computes_in_bf16() {
    batch_norm_is_that_of_the_whole_batch(&[4, 4], Kind::BFloat16, 2e-2);
}

fn message(result: Result<(), DistributedError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_rank_that_calls_something_else_is_named_on_all() {
    let odd_shape = on_ranks(3, LIMIT, |ranks| {
        let rows = if ranks.rank() == 1 { 5 } else { 4 };
        let tensor = Tensor::zeros([rows, 2], (Kind::Float, Device::Cpu));
        ranks
            .agree(&Call::on(Operation::Broadcast, &tensor, 0))
            .inspect_err(|error| {
                assert_eq!(ranks.blame().as_ref(), Some(error));
            })
    });
    let expected = "rank 1 of 3: it calls a broadcast of shape [5, 2] of Float where \
                    rank 0 calls a broadcast of shape [4, 2] of Float";
    for found in odd_shape {
        assert_eq!(message(found), expected);
    }
    let odd_call = on_ranks(2, LIMIT, |ranks| {
        let tensor = Tensor::from_slice(&[0_i64, 1]);
        match ranks.rank() {
            0 => ranks.agree(&Call::on(Operation::AllGather, &tensor, 0)),
            _ => ranks.agree(&Call::of_host(Operation::Agreement, &[])),
        }
    });
    for found in odd_call {
        let found = message(found);
        assert!(
            found.starts_with("rank 1 of 2: it calls the end of a step where rank 0 calls an all_gather of shape [2]"),
            "{found}"
        );
    }
}

#[test]
fn ranks_that_agree_go_on() {
    let found = on_ranks(2, LIMIT, |ranks| {
        let tensor = Tensor::from_slice(&[ranks.rank() as i64]);
        (0..3).all(|_| ranks.agree(&Call::on(Operation::Sum, &tensor, 0)).is_ok())
    });
    assert_eq!(found, [true, true]);
}

/// Rank 1 ends without a collective that the others call; what those say.
fn after_an_end(why: Option<&str>) -> Vec<Option<String>> {
    on_ranks(3, LIMIT, |ranks| {
        if ranks.rank() == 1 {
            if let Some(why) = why {
                ranks.tell(why);
            }
            return None;
        }
        assert_eq!(ranks.blame(), None);
        ranks.barrier().unwrap_err();
        Some(ranks.blame().unwrap().to_string())
    })
}

#[test]
fn a_rank_that_ends_is_named_with_its_reason() {
    for found in after_an_end(Some("the disk is full\nand more"))
        .iter()
        .step_by(2)
    {
        assert_eq!(found.as_deref(), Some("rank 1 of 3: the disk is full"));
    }
    for found in after_an_end(None).iter().step_by(2) {
        let found = found.as_deref().unwrap();
        assert!(
            found.starts_with("rank 1 of 3: it has ended, or has not answered"),
            "{found}"
        );
    }
}

#[test]
fn a_rank_that_stalls_is_named_when_the_limit_is_over() {
    let released = Barrier::new(2);
    let found = on_ranks(2, Duration::from_secs(2), |ranks| {
        if ranks.rank() == 1 {
            released.wait();
            return None;
        }
        ranks.barrier().unwrap_err();
        let found = ranks.blame().unwrap().to_string();
        released.wait();
        Some(found)
    });
    let found = found[0].as_deref().unwrap();
    assert!(
        found.starts_with("rank 1 of 2: it has ended, or has not answered within 2 s ("),
        "{found}"
    );
}

#[test]
fn a_rank_that_does_not_come_is_named() {
    let agent = Store::serve(HOST, 0, LIMIT).unwrap();
    let launch = launch(0, 2, agent.port());
    let found = Ranks::join(&launch, "test", false, Duration::from_millis(200));
    assert_eq!(
        found.unwrap_err().to_string(),
        "rank 1 of 2: it did not come within 0.2 s"
    );
}

#[test]
fn a_store_that_is_not_there_is_reported_in_one_line() {
    // The port of a store that is gone: nobody else is asked for it in this instant.
    let port = Store::serve(HOST, 0, LIMIT).unwrap().port();
    let found = Store::connect(HOST, port, Duration::from_millis(200));
    let found = found.unwrap_err().to_string();
    assert!(
        found.starts_with("reaching the ranks' store failed: "),
        "{found}"
    );
    assert!(!found.contains('\n'), "{found}");
}
