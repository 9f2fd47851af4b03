//! Pickles that are data, and pickles that are not.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::stack::integer;
use super::*;

fn run(bytes: &[u8]) -> Result<Loaded, PickleError> {
    load(&mut Input::new(bytes, bytes.len() as u64))
}

#[test]
fn pickle_builds_plain_data() {
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
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"csubprocess\nPopen\n.", "subprocess.Popen"),
        (
            b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93.",
            "builtins.exec",
        ),
    ];
    for (bytes, name) in evil {
        match run(bytes) {
            Err(PickleError::Global { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    for (bytes, name) in [
        (&b"\x82\x01."[..], "EXT1"),
        (b"Pid\n.", "PERSID"),
        (b"\x97.", "NEXT_BUFFER"),
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

/// What a pickle gives for the key `a` of its dictionary.
fn of_a(value: &[u8]) -> Value {
    let mut bytes = b"\x80\x02}X\x01\x00\x00\x00a".to_vec();
    bytes.extend(value);
    bytes.extend(b"s.");
    let loaded = run(&bytes).unwrap();
    let Value::Dict(top) = loaded.value else {
        panic!("{:?}", loaded.value)
    };
    loaded.arena.get(top, "a").unwrap().clone()
}

#[test]
fn unknown_pickled_objects_become_their_names() {
    for (bytes, name) in [
        // A path: called with a tuple of its parts.
        (&b"cpathlib\nPosixPath\n(X\x01\x00\x00\x00/tR"[..], "pathlib.PosixPath"),
        // A range.
        (b"c__builtin__\nxrange\nK\x00K\x05K\x01\x87R", "__builtin__.xrange"),
        // A plain object with attributes.
        (
            b"c__main__\nConfig\n)\x81}X\x01\x00\x00\x00xK\x01sb",
            "__main__.Config",
        ),
        // With keywords, as protocol 4 does.
        (b"c__main__\nConfig\n)}\x92", "__main__.Config"),
        // An enumeration's member, as protocol 2 does.
        (
            b"c__builtin__\ngetattr\nc__main__\nMode\nX\x01\x00\x00\x00A\x86R",
            "__builtin__.getattr",
        ),
        // Old instances.
        (b"(K\x01i__main__\nOld\n", "__main__.Old"),
        (b"(c__main__\nOld\nK\x01o", "__main__.Old"),
        // The result of a call, called again.
        (b"c__main__\nmake\n)R)R", "__main__.make"),
        // A subclass of a list.
        (b"c__main__\nItems\n)\x81(K\x01K\x02e", "__main__.Items"),
        // A tensor of an unknown kind of storage.
        (
            b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nComplexFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00K\x01\x85K\x01\x85tR",
            "torch.ComplexFloatStorage",
        ),
        (
            b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\nC\x01a\x85RK\x00K\x01\x85K\x01\x85tR",
            "torch.storage._load_from_bytes",
        ),
    ] {
        match of_a(bytes) {
            Value::Object(object) => assert_eq!(&*object.name, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_dictionary_of_another_class_keeps_its_items() {
    let bytes = b"\x80\x02c__main__\nConfig\n)\x81X\x01\x00\x00\x00aK\x05s.";
    let loaded = run(bytes).unwrap();
    let Value::Object(object) = loaded.value else {
        panic!("{:?}", loaded.value)
    };
    assert!(matches!(
        loaded.arena.get(object.items, "a"),
        Some(Value::Int(5))
    ));
    assert_eq!(
        loaded.arena.foreign().collect::<Vec<_>>(),
        ["__main__.Config"]
    );
}

/// Counted work, not seconds, so that the test means the same on any machine.
#[test]
fn pickle_work_and_memory_are_bounded() {
    let long_tuple = |call: &[u8]| {
        let mut bytes = b"(".to_vec();
        bytes.extend(vec![b'N'; 1 << 16]);
        bytes.extend(b"tq\x00");
        bytes.extend(call);
        bytes
    };
    // Stacks, marks and the memo count as well as containers.
    assert!(matches!(
        run(&vec![b'N'; MAX_ITEMS + 2]),
        Err(PickleError::TooMany { .. })
    ));
    assert!(matches!(
        run(&vec![b'('; MAX_ITEMS + 2]),
        Err(PickleError::TooMany { .. })
    ));
    let mut memo = b"N".to_vec();
    memo.extend(vec![0x94; MAX_ITEMS / 3 + 2]);
    assert!(matches!(run(&memo), Err(PickleError::TooMany { .. })));
    // A call does not copy its arguments.
    let mut calls = long_tuple(b"c__main__\nf\nq\x01");
    calls.extend(b"h\x01h\x00R0".repeat(1000));
    calls.push(b'.');
    assert!(run(&calls).is_ok());
    // A shape is copied, and counted.
    let mut shapes = b"(".to_vec();
    shapes.extend(b"K\x01".repeat(1 << 15));
    shapes.extend(b"tq\x00(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQq\x02");
    shapes.extend(b"ctorch._utils\n_rebuild_tensor_v2\nq\x01");
    shapes.extend(b"h\x01(h\x02K\x00h\x00h\x00tR".repeat(200));
    shapes.push(b'.');
    assert!(matches!(run(&shapes), Err(PickleError::TooMany { .. })));
    // So is a text.
    let mut texts = b"X\x00\x00\x10\x00".to_vec();
    texts.extend(vec![b'a'; 1 << 20]);
    texts.extend(b"q\x00c_codecs\nencode\nq\x01");
    texts.extend(b"h\x01h\x00\x85R".repeat(200));
    texts.push(b'.');
    assert!(matches!(run(&texts), Err(PickleError::TooMany { .. })));
}

#[test]
fn names_hold_no_control_characters() {
    let loaded = run(b"X\x07\x00\x00\x00a\x1b[31m\x07.").unwrap();
    let Value::Text(text) = loaded.value else {
        panic!("{:?}", loaded.value)
    };
    assert_eq!(&*text, "a\u{fffd}[31m\u{fffd}");
    let loaded = run(b"ca\x1bb\nc\x9bd\n.").unwrap();
    assert_eq!(
        loaded.arena.foreign().collect::<Vec<_>>(),
        ["a\u{fffd}b.c\u{fffd}d"]
    );
}
