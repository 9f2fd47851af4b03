//! What calling a known class or function gives.

use std::rc::Rc;

use super::globals::Known;
use super::value::{Arena, StorageRef, TensorRef, Value};

/// What a call with these arguments gives; the error says what was expected instead. Whatever is made
/// of an unknown object is one.
pub(super) fn call(known: Known, arena: &mut Arena, args: &[Value]) -> Result<Value, &'static str> {
    let needs_all = matches!(known, Known::Tensor | Known::Parameter | Known::Encode);
    if let (true, Some(Value::Object(object))) = (needs_all, args.first()) {
        return Ok(arena.new_object(&object.name));
    }
    match known {
        Known::Dict => {
            // `OrderedDict([(k, v), …])`, `dict({…})` or `OrderedDict()`; `defaultdict(factory)` is
            // empty.
            let pairs = match args.first() {
                Some(Value::List(id)) => pairs(arena, *id)?,
                Some(Value::Dict(id)) => arena.dict(*id).to_vec(),
                _ => Vec::new(),
            };
            Ok(Value::Dict(arena.new_dict(pairs)))
        }
        Known::List => {
            let items = match args.first() {
                Some(Value::List(id) | Value::Tuple(id)) => arena.list(*id).to_vec(),
                _ => Vec::new(),
            };
            Ok(Value::List(arena.new_list(items)))
        }
        Known::Tensor => tensor(arena, args),
        Known::Parameter => match args {
            [Value::Tensor(tensor), ..] => Ok(Value::Tensor(Rc::clone(tensor))),
            _ => Err("a tensor"),
        },
        // The function, the subclass, and the function's arguments.
        Known::Subclass => match args {
            [Value::Global(Known::Tensor), _, Value::Tuple(id), ..] => {
                let args = arena.list(*id).to_vec();
                arena.spend(args.len());
                call(Known::Tensor, arena, &args)
            }
            [Value::Foreign(name), ..] => Ok(arena.new_object(name)),
            _ => Err("a function, a class and arguments"),
        },
        Known::Size => match args {
            [Value::Tuple(id) | Value::List(id)] => Ok(Value::Tuple(*id)),
            _ => Err("a tuple of sizes"),
        },
        Known::Encode => match args {
            [Value::Text(text), ..] => {
                arena.spend(text.len() / 16);
                text.chars()
                    .map(|c| u8::try_from(u32::from(c)))
                    .collect::<Result<Vec<u8>, _>>()
                    .map(|bytes| Value::Bytes(bytes.into()))
                    .map_err(|_| "a string of latin-1 characters")
            }
            _ => Err("a string"),
        },
        Known::Storage(_) => Err("a function, not a storage class"),
    }
}

fn pairs(arena: &Arena, id: usize) -> Result<Vec<(Value, Value)>, &'static str> {
    arena
        .list(id)
        .iter()
        .map(|item| match item {
            Value::Tuple(pair) | Value::List(pair) => match arena.list(*pair) {
                [key, value] => Ok((key.clone(), value.clone())),
                _ => Err("a list of pairs"),
            },
            _ => Err("a list of pairs"),
        })
        .collect()
}

/// `_rebuild_tensor(storage, offset, shape, stride, …)`; what follows (gradient, hooks) is dropped.
fn tensor(arena: &mut Arena, args: &[Value]) -> Result<Value, &'static str> {
    let [
        Value::Storage(storage),
        Value::Int(offset),
        Value::Tuple(shape),
        Value::Tuple(stride),
        ..,
    ] = args
    else {
        return Err("a storage, an offset, a shape and strides");
    };
    let integers = |id: usize| -> Result<Vec<i64>, &'static str> {
        arena
            .list(id)
            .iter()
            .map(|value| match value {
                Value::Int(v) if *v >= 0 => Ok(*v),
                _ => Err("whole numbers >= 0 as shape and strides"),
            })
            .collect()
    };
    let (shape, stride) = (integers(*shape)?, integers(*stride)?);
    arena.spend(6 + shape.len() + stride.len());
    if shape.len() != stride.len() {
        return Err("as many strides as dimensions");
    }
    Ok(Value::Tensor(Rc::new(TensorRef {
        storage: Rc::clone(storage),
        offset: u64::try_from(*offset).map_err(|_| "an offset >= 0")?,
        shape,
        stride,
    })))
}

/// `('storage', class, key, location, length[, view])` as torch writes it.
pub(super) fn storage(arena: &mut Arena, id: &Value) -> Result<Value, &'static str> {
    const EXPECTED: &str = "a reference to a storage";
    let Value::Tuple(id) = id else {
        return Err(EXPECTED);
    };
    let items = arena.list(*id);
    // A kind of numbers that no backbone has.
    if let [_, Value::Foreign(name), ..] = items {
        let name = Rc::clone(name);
        return Ok(arena.new_object(&name));
    }
    let [
        Value::Text(what),
        Value::Global(Known::Storage(element)),
        key,
        _location,
        Value::Int(len),
        view @ ..,
    ] = items
    else {
        return Err(EXPECTED);
    };
    let key = match key {
        Value::Text(key) => key.to_string(),
        Value::Int(key) => key.to_string(),
        _ => return Err(EXPECTED),
    };
    if &**what != "storage" {
        return Err(EXPECTED);
    }
    let offset = match view {
        [] | [Value::None] => 0,
        // (view key, first element, length)
        [Value::Tuple(view)] => match arena.list(*view) {
            [_, Value::Int(offset), Value::Int(_)] => *offset,
            _ => return Err(EXPECTED),
        },
        _ => return Err(EXPECTED),
    };
    let storage = StorageRef {
        key,
        element: *element,
        len: u64::try_from(*len).map_err(|_| EXPECTED)?,
        offset: u64::try_from(offset).map_err(|_| EXPECTED)?,
    };
    Ok(arena.new_storage(storage))
}
