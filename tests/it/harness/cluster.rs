//! A Redis Cluster of one test's own: real processes on free ports, formed by hand.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, ErrorKind, FromRedisValue, RedisResult, Value};
use remold::store::local::{LocalOptions, free_port};

use super::{Snapshot, TestServer};

const SLOTS: u16 = 16_384;
const PRIMARIES: u16 = 3;
/// Forming takes about two seconds on a free machine.
const READY_SECONDS_MAX: u64 = 60;
const POLL: Duration = Duration::from_millis(20);

/// Three primaries, and for each a replica where one was asked for. All end on drop.
pub struct TestCluster {
    nodes: Vec<TestServer>,
}

impl TestCluster {
    /// Three primaries. They are patient with each other: on a loaded machine a short silence is no
    /// failure.
    pub fn start() -> Self {
        Self::form(false, 15_000)
    }

    /// Three primaries and three replicas, which take over soon after a primary is silent.
    pub fn with_replicas() -> Self {
        Self::form(true, 2_500)
    }

    fn form(replicas: bool, timeout_ms: u64) -> Self {
        let count = if replicas { 2 * PRIMARIES } else { PRIMARIES };
        let nodes: Vec<TestServer> = (0..count).map(|_| node(timeout_ms)).collect();
        let cluster = Self { nodes };
        let share = SLOTS / PRIMARIES + 1;
        for at in 0..PRIMARIES {
            let last = (share * (at + 1)).min(SLOTS) - 1;
            cluster.tell(at, &["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
            let range = [&(share * at).to_string(), &last.to_string()];
            cluster.tell(at, &["CLUSTER", "ADDSLOTSRANGE", range[0], range[1]]);
        }
        let first = cluster.port(0).to_string();
        for at in 1..count {
            let bus = cluster.bus_port(0);
            cluster.tell(at, &["CLUSTER", "MEET", "127.0.0.1", &first, &bus]);
        }
        let all = format!("cluster_known_nodes:{count}");
        cluster.wait("all nodes know each other", |it| {
            (0..count).all(|at| it.info(at, "cluster").contains(&all))
        });
        for at in PRIMARIES..count {
            let primary = cluster.id(at - PRIMARIES);
            cluster.wait("the replica knows its primary's slots", |it| {
                it.try_tell::<Value>(at, &["CLUSTER", "REPLICATE", &primary]).is_ok()
            });
        }
        cluster.wait("the cluster serves all slots", |it| {
            (0..count).all(|at| {
                let info = it.info(at, "cluster");
                info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384")
            })
        });
        cluster.wait("the replicas follow", |it| {
            (PRIMARIES..count)
                .all(|at| it.info(at, "replication").contains("master_link_status:up"))
        });
        cluster
    }

    /// The URL of one node: remold finds the others.
    pub fn url(&self) -> &str {
        self.nodes[0].url()
    }

    /// The URL of the node at this place: the primaries first, then the replicas.
    pub fn url_of(&self, at: u16) -> &str {
        self.nodes[usize::from(at)].url()
    }

    /// A raw connection to one node.
    pub fn node(&self, at: u16) -> Connection {
        self.nodes[usize::from(at)].connect()
    }

    /// A client that finds the nodes by itself.
    pub fn connect(&self) -> ClusterClient {
        let ports = (0..self.nodes.len()).map(|at| self.nodes[at].local().port()).map(some_port);
        ClusterClient { ports: ports.collect(), connections: BTreeMap::new(), map: BTreeMap::new() }
    }

    /// Every key of every primary that answers.
    pub fn snapshot(&self) -> Snapshot {
        let mut whole = Snapshot { keys: BTreeMap::new() };
        for at in self.primaries() {
            whole.keys.extend(Snapshot::take(&mut self.node(at)).keys);
        }
        whole
    }

    /// The nodes that answer and call themselves primaries with slots.
    pub fn primaries(&self) -> Vec<u16> {
        let is_primary = |at: &u16| {
            let nodes = self.try_tell(*at, &["CLUSTER", "NODES"]);
            nodes.is_ok_and(|text: Value| {
                let text: String = redis::from_redis_value(text).expect("a text");
                let own = text.lines().find(|line| line.contains("myself")).expect("a line");
                own.contains("master") && own.split(' ').count() > 8
            })
        };
        let count = u16::try_from(self.nodes.len()).expect("few nodes");
        (0..count).filter(is_primary).collect()
    }

    /// Moves slots from one node to another, as `redis-cli --cluster reshard` does: opened on both
    /// sides, its keys moved a few at a time, closed.
    pub fn migrate_slots(&self, slots: impl Iterator<Item = u16>, from: u16, to: u16) {
        let (source, target) = (self.id(from), self.id(to));
        let port = self.port(to).to_string();
        let (mut give, mut take) = (self.node(from), self.node(to));
        for slot in slots {
            let slot = slot.to_string();
            ask(&mut take, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
            ask(&mut give, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
            loop {
                let keys: Vec<Vec<u8>> = redis::cmd("CLUSTER")
                    .arg("GETKEYSINSLOT")
                    .arg(&slot)
                    .arg(10)
                    .query(&mut give)
                    .expect("answered");
                if keys.is_empty() {
                    break;
                }
                let mut migrate = redis::cmd("MIGRATE");
                migrate.arg("127.0.0.1").arg(&port).arg("").arg(0).arg(10_000).arg("KEYS");
                migrate.arg(keys);
                let _: Value = migrate.query(&mut give).expect("moved");
            }
            // The target first, so that no moment has the slot without an owner; then everybody.
            ask(&mut take, &["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
            ask(&mut give, &["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
            for at in (0..PRIMARIES).filter(|at| *at != from && *at != to) {
                self.tell(at, &["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
            }
        }
    }

    /// Opens a slot on both sides without moving anything.
    pub fn open_slot(&self, slot: u16, from: u16, to: u16) {
        let (source, target, slot) = (self.id(from), self.id(to), slot.to_string());
        self.tell(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
        self.tell(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
    }

    /// Takes [`TestCluster::open_slot`] back.
    pub fn close_slot(&self, slot: u16, from: u16, to: u16) {
        for at in [to, from] {
            self.tell(at, &["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]);
        }
    }

    /// Kills a node as `kill -9` does.
    pub fn kill(&self, at: u16) {
        let info = self.info(at, "server");
        let id = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("its id");
        let killed = std::process::Command::new("kill").args(["-KILL", id.trim()]).status();
        assert!(killed.expect("kill runs").success());
    }

    /// Waits until the replica of a primary that was killed has taken over.
    pub fn wait_for_failover(&self, at: u16) {
        self.wait("the replica takes over", |it| it.primaries().contains(&(at + PRIMARIES)));
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn wait(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(READY_SECONDS_MAX);
        while !is_so(self) {
            if Instant::now() > deadline {
                let count = u16::try_from(self.nodes.len()).expect("few nodes");
                let seen = (0..count).filter_map(|at| {
                    let nodes = self.try_tell::<String>(at, &["CLUSTER", "NODES"]).ok()?;
                    Some(format!("{at}: {}", nodes.replace('\n', "\n   ")))
                });
                panic!("not so: {what}\n{}", seen.collect::<Vec<_>>().join("\n"));
            }
            std::thread::sleep(POLL);
        }
    }

    fn tell(&self, at: u16, words: &[&str]) {
        let _: Value =
            self.try_tell(at, words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }

    fn try_tell<T: FromRedisValue>(&self, at: u16, words: &[&str]) -> RedisResult<T> {
        let client = redis::Client::open(self.url_of(at)).expect("the server's own URL is valid");
        command(words).query(&mut client.get_connection()?)
    }

    fn info(&self, at: u16, section: &str) -> String {
        let ask = if section == "cluster" { ["CLUSTER", "INFO"] } else { ["INFO", section] };
        self.try_tell(at, &ask).unwrap_or_default()
    }

    fn id(&self, at: u16) -> String {
        self.try_tell(at, &["CLUSTER", "MYID"]).expect("its id")
    }

    fn port(&self, at: u16) -> u16 {
        some_port(self.nodes[usize::from(at)].local().port())
    }

    fn bus_port(&self, at: u16) -> String {
        let text: String = self.try_tell(at, &["CLUSTER", "NODES"]).expect("its line");
        let place = text.split(' ').nth(1).expect("its place");
        let (_, bus) = place.split_once('@').expect("a bus port");
        bus.split(',').next().expect("a number").to_owned()
    }
}

fn node(timeout_ms: u64) -> TestServer {
    let bus = free_port().expect("a free port");
    let settings = [
        "cluster-enabled yes".to_owned(),
        format!("cluster-port {bus}"),
        format!("cluster-node-timeout {timeout_ms}"),
        "repl-diskless-sync-delay 0".to_owned(),
        "repl-ping-replica-period 1".to_owned(),
        "cluster-replica-validity-factor 0".to_owned(),
    ];
    TestServer::with(&LocalOptions {
        tcp: true,
        settings: settings.into(),
        ..LocalOptions::default()
    })
}

fn some_port(port: Option<u16>) -> u16 {
    port.expect("the nodes of a cluster listen on ports")
}

fn command(words: &[&str]) -> Cmd {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command
}

#[track_caller]
fn ask(connection: &mut Connection, words: &[&str]) {
    let answer: RedisResult<Value> = command(words).query(connection);
    answer.unwrap_or_else(|error| panic!("{words:?}: {error}"));
}

/// The slot of a key, reckoned apart from the code under test.
pub fn slot_of(key: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(key);
    let tag = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let hashed = match tag {
        Some((tag, _)) if !tag.is_empty() => tag.as_bytes().to_vec(),
        _ => key.to_vec(),
    };
    let mut crc = 0_u32;
    for byte in hashed {
        crc ^= u32::from(byte) << 8;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x1_0000 != 0 {
                crc ^= 0x1_1021;
            }
        }
    }
    u16::try_from(crc % u32::from(SLOTS)).expect("less than the slots")
}

/// A client that follows `MOVED` and `ASK`, one command at a time.
pub struct ClusterClient {
    ports: Vec<u16>,
    connections: BTreeMap<u16, Connection>,
    map: BTreeMap<u16, u16>,
}

impl ClusterClient {
    /// Sends a command about `key`. Answers an error when the connection broke: then it is not known
    /// whether the command was carried out.
    pub fn send<T: FromRedisValue>(&mut self, key: &[u8], command: &Cmd) -> RedisResult<T> {
        let slot = slot_of(key);
        let mut ask_at = None;
        for _ in 0..16 {
            let port = ask_at.unwrap_or_else(|| *self.map.get(&slot).unwrap_or(&self.ports[0]));
            let connection = match self.connection(port) {
                Ok(connection) => connection,
                Err(error) => {
                    // The node is gone: whoever is left knows better. Nothing was sent.
                    self.forget(port);
                    return Err(error);
                }
            };
            if ask_at.take().is_some() {
                redis::cmd("ASKING").exec(connection)?;
            }
            match command.query::<Value>(connection) {
                Ok(value) => return Ok(redis::from_redis_value(value)?),
                Err(error) if matches!(error.code(), Some("MOVED" | "ASK")) => {
                    let is_moved = error.code() == Some("MOVED");
                    let port = redirected(&error);
                    if is_moved {
                        self.map.insert(slot, port);
                    } else {
                        ask_at = Some(port);
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Io {
                        self.forget(port);
                    }
                    return Err(error);
                }
            }
        }
        Err((ErrorKind::Client, "redirected again and again").into())
    }

    fn connection(&mut self, port: u16) -> RedisResult<&mut Connection> {
        match self.connections.entry(port) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}"))?;
                let connection = client.get_connection_with_timeout(Duration::from_secs(2))?;
                connection.set_read_timeout(Some(Duration::from_secs(5)))?;
                Ok(free.insert(connection))
            }
        }
    }

    fn forget(&mut self, port: u16) {
        self.connections.remove(&port);
        self.map.retain(|_, known| *known != port);
        self.ports.rotate_left(1);
    }
}

fn redirected(error: &redis::RedisError) -> u16 {
    let place = error.detail().and_then(|detail| detail.rsplit_once(':'));
    place.and_then(|(_, port)| port.parse().ok()).expect("a redirection names a port")
}
