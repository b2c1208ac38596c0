//! One Luau machine per thread, with walls: nothing but pure functions in its environment, an end to
//! its memory, and an end to its time, also inside of pattern matching and across `pcall`.
//!
//! Luau was chosen because its pattern matcher and its C functions ask the interrupt too; the hook of
//! Lua 5.4 does not stop a pattern. A machine that met a limit is thrown away, so that the next
//! document finds a fresh one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, LuaSerdeExt, StdLib, Table, Value as LuaValue, VmState};

use serde_json::Value as Json;

use super::{Program, convert};
use crate::model::{Digest, Object};
use crate::transform::{Facts, Refusal};

/// How long one call may run, by the clock on the wall: far above what a document needs, so that a
/// busy machine refuses none.
const CALL_MS_MAX: u64 = 250;
/// What one thread's machine may hold.
const MACHINE_BYTES_MAX: usize = 32 << 20;
/// Compiled scripts kept in one machine; catalogs have fewer, and a console that reloads them
/// forgets the old ones.
const SCRIPTS_KEPT_MAX: usize = 256;
/// The clock is read once in so many interrupts, each of which is a call or a turn of a loop.
const INTERRUPTS_PER_LOOK: u32 = 32;

thread_local! {
    static MACHINE: RefCell<Option<Machine>> = const { RefCell::new(None) };
}

/// The clock that ends a call.
struct Watch {
    started: Instant,
    deadline_us: AtomicU64,
    interrupts: AtomicU32,
    /// Once the time is over every interrupt raises, so that `pcall` cannot go on.
    is_over: AtomicBool,
}

struct Machine {
    lua: Lua,
    watch: Arc<Watch>,
    environment: Table,
    loaded: HashMap<Digest, Function>,
}

/// Why a call came to nothing.
enum Stop {
    /// The script's own error.
    Script(String),
    /// A limit: the machine is not to be used again.
    Limit(String),
}

/// Runs the text of a program once, to see that it returns a function.
pub(super) fn check(program: &Program) -> Result<(), String> {
    with_machine(|machine| machine.function(program).map(|_| ()))
}

/// Calls a program on one object and reads its result.
pub(super) fn call<R>(
    program: &Program,
    object: &mut Object<'_>,
    facts: &Facts<'_>,
    field: &str,
    read: &dyn Fn(LuaValue) -> Result<R, String>,
) -> Result<R, Refusal> {
    let mut refusal = None;
    let result = with_machine(|machine| {
        let function = machine.function(program)?;
        let inputs = match convert::inputs(&machine.lua, program, object) {
            Ok(inputs) => inputs,
            Err(found) => {
                refusal = Some(found);
                return Err(Stop::Script(String::new()));
            }
        };
        let result: mlua::Result<LuaValue> = if function.info().num_params > 1 {
            machine.facts(facts).and_then(|facts| function.call((inputs, facts)))
        } else {
            function.call(inputs)
        };
        let result = result.map_err(|error| machine.stop(&error))?;
        read(result).map_err(Stop::Script)
    });
    result.map_err(|reason| refusal.unwrap_or_else(|| Refusal::new(field, reason)))
}

/// Calls a program on a list of values and reads the list that it returns.
pub(super) fn call_list(program: &Program, items: &[Json]) -> Result<Vec<String>, String> {
    with_machine(|machine| {
        let function = machine.function(program)?;
        let list = convert::list(&machine.lua, items, program.big_numbers).map_err(Stop::Script)?;
        let result = function.call(list).map_err(|error| machine.stop(&error))?;
        convert::to_list(&result).map_err(Stop::Script)
    })
}

/// Lends this thread's machine; one that met a limit is thrown away.
fn with_machine<R>(act: impl FnOnce(&mut Machine) -> Result<R, Stop>) -> Result<R, String> {
    MACHINE.with(|slot| {
        let mut slot = slot.borrow_mut();
        if slot.is_none() {
            let made = Machine::new();
            *slot =
                Some(made.map_err(|error| format!("the script machine cannot start: {error}"))?);
        }
        let machine = slot.as_mut().expect("it was made if there was none");
        machine.watch.start();
        match act(machine) {
            Ok(result) => Ok(result),
            Err(Stop::Script(reason)) => Err(reason),
            Err(Stop::Limit(reason)) => {
                *slot = None;
                Err(reason)
            }
        }
    })
}

impl Watch {
    fn start(&self) {
        let now = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.deadline_us.store(now.saturating_add(CALL_MS_MAX * 1_000), Ordering::Relaxed);
        self.is_over.store(false, Ordering::Relaxed);
    }

    fn look(&self) -> bool {
        if self.is_over.load(Ordering::Relaxed) {
            return true;
        }
        let interrupts = self.interrupts.fetch_add(1, Ordering::Relaxed);
        if !interrupts.is_multiple_of(INTERRUPTS_PER_LOOK) {
            return false;
        }
        let deadline = Duration::from_micros(self.deadline_us.load(Ordering::Relaxed));
        let is_over = self.started.elapsed() > deadline;
        self.is_over.store(is_over, Ordering::Relaxed);
        is_over
    }
}

impl Machine {
    fn new() -> mlua::Result<Self> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::UTF8 | StdLib::BIT | StdLib::MATH;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        lua.set_memory_limit(MACHINE_BYTES_MAX)?;
        let watch = Arc::new(Watch {
            started: Instant::now(),
            deadline_us: AtomicU64::new(u64::MAX),
            interrupts: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
        });
        let environment = environment(&lua)?;
        lua.sandbox(true)?;
        let clock = Arc::clone(&watch);
        lua.set_interrupt(move |_| {
            if clock.look() {
                return Err(mlua::Error::runtime("the time of the call is over"));
            }
            Ok(VmState::Continue)
        });
        Ok(Self { lua, watch, environment, loaded: HashMap::new() })
    }

    /// The function a program returns. Its text runs anew for every document, so that nothing it
    /// keeps in its own variables outlives one.
    fn function(&mut self, program: &Program) -> Result<Function, Stop> {
        if !self.loaded.contains_key(&program.digest) {
            if self.loaded.len() >= SCRIPTS_KEPT_MAX {
                self.loaded.clear();
            }
            let chunk = self.lua.load(&program.bytecode[..]);
            let chunk = chunk.set_name("=script").set_mode(ChunkMode::Binary);
            let chunk = chunk.set_environment(self.environment.clone()).into_function();
            let chunk = chunk.map_err(|error| self.stop(&error))?;
            self.loaded.insert(program.digest, chunk);
        }
        let returned: LuaValue =
            self.loaded[&program.digest].call(()).map_err(|error| self.stop(&error))?;
        match returned {
            LuaValue::Function(function) => Ok(function),
            other => {
                let found = other.type_name();
                let reason = format!(
                    "the script returns {found}, and a function is needed: return function(i) … end"
                );
                Err(Stop::Script(reason))
            }
        }
    }

    fn facts(&self, facts: &Facts<'_>) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(0, 4)?;
        table.raw_set("key", self.lua.create_string(facts.key.as_bytes())?)?;
        table.raw_set("version", facts.version.to_string())?;
        table.raw_set("environment", facts.frozen.environment.as_deref())?;
        table.raw_set("now", facts.frozen.now.as_str())?;
        Ok(table)
    }

    /// What an error of the machine means.
    fn stop(&self, error: &mlua::Error) -> Stop {
        if self.watch.is_over.load(Ordering::Relaxed) {
            return Stop::Limit(format!("the script did not end within {CALL_MS_MAX} ms"));
        }
        match error {
            mlua::Error::MemoryError(_) => {
                let megabytes = MACHINE_BYTES_MAX >> 20;
                Stop::Limit(format!("the script needs more than {megabytes} MiB of memory"))
            }
            mlua::Error::CallbackError { cause, .. } => self.stop(cause),
            mlua::Error::RuntimeError(message) | mlua::Error::SyntaxError { message, .. } => {
                let first = message.lines().next().unwrap_or_default().to_owned();
                if first.contains("not enough memory") || first.contains("stack overflow") {
                    return Stop::Limit(first);
                }
                Stop::Script(first)
            }
            other => Stop::Limit(other.to_string()),
        }
    }
}

/// What a script sees by name: functions of their arguments alone, read-only.
fn environment(lua: &Lua) -> mlua::Result<Table> {
    const NAMES: [&str; 25] = [
        "assert",
        "bit32",
        "error",
        "getmetatable",
        "ipairs",
        "math",
        "next",
        "pairs",
        "pcall",
        "rawequal",
        "rawget",
        "rawlen",
        "rawset",
        "select",
        "setmetatable",
        "string",
        "table",
        "tonumber",
        "type",
        "typeof",
        "unpack",
        "utf8",
        "xpcall",
        "_VERSION",
        "buffer",
    ];
    let globals = lua.globals();
    let math: Table = globals.get("math")?;
    for name in ["random", "randomseed", "noise"] {
        math.raw_set(name, LuaValue::Nil)?;
    }
    let environment = lua.create_table()?;
    for name in NAMES {
        environment.raw_set(name, globals.raw_get::<LuaValue>(name)?)?;
    }
    // The machine's own would show where a table stands in memory, which is another place each time.
    let text_of = lua.create_function(|lua, value: LuaValue| match &value {
        LuaValue::Table(_) | LuaValue::Function(_) => lua.create_string(value.type_name()),
        _ => lua.create_string(value.to_string()?),
    })?;
    environment.raw_set("tostring", text_of)?;
    environment.raw_set("null", LuaValue::NULL)?;
    // Marks a table as a list, so that an empty one is written as [].
    let array = lua.create_function(|lua, table: Table| {
        table.set_metatable(Some(lua.array_metatable()))?;
        Ok(table)
    })?;
    environment.raw_set("array", array)?;
    environment.set_readonly(true);
    Ok(environment)
}
