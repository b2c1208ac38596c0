//! A Redis Cluster of one test's own: real processes on free ports, formed by hand.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use redis::{Cmd, Connection, FromRedisValue, RedisResult, Value};
use remold::store::local::{LocalOptions, free_port};

use super::cluster_client::ClusterClient;
use super::{Snapshot, TestServer};

pub const SLOTS: u16 = 16_384;
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
        Self::form(false, 15_000, &LocalOptions::default())
    }

    /// Three primaries with the modules RedisJSON and RediSearch.
    pub fn with_search() -> Self {
        Self::form(false, 15_000, &TestServer::search_options())
    }

    /// Three primaries and three replicas, which take over soon after a primary is silent.
    pub fn with_replicas() -> Self {
        Self::form(true, 2_500, &LocalOptions::default())
    }

    fn form(replicas: bool, timeout_ms: u64, base: &LocalOptions) -> Self {
        let count = if replicas { 2 * PRIMARIES } else { PRIMARIES };
        let nodes: Vec<TestServer> = (0..count).map(|_| node(timeout_ms, base)).collect();
        let cluster = Self { nodes };
        for at in 0..PRIMARIES {
            let Range { start, end } = Self::slots_at_first(at);
            cluster.tell(at, &["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
            let range = [&start.to_string(), &(end - 1).to_string()];
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
        ClusterClient::of(ports.collect())
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

    /// The slots that a primary is given when the cluster is formed.
    pub fn slots_at_first(at: u16) -> Range<u16> {
        let share = SLOTS / PRIMARIES + 1;
        share * at..(share * (at + 1)).min(SLOTS)
    }

    /// Waits until the replica of a primary has all that the primary has.
    pub fn wait_for_replica(&self, at: u16) {
        self.wait("the replica has everything", |it| {
            let info = it.info(at, "replication");
            let number = |text: &str| text.trim().parse::<u64>().ok();
            let ours = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
            let replica = info.lines().find(|line| line.starts_with("slave0:"));
            let theirs =
                replica.and_then(|line| line.split(',').find_map(|it| it.strip_prefix("offset=")));
            ours.is_some() && ours.and_then(number) == theirs.and_then(number)
        });
    }

    /// Cuts the replica of a primary off, and lets it not come back: what the primary acknowledges
    /// from now on is on no other node, and lost when it is killed.
    pub fn cut_replica(&self, at: u16) {
        self.tell(at, &["ACL", "SETUSER", "default", "-psync", "-sync"]);
        self.tell(at, &["CLIENT", "KILL", "TYPE", "replica"]);
        self.wait("no replica follows", |it| {
            it.info(at, "replication").contains("connected_slaves:0")
        });
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

    /// Tells a node something.
    pub fn tell(&self, at: u16, words: &[&str]) {
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

    /// The port of a node.
    pub fn port(&self, at: u16) -> u16 {
        some_port(self.nodes[usize::from(at)].local().port())
    }

    fn bus_port(&self, at: u16) -> String {
        let text: String = self.try_tell(at, &["CLUSTER", "NODES"]).expect("its line");
        let place = text.split(' ').nth(1).expect("its place");
        let (_, bus) = place.split_once('@').expect("a bus port");
        bus.split(',').next().expect("a number").to_owned()
    }
}

fn node(timeout_ms: u64, base: &LocalOptions) -> TestServer {
    let bus = free_port().expect("a free port");
    let own = [
        "cluster-enabled yes".to_owned(),
        format!("cluster-port {bus}"),
        format!("cluster-node-timeout {timeout_ms}"),
        "repl-diskless-sync-delay 0".to_owned(),
        "repl-ping-replica-period 1".to_owned(),
        "cluster-replica-validity-factor 0".to_owned(),
    ];
    let settings = own.into_iter().chain(base.settings.clone()).collect();
    TestServer::with(&LocalOptions { tcp: true, settings, ..base.clone() })
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
