//! The loop: one instruction after the other.

use std::io::Read;

use super::call;
use super::opcode as op;
use super::stack::{Machine, Step, integer};
use super::value::{Arena, MAX_ITEMS, Value};
use super::{Input, PickleError};

/// The result of a pickle and what it refers to.
#[derive(Debug)]
pub struct Loaded {
    /// The value.
    pub value: Value,
    /// Its containers.
    pub arena: Arena,
}

/// Carries out one pickle, up to and including its STOP.
///
/// # Errors
/// [`PickleError`] for a damaged pickle and for anything that is not data.
pub fn load<R: Read>(input: &mut Input<R>) -> Result<Loaded, PickleError> {
    let mut machine = Machine::new(input);
    loop {
        if let Some(value) = machine.step()? {
            return Ok(Loaded {
                value,
                arena: machine.arena,
            });
        }
        if machine.overflows() {
            return Err(PickleError::TooMany { limit: MAX_ITEMS });
        }
    }
}

impl<R: Read> Machine<'_, R> {
    fn step(&mut self) -> Step<Option<Value>> {
        self.at = self.input.position();
        let code = self.input.byte()?;
        self.name = op::name(code).unwrap_or("");
        match code {
            op::STOP => return self.pop().map(Some),
            op::PROTO => drop(self.input.byte()?),
            op::FRAME => drop(self.input.array::<8>()?),
            op::MARK => self.marks.push(self.stack.len()),
            op::POP => drop(self.pop()?),
            op::POP_MARK => drop(self.since_mark()?),
            op::DUP => {
                let top = self.top()?.clone();
                self.stack.push(top);
            }
            op::NONE => self.stack.push(Value::None),
            op::NEWTRUE => self.stack.push(Value::Bool(true)),
            op::NEWFALSE => self.stack.push(Value::Bool(false)),
            op::INT | op::LONG | op::FLOAT => self.number_line(code)?,
            op::BININT => {
                let value = i32::from_le_bytes(self.input.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT1 => {
                let value = self.input.byte()?;
                self.stack.push(Value::Int(value.into()));
            }
            op::BININT2 => {
                let value = u16::from_le_bytes(self.input.array()?);
                self.stack.push(Value::Int(value.into()));
            }
            op::LONG1 | op::LONG4 => {
                let len = self.length(if code == op::LONG1 { 1 } else { 4 })?;
                let bytes = self.input.bytes(len)?;
                self.stack.push(integer(bytes));
            }
            op::BINFLOAT => {
                let value = f64::from_be_bytes(self.input.array()?);
                self.stack.push(Value::Float(value));
            }
            op::SHORT_BINUNICODE | op::SHORT_BINSTRING => self.text(1)?,
            op::BINUNICODE | op::BINSTRING => self.text(4)?,
            op::BINUNICODE8 => self.text(8)?,
            op::UNICODE | op::STRING => {
                let line = self.input.line()?;
                let bare = line.trim_matches(|c| code == op::STRING && (c == '\'' || c == '"'));
                self.stack.push(Value::Text(bare.into()));
            }
            op::SHORT_BINBYTES => self.bytes(1)?,
            op::BINBYTES => self.bytes(4)?,
            op::BINBYTES8 | op::BYTEARRAY8 => self.bytes(8)?,
            op::EMPTY_LIST | op::EMPTY_SET => self.push_list(Vec::new()),
            op::LIST | op::FROZENSET => {
                let items = self.since_mark()?;
                self.push_list(items);
            }
            op::EMPTY_TUPLE => self.push_tuple(Vec::new()),
            op::TUPLE => {
                let items = self.since_mark()?;
                self.push_tuple(items);
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let items = self.pop_many(usize::from(code - op::TUPLE1) + 1)?;
                self.push_tuple(items);
            }
            op::EMPTY_DICT => self.push_dict(Vec::new()),
            op::DICT => {
                let items = self.since_mark()?;
                let pairs = self.pairs(items)?;
                self.push_dict(pairs);
            }
            op::APPEND => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            op::APPENDS | op::ADDITEMS => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            op::SETITEM => {
                let items = self.pop_many(2)?;
                self.set_items(items)?;
            }
            op::SETITEMS => {
                let items = self.since_mark()?;
                self.set_items(items)?;
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                let slot = self.slot(code)?;
                let value = self.top()?.clone();
                self.memo.insert(slot, value);
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let slot = self.slot(code)?;
                let value = self.memo.get(&slot).cloned();
                let value = value.ok_or_else(|| {
                    self.fault("something remembered", format!("nothing under {slot}"))
                })?;
                self.stack.push(value);
            }
            op::GLOBAL => {
                let (module, name) = (self.input.line()?, self.input.line()?);
                self.global(&module, &name)?;
            }
            op::STACK_GLOBAL => match self.pop_many(2)?.as_slice() {
                [Value::Text(module), Value::Text(name)] => self.global(module, name)?,
                other => return Err(self.operands("module and name", other)),
            },
            op::REDUCE | op::NEWOBJ => self.call()?,
            op::NEWOBJ_EX => {
                let _keywords = self.pop()?;
                self.call()?;
            }
            op::INST | op::OBJ => self.old_instance(code)?,
            op::BUILD => self.build()?,
            op::BINPERSID => {
                let id = self.pop()?;
                let storage = call::storage(&mut self.arena, &id)
                    .map_err(|expected| self.fault(expected, id.kind().to_owned()))?;
                self.stack.push(storage);
            }
            other => {
                return Err(PickleError::Opcode {
                    name: op::refused(other),
                    at: self.at,
                });
            }
        }
        Ok(None)
    }
}
