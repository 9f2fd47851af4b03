//! Milliseconds that an all_reduce of 25 million floats takes, as one of the ranks of `torchrun`'s contract; rank 0 prints
//! one line for each of so many repetitions (the first argument, 9 by default).

use ssl_distributed::{Launch, Ranks, Reduction};
use std::error::Error;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

const FLOATS: i64 = 25_000_000;
const LIMIT: Duration = Duration::from_secs(300);

fn main() -> Result<(), Box<dyn Error>> {
    let repetitions = std::env::args().nth(1).map_or(Ok(9), |text| text.parse())?;
    tch::set_num_threads(1);
    let launch = Launch::from_env()?.ok_or("expected several ranks, found one")?;
    let ranks = Ranks::join(&launch, "all_reduce", false, LIMIT)?;
    let values = Tensor::ones([FLOATS], (Kind::Float, Device::Cpu));
    ranks.all_reduce(&values, Reduction::Sum)?;
    for _ in 0..repetitions {
        ranks.barrier()?;
        let begun = Instant::now();
        ranks.all_reduce(&values, Reduction::Max)?;
        if ranks.rank() == 0 {
            println!("{:.3}", begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(())
}
