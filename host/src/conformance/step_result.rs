//! What a step gives back.

use super::tensors::tensor_bytes;
use ssl_plugin_api::{Fault, FfiTensor, StepOutput};
use ssl_plugin_tensor::import;
use tch::Tensor;

/// What a step gave back.
#[derive(Debug)]
pub struct StepResult {
    /// The loss.
    pub loss: f64,
    /// For each feature its gradient.
    pub features: Vec<Option<Tensor>>,
    /// For each parameter its gradient.
    pub parameters: Vec<Option<Tensor>>,
    /// Whether the step said that parameters moved.
    pub moved: bool,
}

impl StepResult {
    /// What a step gave back, with its tensors imported.
    ///
    /// # Errors
    /// A tensor that does not cross.
    pub fn imported(output: StepOutput) -> Result<Self, Fault> {
        let list = |grads: Vec<Option<FfiTensor>>| -> Result<Vec<Option<Tensor>>, Fault> {
            grads
                .into_iter()
                .map(|grad| grad.map(import).transpose())
                .collect()
        };
        Ok(Self {
            loss: output.loss,
            features: list(output.feature_grads)?,
            parameters: list(output.param_grads)?,
            moved: output.parameters_moved,
        })
    }

    /// The loss and all gradients as bytes, for comparisons.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.loss.to_le_bytes().to_vec();
        for grad in self.features.iter().chain(&self.parameters) {
            bytes.push(u8::from(grad.is_some()));
            if let Some(grad) = grad {
                bytes.extend(tensor_bytes(grad));
            }
        }
        bytes
    }
}
