//! One network is found wherever it is, and of two the right one.

use super::*;

#[test]
fn one_network_is_found_wherever_it_is() {
    let files = Files::new();
    for (root, prefix, rename) in [
        ("", "", same as fn(&str) -> String),
        ("state_dict", "", same),
        ("model", "module.", same),
        ("", "_orig_mod.", same),
        ("model", "module._orig_mod.", same),
        ("model", "_orig_mod.module.", same),
        ("", "_orig_mod.module._orig_mod.module.", same),
        ("state_dict", "model.backbone.", same),
        ("state_dict", "net.encoder.", same),
        ("state_dict", "module.model.net.0.", same),
        ("state_dict", "backbone.", same),
        ("state_dict", "encoder.", same),
        ("model", "encoder.module.", same),
        ("state_dict", "online_network.encoder.", same),
        ("state_dict", "student_backbone.", same),
        ("state_dict", "anything.at_all.", same),
        ("encoder", "", same),
        ("backbone", "", same),
        ("student", "module.backbone.", same),
        (
            "classy_state_dict.base_model.model.trunk",
            "_feature_blocks.",
            same,
        ),
        ("a.b.c.d", "", same),
        ("state_dict", "backbone.", children),
        ("", "", children),
        ("state_dict", "model.backbone.module.", children),
        ("state_dict", "backbone.", without_pooling),
        ("state_dict", "backbone.", without_modules),
        ("model", "encoder.module.", shortcut),
        ("model", "module.", wrapped_inside),
    ] {
        let expected = Ok((root, prefix, ONLINE, 1));
        let network = [(root, prefix, rename, 1)];
        files.check(&network, &nothing_said(), expected);
        files.check(&network, &said(Some(ONLINE), None, None), expected);
        let refused: Result<_, &[&str]> = Err(&["a target network", "momentum", "100 of 100"]);
        files.check(&network, &said(Some(TARGET), None, None), refused);
    }
}

#[test]
fn online_or_target_network_is_selected_as_asked() {
    let files = Files::new();
    for (online, target) in [
        (
            ("state_dict", "backbone."),
            ("state_dict", "momentum_backbone."),
        ),
        (
            ("state_dict", "backbone."),
            ("state_dict", "backbone_momentum."),
        ),
        (
            ("state_dict", "encoder."),
            ("state_dict", "momentum_encoder."),
        ),
        (("state_dict", "student."), ("state_dict", "teacher.")),
        (
            ("state_dict", "student_backbone."),
            ("state_dict", "teacher_backbone."),
        ),
        (
            ("state_dict", "backbone."),
            ("state_dict", "teacher_backbone."),
        ),
        (
            ("student", "module.backbone."),
            ("teacher", "module.backbone."),
        ),
        (("student", "backbone."), ("teacher", "backbone.")),
        (
            ("", "online_network.encoder."),
            ("", "target_network.encoder."),
        ),
        (("", "online_encoder.net."), ("", "target_encoder.net.")),
        (
            ("state_dict", "online_net.0."),
            ("state_dict", "target_net.module.0."),
        ),
        (
            ("state_dict", "module.encoder_q."),
            ("state_dict", "module.encoder_k."),
        ),
        (
            ("state_dict", "encoder_q.0."),
            ("state_dict", "encoder_k.0."),
        ),
        (
            ("state_dict", "module.base_encoder."),
            ("state_dict", "module.momentum_encoder."),
        ),
        (
            ("state_dict", "query_encoder."),
            ("state_dict", "key_encoder."),
        ),
        (("state_dict", "model."), ("state_dict", "ema.")),
        (
            ("state_dict", "model."),
            ("state_dict", "ema_model.module."),
        ),
        (
            ("state_dict", "visual_encoder."),
            ("state_dict", "visual_encoder_m."),
        ),
        (("model", ""), ("model_ema", "")),
        (("state_dict", ""), ("state_dict_ema", "")),
        (("network", ""), ("averagedModel", "module.")),
    ] {
        let both = [
            (online.0, online.1, same as fn(&str) -> String, 1),
            (target.0, target.1, same, 2),
        ];
        let turned = [both[1], both[0]];
        let is_online = Ok((online.0, online.1, ONLINE, 1));
        let is_target = Ok((target.0, target.1, TARGET, 2));
        for networks in [both, turned] {
            files.check(&networks, &nothing_said(), is_online);
            files.check(&networks, &said(Some(ONLINE), None, None), is_online);
            files.check(&networks, &said(Some(TARGET), None, None), is_target);
        }
        // What is said about the place goes before what is not said about the encoder.
        files.check(
            &both,
            &said(None, Some(target.0), Some(target.1)),
            is_target,
        );
        // The target alone is the only network there is, and no online one.
        files.check(&both[1..], &nothing_said(), is_target);
        let refused: Result<_, &[&str]> = Err(&["an online network", target.1]);
        files.check(&both[1..], &said(Some(ONLINE), None, None), refused);
        let refused: Result<_, &[&str]> = Err(&["a target network", online.1, "root and prefix"]);
        files.check(&both[..1], &said(Some(TARGET), None, None), refused);
    }
}

#[test]
fn a_prefix_says_which_plain_network_is_the_target() {
    let files = Files::new();
    let plain = [("", "", same as fn(&str) -> String, 1)];
    let nested = [("state_dict", "backbone.", same as fn(&str) -> String, 1)];
    let (target, prefix) = (Some(TARGET), Some(""));
    files.check(&plain, &said(target, None, prefix), Ok(("", "", TARGET, 1)));
    files.check(
        &nested,
        &said(target, Some("state_dict"), Some("backbone")),
        Ok(("state_dict", "backbone.", TARGET, 1)),
    );
    // A root alone says where to look, not what is there.
    let refused: Result<_, &[&str]> = Err(&["a target network", "prefix `backbone.`"]);
    files.check(&nested, &said(target, Some("state_dict"), None), refused);
    // What contradicts itself is refused.
    let both = [
        ("", "online_encoder.", same as fn(&str) -> String, 1),
        ("", "target_encoder.", same, 2),
    ];
    let refused: Result<_, &[&str]> = Err(&["an online network", "target_encoder."]);
    files.check(
        &both,
        &said(Some(ONLINE), None, Some("target_encoder.")),
        refused,
    );
    let refused: Result<_, &[&str]> = Err(&["a target network", "online_encoder."]);
    files.check(&both, &said(target, None, Some("online_encoder")), refused);
}
