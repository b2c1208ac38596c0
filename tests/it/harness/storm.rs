//! A storm: writers that change, expire, delete and re-create random keys, and remember exactly what
//! must stand in the end.
//!
//! Each key has one writer, so its history is a sequence that is known; every write carries a counter
//! or a name of its own. A document is `{"n":N,"name":"B"}` before the migration and
//! `{"n":N,"title":"B-x"}` after it, exactly: a lost write shows in `N`, `B`, the expiry or the key's
//! absence, a second transformation in the title. Writers write the old form, as applications do that
//! do not know of the migration yet, so a key may be of either form in the end.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::{ConnectionLike, ErrorKind, RedisError, RedisResult};
use serde_json::{Value as Json, json};

use super::snapshot::{Content, Entry, Snapshot};
use super::witness::Witness;

/// Adds 1 to the counter of a document of either form. Answers 1, 0 for no such key, and -1 for a
/// text that is no document.
const COUNT: &str = r#"
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local head, count, tail = string.match(text, '^(.*"n":)(%d+)(.*)$')
if not head then return -1 end
redis.call('SET', KEYS[1], head .. string.format('%d', count + 1) .. tail, 'KEEPTTL')
return 1"#;

const DAY_MS: i64 = 86_400_000;
/// How far a writer's clock may be from the moment at which the server took a command.
const SLACK_MS: i64 = 2_000;

/// How hard it blows.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// The keys: `doc:0` and so on.
    pub keys: usize,
    /// Operations of all writers together.
    pub ops_per_second: u32,
    /// Connections.
    pub writers: usize,
    pub seed: u64,
}

/// What a writer knows of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc {
    n: u64,
    base: String,
    /// Unix milliseconds; -1 is never, as `PEXPIRETIME` says it.
    expires_at_ms: i64,
}

/// What may stand under a key: one state, or several after an error that left it open.
pub type States = Vec<Option<Doc>>;

/// What must stand when the storm is over.
#[derive(Debug)]
pub struct Aftermath {
    states: Vec<States>,
    /// Operations that were acknowledged.
    pub ops: u64,
    /// Operations that ended in an error, of which it is not known whether they were done.
    pub unknown: u64,
    /// Operations that were acknowledged and that Redis lost at a failover.
    pub lost_by_redis: u64,
    /// What a writer saw that cannot be.
    pub wrong: Vec<String>,
}

/// What stands, held against what must.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Documents in the new form.
    pub migrated: usize,
    /// Documents in the old form: written by an application after their key's turn.
    pub old: usize,
    /// Keys that are not there, as must be.
    pub absent: usize,
    /// Keys whose last acknowledged write does not stand, in words.
    pub lost: Vec<String>,
}

impl Storm {
    /// Writes every document in the old form; every fifth expires on another day.
    pub fn fill(&self, connection: &mut redis::Connection) {
        for start in (0..self.keys).step_by(2_000) {
            let mut pipeline = redis::Pipeline::new();
            for at in start..self.keys.min(start + 2_000) {
                pipeline.add_command(Doc::first(at).written(at)).ignore();
            }
            pipeline.exec(connection).expect("filled");
        }
    }

    /// The same on a cluster: one document after the other.
    pub fn fill_each(&self, connection: &mut impl ConnectionLike) {
        for at in 0..self.keys {
            Doc::first(at).written(at).exec(connection).expect("filled");
        }
    }

    /// Blows until `stop`. `connect` makes a connection, also anew after an error.
    pub fn blow<C: ConnectionLike>(
        &self,
        connect: &(impl Fn() -> C + Sync),
        stop: &AtomicBool,
    ) -> Aftermath {
        self.blow_on(connect, stop, None)
    }

    /// Blows until `stop` on a cluster whose primary of the slots `dying` will die. What Redis itself
    /// loses by that is counted, and no other loss is allowed.
    pub fn blow_on<C: ConnectionLike>(
        &self,
        connect: &(impl Fn() -> C + Sync),
        stop: &AtomicBool,
        dying: Option<&Range<u16>>,
    ) -> Aftermath {
        let parts: Vec<Writer> = thread::scope(|scope| {
            let start = |first: usize| {
                let witness = dying.map(|slots| Witness::new(slots.clone(), first));
                let writer = Writer { witness, ..Writer::new(*self, first) };
                scope.spawn(move || writer.work(connect, stop))
            };
            let writers: Vec<_> = (0..self.writers).map(start).collect();
            writers.into_iter().map(|writer| writer.join().expect("no panic")).collect()
        });
        let mut whole = Aftermath {
            states: vec![Vec::new(); self.keys],
            ops: 0,
            unknown: 0,
            lost_by_redis: 0,
            wrong: Vec::new(),
        };
        for part in parts {
            whole.ops += part.ops;
            whole.unknown += part.unknown;
            whole.lost_by_redis += part.witness.map_or(0, |witness| witness.lost);
            whole.wrong.extend(part.wrong);
            for (at, states) in part.states.into_iter().enumerate() {
                whole.states[part.first + at * self.writers] = states;
            }
        }
        whole
    }

    /// Writes the catalog of the storm's documents into `folder`; its one step cannot be applied
    /// twice without being seen.
    pub fn catalog(folder: &Path) {
        let write = |name: &str, json: Json| {
            std::fs::write(folder.join(name), json.to_string()).expect("a file");
        };
        let schema = |version: &str, text: &str| {
            json!({"version": version, "keyPattern": "doc:*", "storage": "string",
                   "fields": {"n": {"type": "integer", "required": true},
                              text: {"type": "string", "required": true}}})
        };
        write("1.json", schema("1.0.0", "name"));
        write("2.json", schema("2.0.0", "title"));
        write(
            "migrations.json",
            json!({"subject": "doc", "migrations": {"grow": {
                "source": "1.0.0", "target": "2.0.0", "strategy": "direct",
                "transforms": [
                    {"type": "addField", "field": "mark", "defaultValue": "x"},
                    {"type": "mergeFields", "from": ["name", "mark"], "to": "title",
                     "separator": "-"}]}}}),
        );
    }
}

impl Doc {
    /// What stands under the key before the storm.
    fn first(at: usize) -> Self {
        let expires_at_ms = if at.is_multiple_of(5) { DAY_MS * 365 * 80 + number(at) } else { -1 };
        Self { n: 0, base: format!("doc {at}"), expires_at_ms }
    }

    fn written(&self, at: usize) -> redis::Cmd {
        let mut command = redis::cmd("SET");
        command.arg(name(at)).arg(self.old_form());
        if self.expires_at_ms >= 0 {
            command.arg("PXAT").arg(self.expires_at_ms);
        }
        command
    }

    fn old_form(&self) -> String {
        format!(r#"{{"n":{},"name":"{}"}}"#, self.n, self.base)
    }

    fn new_form(&self) -> String {
        format!(r#"{{"n":{},"title":"{}-x"}}"#, self.n, self.base)
    }

    fn may_be_gone(&self, now_ms: i64) -> bool {
        (0..now_ms + SLACK_MS).contains(&self.expires_at_ms)
    }
}

impl Aftermath {
    /// Holds the keyspace against what must stand. Everything that was to expire soon must have
    /// expired: wait until [`Aftermath::calm_at_ms`] first.
    pub fn judge(&self, snapshot: &Snapshot) -> Verdict {
        self.judge_late(snapshot, 0)
    }

    /// The same where slots were migrated: `MIGRATE` carries the time left and not the time, so an
    /// expiry may be late by what the way took, up to `way_ms`.
    pub fn judge_late(&self, snapshot: &Snapshot, way_ms: i64) -> Verdict {
        let mut verdict = Verdict::default();
        let now = now_ms();
        for (at, states) in self.states.iter().enumerate() {
            let stands = snapshot.keys.get(name(at).as_bytes());
            let form = states.iter().find_map(|state| form(state.as_ref(), stands, now, way_ms));
            match form {
                Some(Form::Absent) => verdict.absent += 1,
                Some(Form::Old) => verdict.old += 1,
                Some(Form::New) => verdict.migrated += 1,
                None => {
                    let stands = stands.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                    verdict.lost.push(format!("{}: {stands}, expected {states:?}", name(at)));
                }
            }
        }
        verdict
    }

    /// When the last of the keys that were to expire soon is gone, in Unix milliseconds.
    pub fn calm_at_ms(&self) -> i64 {
        let soon = now_ms() + DAY_MS / 2;
        let docs = self.states.iter().flatten().flatten();
        docs.map(|doc| doc.expires_at_ms).filter(|at| *at < soon).max().unwrap_or(0)
    }

    /// Waits until [`Aftermath::calm_at_ms`].
    pub fn wait_for_calm(&self) {
        let left = self.calm_at_ms() + 1 - now_ms();
        thread::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0)));
    }
}

/// In which form a key is what it must be.
enum Form {
    Absent,
    Old,
    New,
}

/// The form in which `stands` is what `state` says; `None` when it is not.
fn form(state: Option<&Doc>, stands: Option<&Entry>, now_ms: i64, way_ms: i64) -> Option<Form> {
    match (state, stands) {
        (None, None) => Some(Form::Absent),
        (Some(doc), None) => (0..now_ms).contains(&doc.expires_at_ms).then_some(Form::Absent),
        (Some(doc), Some(Entry { content: Content::Bytes(text), expires_at_ms, .. })) => {
            let forms = [(doc.old_form(), Form::Old), (doc.new_form(), Form::New)];
            let mut fitting = forms.into_iter().filter(|(it, _)| it.as_bytes() == text);
            let late = *expires_at_ms - doc.expires_at_ms;
            let same_expiry = late == 0 || (doc.expires_at_ms >= 0 && (0..way_ms).contains(&late));
            fitting.next().map(|(_, form)| form).filter(|_| same_expiry)
        }
        (_, Some(_)) => None,
    }
}

/// One connection and the keys it alone writes: every `writers`-th from `first` on.
struct Writer {
    first: usize,
    stride: usize,
    states: Vec<States>,
    pause: Duration,
    random: u64,
    ops: u64,
    unknown: u64,
    wrong: Vec<String>,
    /// Where a primary dies.
    witness: Option<Witness>,
}

/// What a writer does to a key.
enum Op {
    Count,
    Write(Doc),
    Expire(i64),
    Delete,
}

impl Writer {
    fn new(storm: Storm, first: usize) -> Self {
        let own = (first..storm.keys).step_by(storm.writers);
        Self {
            first,
            stride: storm.writers,
            states: own.map(|at| vec![Some(Doc::first(at))]).collect(),
            pause: Duration::from_secs_f64(
                f64::from(u32::try_from(storm.writers).expect("few"))
                    / f64::from(storm.ops_per_second),
            ),
            random: (storm.seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (first as u64 + 1),
            ops: 0,
            unknown: 0,
            wrong: Vec::new(),
            witness: None,
        }
    }

    fn work<C: ConnectionLike>(mut self, connect: &impl Fn() -> C, stop: &AtomicBool) -> Self {
        let mut connection = connect();
        let began = Instant::now();
        let mut due = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            // The pace is kept on average: who was held up makes up for it.
            due += self.pause;
            thread::sleep(due.saturating_sub(began.elapsed()));
            let own = self.below(self.states.len());
            let key = name(self.at(own));
            let mut witness = self.witness.take_if(|witness| witness.is_for(&key));
            if witness.as_mut().is_none_or(|it| it.is_served(&mut connection, &mut self.states)) {
                let before = self.states[own].clone();
                let is_acknowledged = self.turn(&mut connection, connect, own);
                if let Some(witness) = &mut witness {
                    let number = self.ops + self.unknown;
                    let write = is_acknowledged.map(|_| (number, own, before));
                    witness.note(&mut connection, write, is_acknowledged == Some(true));
                }
            }
            self.witness = self.witness.or(witness);
        }
        self
    }

    /// Does something to a key. Answers whether it was acknowledged, which may not be known; `None`
    /// when it was refused.
    fn turn<C: ConnectionLike>(
        &mut self,
        connection: &mut C,
        connect: &impl Fn() -> C,
        own: usize,
    ) -> Option<bool> {
        let op = self.choose(own);
        match self.carry_out(connection, own, &op) {
            Ok(()) => Some(true),
            Err(error) if was_not_done(&error) => None,
            Err(_) => {
                self.unknown += 1;
                let before = self.states[own].clone();
                self.apply(own, &op, 1);
                self.states[own].extend(before);
                *connection = connect();
                Some(false)
            }
        }
    }

    fn choose(&mut self, own: usize) -> Op {
        let gone = self.states[own].iter().all(Option::is_none);
        let dice = self.below(20);
        let now = now_ms();
        if gone || dice < 4 {
            // A new text each time, and a counter that begins with the number of the write.
            let at = self.at(own);
            let expires_at_ms =
                if dice.is_multiple_of(2) { now + DAY_MS + number(self.below(1_000)) } else { -1 };
            return Op::Write(Doc {
                n: self.ops + self.unknown,
                base: format!("doc {at} again {}", self.ops + self.unknown),
                expires_at_ms,
            });
        }
        match dice {
            4..7 => Op::Expire(now + DAY_MS + number(self.below(1_000))),
            7 => Op::Expire(now + 20 + number(self.below(200))),
            8..10 => Op::Delete,
            _ => Op::Count,
        }
    }

    fn carry_out<C: ConnectionLike>(
        &mut self,
        connection: &mut C,
        own: usize,
        op: &Op,
    ) -> RedisResult<()> {
        let at = self.at(own);
        let answer: i64 = match op {
            Op::Count => redis::cmd("EVAL").arg(COUNT).arg(1).arg(name(at)).query(connection)?,
            Op::Write(doc) => doc.written(at).query(connection).map(|()| 1)?,
            Op::Expire(at_ms) => {
                redis::cmd("PEXPIREAT").arg(name(at)).arg(*at_ms).query(connection)?
            }
            Op::Delete => redis::cmd("DEL").arg(name(at)).query(connection)?,
        };
        self.ops += 1;
        self.compare(own, op, answer);
        self.apply(own, op, answer);
        Ok(())
    }

    /// Notes an answer that no history allows.
    fn compare(&mut self, own: usize, op: &Op, answer: i64) {
        if matches!(op, Op::Write(_)) {
            return;
        }
        let now = now_ms();
        let allowed = self.states[own].iter().any(|state| match state {
            None => answer == 0,
            Some(doc) if doc.may_be_gone(now) => answer == 0 || answer == 1,
            Some(_) => answer == 1,
        });
        if !allowed {
            let (at, states) = (self.at(own), &self.states[own]);
            self.wrong.push(format!("{}: answered {answer}, known was {states:?}", name(at)));
        }
    }

    /// What stands after `op` was answered with `answer`.
    fn apply(&mut self, own: usize, op: &Op, answer: i64) {
        let states = &mut self.states[own];
        match op {
            Op::Write(doc) => *states = vec![Some(doc.clone())],
            Op::Delete => *states = vec![None],
            Op::Count | Op::Expire(_) if answer == 0 => *states = vec![None],
            Op::Count | Op::Expire(_) => {
                states.retain(Option::is_some);
                for doc in states.iter_mut().flatten() {
                    match op {
                        Op::Expire(at_ms) => doc.expires_at_ms = *at_ms,
                        _ => doc.n += 1,
                    }
                }
            }
        }
    }

    fn at(&self, own: usize) -> usize {
        self.first + own * self.stride
    }

    /// A number below `end` (xorshift).
    fn below(&mut self, end: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % end as u64).expect("below a usize")
    }
}

/// Whether nobody took the command: of a cluster that has no primary for the slot.
fn was_not_done(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Client || error.code() == Some("CLUSTERDOWN")
}

fn name(at: usize) -> String {
    format!("doc:{at}")
}

fn number(at: usize) -> i64 {
    i64::try_from(at).expect("small")
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("before the year 292 million")
}
