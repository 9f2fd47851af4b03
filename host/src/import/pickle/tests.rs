//! Pickles that are data, and pickles that are not.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::stack::integer;
use super::*;

fn run(bytes: &[u8]) -> Result<Loaded, PickleError> {
    load(&mut Input::new(bytes, bytes.len() as u64))
}

#[test]
fn data_is_built() {
    // {'a': [1, -2, 300], 'b': (True, None)}, protocol 2, with memo.
    let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM\x2c\x01eX\x01\x00\x00\x00bq\x03\x88N\x86q\x04u.";
    let loaded = run(bytes).unwrap();
    let Value::Dict(top) = loaded.value else {
        panic!("{:?}", loaded.value)
    };
    let Some(Value::List(list)) = loaded.arena.get(top, "a") else {
        panic!()
    };
    let numbers: Vec<i64> = loaded
        .arena
        .list(*list)
        .iter()
        .map(|v| match v {
            Value::Int(v) => *v,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, [1, -2, 300]);
    let Some(Value::Tuple(pair)) = loaded.arena.get(top, "b") else {
        panic!()
    };
    assert!(matches!(
        loaded.arena.list(*pair),
        [Value::Bool(true), Value::None]
    ));
}

#[test]
fn integers_of_any_length() {
    assert!(matches!(integer(vec![]), Value::Int(0)));
    assert!(matches!(integer(vec![0xff]), Value::Int(-1)));
    assert!(matches!(integer(vec![0xff, 0]), Value::Int(255)));
    assert!(matches!(integer(vec![0; 10]), Value::Big(_)));
}

#[test]
fn code_is_refused_by_name() {
    let evil = [
        (&b"cos\nsystem\n(S'true'\ntR."[..], "os.system"),
        (b"cposix\nsystem\n(S'true'\ntR.", "posix.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        (
            b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.",
            "builtins.exec",
        ),
        (
            b"ctorch.storage\n_load_from_bytes\n.",
            "torch.storage._load_from_bytes",
        ),
    ];
    for (bytes, name) in evil {
        match run(bytes) {
            Err(PickleError::Global { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for (bytes, name) in [
        (&b"(S'true'\nios\nsystem\n."[..], "INST"),
        (b"(o.", "OBJ"),
        (b"\x82\x01.", "EXT1"),
        (b"\x80\x04)}\x92.", "NEWOBJ_EX"),
        (b"\xff", "0xff"),
    ] {
        match run(bytes) {
            Err(PickleError::Opcode { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn lengths_beyond_the_end_ask_for_no_memory() {
    for bytes in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\x7f",
        b"B\xff\xff\xff\xffabc",
        b"",
        b"K",
    ] {
        assert!(matches!(run(bytes), Err(PickleError::Truncated { .. })));
    }
}

#[test]
fn stack_faults_are_errors() {
    for bytes in [
        &b"."[..],
        b"a.",
        b"0.",
        b"t.",
        b"R.",
        b"b.",
        b"h\x07.",
        b"(K\x01R.",
        b"K\x01(0.",
    ] {
        assert!(
            matches!(run(bytes), Err(PickleError::Operand { .. })),
            "{bytes:?}"
        );
    }
}

#[test]
fn copying_a_list_over_and_over_is_stopped() {
    // A list of 2^16 items, then `list(x)` again and again.
    let mut bytes = b"](".to_vec();
    bytes.extend(vec![b'N'; 1 << 16]);
    bytes.extend(b"eq\x00cbuiltins\nlist\nq\x01");
    for _ in 0..400 {
        bytes.extend(b"h\x01h\x00\x85R0");
    }
    bytes.extend(b".");
    assert!(matches!(run(&bytes), Err(PickleError::TooMany { .. })));
}
