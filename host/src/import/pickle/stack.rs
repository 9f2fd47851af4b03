//! The machine, and what the instructions do: to the stack, to containers, to known classes and functions.

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

use super::call;
use super::globals::{self, Known};
use super::input::printable;
use super::opcode as op;
use super::value::{Arena, MAX_ITEMS, Value};
use super::{Input, PickleError};

pub(super) type Step<T> = Result<T, PickleError>;

/// The state between two instructions.
pub(super) struct Machine<'a, R> {
    pub(super) input: &'a mut Input<R>,
    pub(super) arena: Arena,
    pub(super) stack: Vec<Value>,
    /// Heights of the stack at the marks.
    pub(super) marks: Vec<usize>,
    pub(super) memo: HashMap<u64, Value>,
    /// Where the instruction begins, in bytes.
    pub(super) at: u64,
    /// Its name.
    pub(super) name: &'static str,
}

impl<'a, R: Read> Machine<'a, R> {
    /// The state before the first instruction.
    pub(super) fn new(input: &'a mut Input<R>) -> Self {
        Self {
            input,
            arena: Arena::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            at: 0,
            name: "",
        }
    }

    pub(super) fn fault(&self, expected: &'static str, found: impl Into<String>) -> PickleError {
        PickleError::Operand {
            expected,
            found: found.into(),
            name: self.name,
            at: self.at,
        }
    }

    pub(super) fn operands(&self, expected: &'static str, found: &[Value]) -> PickleError {
        const SHOWN: usize = 6;
        let kinds: Vec<&str> = found.iter().take(SHOWN).map(Value::kind).collect();
        let more = if found.len() > SHOWN { ", …" } else { "" };
        self.fault(expected, format!("{}{more}", kinds.join(", ")))
    }

    pub(super) fn pop(&mut self) -> Step<Value> {
        self.pop_many(1).map(|mut items| items.remove(0))
    }

    /// The topmost `count` values, lowest first; a mark is not crossed.
    pub(super) fn pop_many(&mut self, count: usize) -> Step<Vec<Value>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= floor => Ok(self.stack.split_off(start)),
            _ => Err(self.fault("a value on the stack", "none")),
        }
    }

    pub(super) fn top(&self) -> Step<&Value> {
        self.stack
            .last()
            .ok_or_else(|| self.fault("a value on the stack", "none"))
    }

    pub(super) fn since_mark(&mut self) -> Step<Vec<Value>> {
        match self.marks.pop() {
            Some(start) => Ok(self.stack.split_off(start)),
            None => Err(self.fault("a mark on the stack", "none")),
        }
    }

    pub(super) fn push_list(&mut self, items: Vec<Value>) {
        let id = self.arena.new_list(items);
        self.stack.push(Value::List(id));
    }

    pub(super) fn push_tuple(&mut self, items: Vec<Value>) {
        let id = self.arena.new_list(items);
        self.stack.push(Value::Tuple(id));
    }

    pub(super) fn push_dict(&mut self, pairs: Vec<(Value, Value)>) {
        let id = self.arena.new_dict(pairs);
        self.stack.push(Value::Dict(id));
    }

    /// Whether the pickle holds, or has copied, more than any checkpoint needs.
    pub(super) fn overflows(&self) -> bool {
        // An entry of the memo takes as much as three values.
        let held = self.stack.len() + self.marks.len() + 3 * self.memo.len();
        self.arena.spent().saturating_add(held) > MAX_ITEMS
    }

    /// A little-endian length of 1, 4 or 8 bytes.
    pub(super) fn length(&mut self, bytes: usize) -> Step<u64> {
        match bytes {
            1 => self.input.byte().map(u64::from),
            4 => self.input.array().map(u32::from_le_bytes).map(u64::from),
            _ => self.input.array().map(u64::from_le_bytes),
        }
    }

    pub(super) fn text(&mut self, length_bytes: usize) -> Step<()> {
        let len = self.length(length_bytes)?;
        let bytes = self.input.bytes(len)?;
        self.stack.push(Value::Text(printable(&bytes).into()));
        Ok(())
    }

    pub(super) fn bytes(&mut self, length_bytes: usize) -> Step<()> {
        let len = self.length(length_bytes)?;
        let bytes = self.input.bytes(len)?;
        self.stack.push(Value::Bytes(bytes.into()));
        Ok(())
    }

    /// A number in decimal digits on a line; `01` and `00` are protocol 1's booleans.
    pub(super) fn number_line(&mut self, code: u8) -> Step<()> {
        let line = self.input.line()?;
        let digits = line.trim_end_matches('L');
        let value = match (code, digits) {
            (op::INT, "01") => Some(Value::Bool(true)),
            (op::INT, "00") => Some(Value::Bool(false)),
            (op::FLOAT, _) => digits.parse().ok().map(Value::Float),
            _ => digits.parse().ok().map(Value::Int),
        };
        let value = value.ok_or_else(|| self.fault("a number", line))?;
        self.stack.push(value);
        Ok(())
    }

    pub(super) fn slot(&mut self, code: u8) -> Step<u64> {
        match code {
            op::MEMOIZE => Ok(self.memo.len() as u64),
            op::BINPUT | op::BINGET => self.input.byte().map(u64::from),
            op::LONG_BINPUT | op::LONG_BINGET => {
                self.input.array().map(u32::from_le_bytes).map(u64::from)
            }
            _ => {
                let line = self.input.line()?;
                line.parse().map_err(|_| self.fault("a number", line))
            }
        }
    }

    pub(super) fn pairs(&self, items: Vec<Value>) -> Step<Vec<(Value, Value)>> {
        if !items.len().is_multiple_of(2) {
            return Err(self.fault("keys and values in pairs", "an odd number"));
        }
        let mut pairs = Vec::with_capacity(items.len() / 2);
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            pairs.push((key, value));
        }
        Ok(pairs)
    }

    pub(super) fn append(&mut self, items: Vec<Value>) -> Step<()> {
        match *self.top()? {
            Value::List(id) => self.arena.extend_list(id, items),
            Value::Object(_) => {}
            ref other => return Err(self.fault("a list", other.kind())),
        }
        Ok(())
    }

    pub(super) fn set_items(&mut self, items: Vec<Value>) -> Step<()> {
        let pairs = self.pairs(items)?;
        let id = match self.top()? {
            Value::Dict(id) => *id,
            Value::Object(object) => object.items,
            other => return Err(self.fault("a dictionary", other.kind())),
        };
        self.arena.extend_dict(id, pairs);
        Ok(())
    }

    pub(super) fn global(&mut self, module: &str, name: &str) -> Step<()> {
        if globals::is_harmful(module, name) {
            return Err(PickleError::Global {
                name: format!("{module}.{name}"),
                at: self.at,
            });
        }
        let value = match Known::find(module, name) {
            Some(known) => Value::Global(known),
            None => self.arena.new_foreign(&format!("{module}.{name}")),
        };
        self.stack.push(value);
        Ok(())
    }

    /// Pops a function and its arguments and pushes what the call gives.
    pub(super) fn call(&mut self) -> Step<()> {
        let operands = self.pop_many(2)?;
        let [function, args] = operands.as_slice() else {
            return Err(self.operands("a function and its arguments", &operands));
        };
        self.apply(function, args)
    }

    /// Instances as protocols 0 and 1 write them: the class on two lines, or below its arguments.
    pub(super) fn old_instance(&mut self, code: u8) -> Step<()> {
        let mut args = self.since_mark()?;
        let class = if code == op::INST {
            let (module, name) = (self.input.line()?, self.input.line()?);
            self.global(&module, &name)?;
            self.pop()?
        } else if args.is_empty() {
            return Err(self.fault("a class", "none"));
        } else {
            args.remove(0)
        };
        let args = Value::Tuple(self.arena.new_list(args));
        self.apply(&class, &args)
    }

    /// Pushes what a call gives.
    pub(super) fn apply(&mut self, function: &Value, args: &Value) -> Step<()> {
        let result = match (function, args) {
            (Value::Foreign(name), _) => self.arena.new_object(name),
            (Value::Object(object), _) => self.arena.new_object(&object.name),
            (Value::Global(function), Value::Tuple(args)) => {
                // No function that is known looks at more.
                const LOOKED_AT: usize = 8;
                let args = self.arena.list(*args).iter().take(LOOKED_AT);
                let args: Vec<Value> = args.cloned().collect();
                call::call(*function, &mut self.arena, &args)
                    .map_err(|expected| self.operands(expected, &args))?
            }
            (function, args) => {
                let found = [function.clone(), args.clone()];
                return Err(self.operands("a function and its arguments", &found));
            }
        };
        self.stack.push(result);
        Ok(())
    }

    /// Gives an object its attributes. State dicts carry a note on versions that way; nothing that
    /// is kept needs any.
    pub(super) fn build(&mut self) -> Step<()> {
        let _attributes = self.pop()?;
        self.top().map(drop)
    }
}

/// A two's complement integer, lowest byte first.
pub(super) fn integer(bytes: Vec<u8>) -> Value {
    if bytes.len() > 8 {
        return Value::Big(Rc::from(bytes));
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(&bytes);
    Value::Int(i64::from_le_bytes(wide))
}
