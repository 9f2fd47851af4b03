#![expect(clippy::unwrap_used, reason = "a test may panic")]
use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Option<Launch>, LaunchError> {
    Launch::read(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The variables with some of them replaced.
fn with<'a>(changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("RANK", "3"),
        ("WORLD_SIZE", "4"),
        ("LOCAL_RANK", "1"),
        ("MASTER_ADDR", "node-1"),
        ("MASTER_PORT", "29500"),
    ];
    let kept = usual
        .into_iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    kept.chain(changes.iter().copied()).collect()
}

#[test]
fn torchruns_variables_give_a_place() {
    let elastic = with(&[
        ("TORCHELASTIC_USE_AGENT_STORE", "True"),
        ("TORCHELASTIC_RESTART_COUNT", "2"),
    ]);
    let launch = read(&elastic).unwrap().unwrap();
    let expected = Launch {
        rank: 3,
        world_size: 4,
        local_rank: 1,
        address: "node-1".to_owned(),
        port: 29500,
        agent_store: true,
        restart: 2,
    };
    assert_eq!(launch, expected);
    assert!(!launch.serves() && !launch.is_local());
    let told = launch.variables();
    let told: Vec<(&str, &str)> = told.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(read(&told).unwrap(), Some(expected));
}

#[test]
fn rank_0_serves_the_store_unless_the_launcher_does() {
    let first = [
        ("RANK", "0"),
        ("LOCAL_RANK", "0"),
        ("MASTER_ADDR", "127.0.0.1"),
    ];
    let launch = read(&with(&first)).unwrap().unwrap();
    assert!(launch.serves() && launch.is_local());
    assert!(!read(&with(&[])).unwrap().unwrap().serves());
}

#[test]
fn a_process_alone_has_no_place() {
    assert_eq!(read(&[]).unwrap(), None);
    assert_eq!(read(&[("RANK", "0"), ("WORLD_SIZE", "1")]).unwrap(), None);
    // The script of a batch job, which nobody has started as a rank.
    let batch = [
        ("SLURM_PROCID", "0"),
        ("SLURM_NTASKS", "4"),
        ("MASTER_PORT", "29500"),
    ];
    assert_eq!(read(&batch).unwrap(), None);
}

#[test]
fn slurms_variables_do_where_torchruns_are_missing() {
    let slurm = [
        ("SLURM_PROCID", "2"),
        ("SLURM_NTASKS", "3"),
        ("SLURM_LOCALID", "0"),
        ("SLURM_RESTART_COUNT", "1"),
        ("MASTER_ADDR", "node-1"),
        ("MASTER_PORT", "29500"),
    ];
    let launch = read(&slurm).unwrap().unwrap();
    assert_eq!((launch.rank, launch.world_size, launch.restart), (2, 3, 1));
    let both: Vec<_> = slurm.into_iter().chain(with(&[])).collect();
    assert_eq!(read(&both).unwrap().unwrap().world_size, 4);
}

#[test]
fn what_a_launcher_would_not_set_is_refused_by_name() {
    let cases: [(&[(&str, &str)], &str); 10] = [
        (
            &[("RANK", "")],
            "RANK: expected a value, because this process is one of several ranks, found none",
        ),
        (&[("WORLD_SIZE", " ")], "WORLD_SIZE: expected a value"),
        (
            &[("RANK", "4")],
            "RANK: expected a rank below WORLD_SIZE = 4, found 4",
        ),
        (
            &[("RANK", "-1")],
            "RANK: expected a whole number, found `-1`",
        ),
        (
            &[("WORLD_SIZE", "0")],
            "WORLD_SIZE: expected at least one rank, found 0",
        ),
        (
            &[("LOCAL_RANK", "one")],
            "LOCAL_RANK: expected a whole number, found `one`",
        ),
        (&[("MASTER_ADDR", "")], "MASTER_ADDR: expected a value"),
        (
            &[("MASTER_PORT", "70000")],
            "MASTER_PORT: expected a port from 1 to 65535, found 70000",
        ),
        (&[("MASTER_PORT", "0")], "MASTER_PORT: expected a port"),
        (
            &[("TORCHELASTIC_USE_AGENT_STORE", "maybe")],
            "TORCHELASTIC_USE_AGENT_STORE: expected `True` or `False`",
        ),
    ];
    for (changes, expected) in cases {
        let message = read(&with(changes)).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}
