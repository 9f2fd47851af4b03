//! Devices by name, as benchmark files, records and plugins spell them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use tch::{Cuda, Device};

/// `cpu` or `cuda:N`; `cuda` alone is read as `cuda:0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceName {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU, by its number among those that libtorch sees.
    Cuda(u16),
}

/// A text names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `cpu`, `cuda` or `cuda:N`, found `{0}`")]
pub struct UnknownDevice(String);

impl DeviceName {
    /// The device in libtorch's terms; `None` where libtorch sees no such GPU.
    #[must_use]
    pub fn device(self) -> Option<Device> {
        match self {
            Self::Cpu => Some(Device::Cpu),
            Self::Cuda(n) => {
                (i64::from(n) < Cuda::device_count()).then_some(Device::Cuda(n.into()))
            }
        }
    }

    /// The name of libtorch's device.
    #[must_use]
    pub fn of(device: Device) -> Self {
        match device {
            Device::Cuda(n) => Self::Cuda(n as u16),
            _ => Self::Cpu,
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl FromStr for DeviceName {
    type Err = UnknownDevice;

    fn from_str(name: &str) -> Result<Self, UnknownDevice> {
        let unknown = || UnknownDevice(name.to_owned());
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for DeviceName {
    type Error = UnknownDevice;

    fn try_from(name: String) -> Result<Self, UnknownDevice> {
        name.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_are_read_and_written_in_one_form() {
        for (text, device) in [("cpu", DeviceName::Cpu), ("cuda:3", DeviceName::Cuda(3))] {
            assert_eq!(text.parse(), Ok(device));
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(DeviceName::Cuda(0)));
        for text in [
            "",
            "gpu",
            "cpu:0",
            "cuda:",
            "cuda:-1",
            "cuda:x",
            "CUDA",
            "cuda:70000",
        ] {
            let refused = text.parse::<DeviceName>();
            assert_eq!(refused, Err(UnknownDevice(text.to_owned())));
        }
    }

    #[test]
    fn device_that_libtorch_does_not_see_is_none() {
        assert_eq!(DeviceName::Cpu.device(), Some(Device::Cpu));
        assert_eq!(DeviceName::Cuda(u16::MAX).device(), None);
        assert_eq!(DeviceName::of(Device::Cuda(1)), DeviceName::Cuda(1));
    }
}
