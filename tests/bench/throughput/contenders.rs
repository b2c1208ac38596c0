//! Those who change the documents of a round, each in its own way.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Instant;

use redis::{Connection, Pipeline, Value};
use remold::engine::Judge;
use remold::model::{Document, Key, Storage};
use semver::Version;

use crate::Arena;
use crate::data::Kind;
use crate::measure::connect;

/// Connections that the floor reads and writes over.
const FLOOR_WORKERS: usize = 2;
/// Keys that the floor has under way on one connection.
const FLOOR_KEYS: u64 = 500;

/// One of those who are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    Run,
    Floor,
    Lua,
    Python,
}

impl Contender {
    pub const ALL: [Self; 4] = [Self::Run, Self::Floor, Self::Lua, Self::Python];

    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Floor => "floor",
            Self::Lua => "lua",
            Self::Python => "python",
        }
    }

    /// Changes every document. Answers the seconds it took; `None` when it is not on this machine.
    pub fn work(self, arena: &Arena) -> Option<f64> {
        let began = Instant::now();
        match self {
            Self::Run => return Some(arena.run()),
            Self::Floor => floor(arena),
            Self::Lua => lua(arena),
            Self::Python if !has_redis_py() => return None,
            Self::Python => python(arena),
        }
        Some(began.elapsed().as_secs_f64())
    }
}

/// One connection scans; each of two others reads, transforms and writes pages of keys.
fn floor(arena: &Arena) {
    let judge = Judge::new(&arena.plan).expect("compiles");
    let (pages, inbox) = sync_channel::<Vec<Vec<u8>>>(4);
    let inbox = Mutex::new(inbox);
    let done: u64 = thread::scope(|scope| {
        let workers: Vec<_> = (0..FLOOR_WORKERS)
            .map(|_| scope.spawn(|| floor_worker(arena, &judge, &inbox)))
            .collect();
        let mut connection = connect(arena.server.url());
        let mut cursor = 0_u64;
        loop {
            let (next, names): (u64, Vec<Vec<u8>>) = redis::cmd("SCAN")
                .arg(cursor)
                .arg(&["MATCH", "user:*", "COUNT"])
                .arg(FLOOR_KEYS)
                .query(&mut connection)
                .expect("SCAN");
            pages.send(names).expect("the workers listen");
            cursor = next;
            if cursor == 0 {
                break;
            }
        }
        drop(pages);
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    });
    assert_eq!(done, arena.data.keys);
}

fn floor_worker(arena: &Arena, judge: &Judge, inbox: &Mutex<Receiver<Vec<Vec<u8>>>>) -> u64 {
    let mut connection = connect(arena.server.url());
    let mut done = 0;
    loop {
        let page = inbox.lock().expect("no panic").recv();
        let Ok(names) = page else { return done };
        if names.is_empty() {
            continue;
        }
        done += names.len() as u64;
        match arena.data.kind {
            Kind::Hashes => floor_hashes(judge, names, &mut connection),
            Kind::Strings | Kind::Small => floor_strings(judge, names, &mut connection),
        }
    }
}

const SOURCE: Version = Version::new(1, 0, 0);

fn floor_strings(judge: &Judge, names: Vec<Vec<u8>>, connection: &mut Connection) {
    let mut read = redis::cmd("MGET");
    for name in &names {
        read.arg(name);
    }
    let texts: Vec<Value> = read.query(connection).expect("MGET");
    let mut write = Pipeline::with_capacity(names.len());
    for (name, text) in names.into_iter().zip(texts) {
        let Value::BulkString(text) = text else { continue };
        let key = Key::from(name);
        let mut document = Document::from_json(&text, Storage::String).expect("a document");
        judge.apply(&SOURCE, &key, &mut document, &mut |_, _, _| {}).expect("it fits");
        let after = document.to_json();
        write.cmd("SET").arg(key.as_bytes()).arg(after).arg("KEEPTTL").ignore();
    }
    write.exec(connection).expect("SET");
}

fn floor_hashes(judge: &Judge, names: Vec<Vec<u8>>, connection: &mut Connection) {
    let mut read = Pipeline::with_capacity(names.len());
    for name in &names {
        read.cmd("HGETALL").arg(name);
    }
    let hashes: Vec<Vec<(Vec<u8>, Vec<u8>)>> = read.query(connection).expect("HGETALL");
    let mut write = Pipeline::with_capacity(2 * names.len());
    for (name, fields) in names.into_iter().zip(hashes) {
        let key = Key::from(name);
        let fields = fields.iter().map(|(name, value)| (&name[..], &value[..]));
        let before = Document::from_hash(fields);
        let mut document = before.clone();
        judge.apply(&SOURCE, &key, &mut document, &mut |_, _, _| {}).expect("it fits");
        let (mut set, mut gone) = (Vec::new(), Vec::new());
        for change in document.hash_delta(&before).expect("a hash holds it") {
            match change.after {
                Some(after) => set.push((change.name, after)),
                None => gone.push(change.name),
            }
        }
        write.cmd("HSET").arg(key.as_bytes()).arg(set).ignore();
        write.cmd("HDEL").arg(key.as_bytes()).arg(gone).ignore();
    }
    write.exec(connection).expect("HSET");
}

const LUA_STRINGS: &str = r"
for i = 1, #KEYS do
  local text = redis.call('GET', KEYS[i])
  if text then
    local doc = cjson.decode(text)
    doc.fullName = doc.userName
    doc.userName = nil
    local first, last = string.match(doc.fullName, '^(%S+) (.*)$')
    doc.firstName, doc.lastName, doc.fullName = first, last, nil
    redis.call('SET', KEYS[i], cjson.encode(doc), 'KEEPTTL')
  end
end
return #KEYS";

const LUA_HASHES: &str = r"
for i = 1, #KEYS do
  local name = redis.call('HGET', KEYS[i], 'userName')
  if name then
    local first, last = string.match(name, '^(%S+) (.*)$')
    redis.call('HSET', KEYS[i], 'firstName', first, 'lastName', last)
    redis.call('HDEL', KEYS[i], 'userName')
  end
end
return #KEYS";

fn lua(arena: &Arena) {
    let mut connection = connect(arena.server.url());
    let script = match arena.data.kind {
        Kind::Hashes => redis::Script::new(LUA_HASHES),
        Kind::Strings | Kind::Small => redis::Script::new(LUA_STRINGS),
    };
    let keys = arena.data.keys;
    for start in (0..keys).step_by(200) {
        let mut call = script.prepare_invoke();
        for at in start..keys.min(start + 200) {
            call.key(format!("user:{at}"));
        }
        let _: u64 = call.invoke(&mut connection).expect("the script runs");
    }
}

const PYTHON: &str = r"
import json, sys, redis
r = redis.Redis(unix_socket_path=sys.argv[1])
def strings(keys):
    pipe = r.pipeline(transaction=False)
    for key, text in zip(keys, r.mget(keys)):
        doc = json.loads(text)
        first, last = doc.pop('userName').split(' ', 1)
        doc['firstName'], doc['lastName'] = first, last
        pipe.set(key, json.dumps(doc), keepttl=True)
    pipe.execute()
def hashes(keys):
    pipe = r.pipeline(transaction=False)
    for key in keys:
        pipe.hgetall(key)
    docs = pipe.execute()
    for key, doc in zip(keys, docs):
        first, last = doc[b'userName'].split(b' ', 1)
        pipe.hset(key, mapping={'firstName': first, 'lastName': last})
        pipe.hdel(key, 'userName')
    pipe.execute()
flush = hashes if sys.argv[2] == 'hashes' else strings
keys = []
for key in r.scan_iter(match='user:*', count=1000):
    keys.append(key)
    if len(keys) == 1000:
        flush(keys); keys = []
if keys: flush(keys)
";

fn has_redis_py() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import redis"]).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

fn python(arena: &Arena) {
    let socket = arena.server.url().strip_prefix("unix://").expect("a private server's URL");
    let kind = if arena.data.kind == Kind::Hashes { "hashes" } else { "strings" };
    let status = Command::new("python3").args(["-c", PYTHON, socket, kind]).status();
    assert!(status.is_ok_and(|status| status.success()), "the script of redis-py runs");
}
