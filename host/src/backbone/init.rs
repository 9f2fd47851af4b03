//! Seeded starting values that depend on nothing but the seed and the tensor's name.

use super::plan::{Spec, Start};
use std::f64::consts::TAU;

/// The starting values of a tensor.
///
/// Each tensor has its own stream, seeded by the run's seed and the tensor's name, so the values do
/// not change with the order of creation, the number of threads or libtorch's generators.
pub(super) fn values(spec: &Spec, seed: u64) -> Vec<f32> {
    let count = spec.shape.iter().product::<i64>() as usize;
    match spec.start {
        Start::Constant(value) => vec![value; count],
        Start::HeNormal { fan_out } => {
            let std = (2.0 / fan_out as f64).sqrt();
            let mut stream = Stream::new(seed, &spec.name);
            let mut values = Vec::with_capacity(count + 1);
            while values.len() < count {
                values.extend(stream.normal_pair().map(|z| (std * z) as f32));
            }
            values.truncate(count);
            values
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a counter through a bijective mixer.
struct Stream {
    state: u64,
}

impl Stream {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a over the name.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self {
            state: mix(seed) ^ hash,
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// Uniform in `(0, 1)`, 53 bits.
    fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Two independent standard normal values (Box and Muller 1958).
    fn normal_pair(&mut self) -> [f64; 2] {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (TAU * self.uniform()).sin_cos();
        [radius * cos, radius * sin]
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str, count: i64) -> Spec {
        Spec {
            name: name.to_owned(),
            shape: vec![count],
            start: Start::HeNormal { fan_out: 50 },
        }
    }

    #[test]
    fn he_normal_has_the_moments_of_its_fan_out() {
        let v = values(&spec("conv1.weight", 200_001), 7);
        assert_eq!(v.len(), 200_001);
        let n = v.len() as f64;
        let mean = v.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let var = v
            .iter()
            .map(|&x| (f64::from(x) - mean).powi(2))
            .sum::<f64>()
            / n;
        let kurtosis = v
            .iter()
            .map(|&x| (f64::from(x) - mean).powi(4))
            .sum::<f64>()
            / n
            / var
            / var;
        assert!(mean.abs() < 0.002, "{mean}");
        assert!((var - 0.04).abs() < 0.0006, "{var}");
        assert!((kurtosis - 3.0).abs() < 0.06, "{kurtosis}");
    }

    #[test]
    fn seed_and_name_choose_the_stream() {
        let base = values(&spec("a", 8), 1);
        assert_eq!(base, values(&spec("a", 8), 1));
        assert_eq!(base[..4], values(&spec("a", 4), 1));
        assert_ne!(base, values(&spec("a", 8), 2));
        assert_ne!(base, values(&spec("b", 8), 1));
    }
}
