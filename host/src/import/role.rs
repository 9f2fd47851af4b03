//! Which of a framework's two networks a place in a checkpoint means, by its words.

/// Words of the slowly moving copy.
const TARGET: [&str; 13] = [
    "momentum", "mom", "teacher", "target", "tgt", "ema", "key", "average", "averaged", "avg",
    "swa", "slow", "shadow",
];
/// Words of the trained network.
const ONLINE: [&str; 3] = ["online", "student", "query"];
/// Long enough to mean the same inside another word (`momentumbackbone`).
const INSIDE: [&str; 3] = ["momentum", "teacher", "target"];

/// What a place says about the network in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The trained network of two.
    Online,
    /// The momentum encoder, teacher or average.
    Target,
    /// Nothing.
    Plain,
}

impl Role {
    /// The role of a place: dictionary levels and prefix, separated by dots. The innermost part
    /// that says anything decides.
    pub(super) fn of(place: &str) -> Self {
        let said = place.split('.').rev().map(Self::of_part);
        said.into_iter()
            .find(|role| *role != Self::Plain)
            .unwrap_or(Self::Plain)
    }

    fn of_part(part: &str) -> Self {
        let words = words(part);
        // `encoder_k`: a letter alone is too little.
        let letter = |letter: &str| words.len() > 1 && words.iter().any(|word| word == letter);
        let any = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
        let inside = |list: &[&str]| {
            list.iter()
                .any(|long| words.iter().any(|w| w.contains(long)))
        };
        let target = any(&TARGET) || inside(&INSIDE) || letter("k") || letter("m");
        let online = any(&ONLINE) || letter("q");
        match (online, target) {
            (true, false) => Self::Online,
            (false, true) => Self::Target,
            _ => Self::Plain,
        }
    }
}

/// The words of `momentum_backbone`, `backboneMomentum` or `EMA-model`, in lower case.
fn words(part: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = None;
    for c in part.chars() {
        let begins = c.is_uppercase() && before.is_some_and(char::is_lowercase);
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn momentum_encoder_is_recognised_by_common_names() {
        for place in [
            "momentum_backbone.",
            "backbone_momentum.",
            "momentum_encoder.",
            "module.momentum_encoder.",
            "teacher.",
            "teacher_backbone.",
            "model.teacher.backbone.",
            "teacher",
            "target_network.",
            "target_network.encoder.",
            "target_encoder.net.",
            "target_net.0.",
            "target.",
            "encoder_k.",
            "module.encoder_k.",
            "model_k.",
            "key_encoder.",
            "visual_encoder_m.",
            "ema.",
            "ema_model.module.",
            "model_ema",
            "state_dict_ema",
            "modelEMA.",
            "emaModel.",
            "TeacherNet.",
            "momentumbackbone.",
            "averaged_model.",
            "swa_model",
            "feature_extractor_teacher._feature_blocks.",
        ] {
            assert_eq!(Role::of(place), Role::Target, "{place}");
        }
    }

    #[test]
    fn online_encoder_and_neutral_names_are_recognised() {
        for place in [
            "online_network.encoder.",
            "online_encoder.net.",
            "student_backbone.",
            "student",
            "encoder_q.",
            "module.encoder_q.",
            "query_encoder.",
            "mean_teacher.student.",
        ] {
            assert_eq!(Role::of(place), Role::Online, "{place}");
        }
        for place in [
            "",
            "backbone.",
            "module._orig_mod.",
            "state_dict.model.",
            "k.",
            "m.encoder.",
            "schema.",
            "keypoints.",
            "student_teacher.",
        ] {
            assert_eq!(Role::of(place), Role::Plain, "{place}");
        }
    }
}
