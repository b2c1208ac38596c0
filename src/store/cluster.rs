//! Many nodes behind one [`Link`](super::Link): each command goes to the node that serves its key.
//!
//! `MOVED` corrects the map of slots and sends the command again, `ASK` sends it once to the node it
//! names; neither command was carried out by the node that refused it. Replicas are never written:
//! they are only asked where the primaries are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use redis::{Cmd, Pipeline};

use super::address::Address;
use super::error::{Fault, StoreError};
use super::slots::{Place, SlotMap, key_of, redirection};
use super::wire::{Reply, Wire};
use crate::model::slot::slot_of;

/// How often a command follows a redirection before its refusal is the answer.
const ROUNDS_MAX: usize = 8;

/// The nodes of a cluster, one connection to each primary that was needed so far.
pub(super) struct Cluster {
    /// What the operator named: one node, and the login for all.
    seed: Address,
    map: SlotMap,
    wires: BTreeMap<Place, Wire>,
    /// Whether something happened that the map may not know of.
    is_stale: bool,
    connections: u64,
}

/// One command of a round: which of the caller's it is, and whether it was sent here by `ASK`.
type Errand = (usize, bool);

impl Cluster {
    /// Finds the cluster from one of its nodes.
    pub fn of(seed: &Address, first: Wire) -> Self {
        let (host, port) = first.address().host_and_port();
        let wires = BTreeMap::from([(Place { host, port }, first)]);
        let seed = seed.clone();
        Self { seed, map: SlotMap::default(), wires, is_stale: true, connections: 1 }
    }

    /// How many connections were made so far, lost ones included.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Asks anew where the primaries are; connections that broke are made when they are needed.
    pub fn reconnect(&mut self) -> Result<(), StoreError> {
        self.connections += 1;
        self.refresh()
    }

    /// The map may be out of date: it is asked for before the next command.
    pub fn look_again(&mut self) {
        self.is_stale = true;
    }

    fn refresh(&mut self) -> Result<(), StoreError> {
        let (host, port) = self.seed.host_and_port();
        let known = self.map.primaries.iter().map(|primary| primary.place.clone());
        let mut places: Vec<Place> = self.wires.keys().cloned().chain(known).collect();
        places.push(Place { host, port });
        places.extend(self.map.replicas.iter().cloned());
        let mut asked = Vec::new();
        let mut first_error = None;
        for place in places {
            if asked.contains(&place) {
                continue;
            }
            let answer = self
                .call_at(&place, "CLUSTER SLOTS", redis::cmd("CLUSTER").arg("SLOTS"))
                .and_then(SlotMap::read);
            match answer {
                Ok(mut map) if !map.primaries.is_empty() => {
                    map.name_hosts(&place);
                    self.map = map;
                    self.is_stale = false;
                    self.seed.note_nodes(self.map.places());
                    let map = &self.map;
                    self.wires.retain(|place, _| map.primaries.iter().any(|p| p.place == *place));
                    return Ok(());
                }
                Ok(_) => {}
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
            asked.push(place);
        }
        Err(first_error.unwrap_or_else(|| StoreError::Refused {
            command: "CLUSTER SLOTS".to_owned(),
            fault: Fault::ClusterDown,
            detail: "no node serves any slot".to_owned(),
        }))
    }

    /// Sends one command to one node.
    pub fn call_at(&mut self, place: &Place, name: &str, command: &Cmd) -> Reply {
        let reply = self.wire(place)?.call(name, command);
        self.forget_if_lost(place, reply.as_ref().err());
        reply
    }

    /// The connection to a node, made when there is none.
    fn wire(&mut self, place: &Place) -> Result<&mut Wire, StoreError> {
        match self.wires.entry(place.clone()) {
            Entry::Occupied(wire) => Ok(wire.into_mut()),
            Entry::Vacant(free) => {
                let wire = Wire::open(&self.seed.at(&place.host, place.port));
                self.connections += 1;
                if wire.is_err() {
                    self.is_stale = true;
                }
                Ok(free.insert(wire?))
            }
        }
    }

    /// Another connection to each primary.
    pub fn wires(&mut self) -> Result<Vec<Wire>, StoreError> {
        self.is_stale = true;
        let places = self.places()?;
        places.iter().map(|place| Wire::open(&self.seed.at(&place.host, place.port))).collect()
    }

    /// A connection that was lost is not used again, and the node may be one no more.
    fn forget_if_lost(&mut self, place: &Place, error: Option<&StoreError>) {
        if error.is_some_and(StoreError::needs_reconnect) {
            self.wires.remove(place);
            self.connections += 1;
            self.is_stale = true;
        }
    }

    /// Sends each command to the node that serves its key, to all nodes at once, and follows
    /// redirections. Answers one reply for each command.
    pub fn pipeline(&mut self, name: &str, commands: &[&Cmd]) -> Result<Vec<Reply>, StoreError> {
        self.places()?;
        let mut replies: Vec<Option<Reply>> = commands.iter().map(|_| None).collect();
        let mut errands: BTreeMap<Place, Vec<Errand>> = BTreeMap::new();
        for (at, command) in commands.iter().enumerate() {
            errands.entry(self.place_for(command)?).or_default().push((at, false));
        }
        for round in 0..ROUNDS_MAX {
            let mut next: BTreeMap<Place, Vec<Errand>> = BTreeMap::new();
            for (at, reply) in self.round(name, commands, &errands)? {
                match self.redirected(&reply).filter(|_| round + 1 < ROUNDS_MAX) {
                    Some((place, asking)) => next.entry(place).or_default().push((at, asking)),
                    None => replies[at] = Some(reply),
                }
            }
            if next.is_empty() {
                break;
            }
            errands = next;
        }
        Ok(replies.into_iter().map(|reply| reply.expect("each command has its reply")).collect())
    }

    /// Sends commands to the node that serves `key`, over one connection, and follows no
    /// redirection.
    pub fn pipeline_of(
        &mut self,
        key: &[u8],
        name: &str,
        pipeline: &Pipeline,
    ) -> Result<Vec<Reply>, StoreError> {
        self.places()?;
        let mut by_key = Cmd::new();
        let place = self.place_for(by_key.arg("WATCH").arg(key))?;
        let replies = self.wire(&place)?.pipeline(name, pipeline).inspect_err(|_| {
            // What was not heard would be taken for the replies of the next commands.
            self.wires.remove(&place);
            self.connections += 1;
            self.is_stale = true;
        })?;
        let is_elsewhere = |reply: &Reply| {
            let fault = reply.as_ref().err().and_then(StoreError::fault);
            matches!(fault, Some(Fault::Moved | Fault::ReadOnly))
        };
        self.is_stale |= replies.iter().any(is_elsewhere);
        Ok(replies)
    }

    /// The node for a command; any, for one without a key or whose slot nobody serves: its answer
    /// tells why.
    fn place_for(&self, command: &Cmd) -> Result<Place, StoreError> {
        let owner = key_of(command).and_then(|key| self.map.owner(slot_of(key)));
        let any = || self.map.primaries.first().map(|primary| &primary.place);
        owner.or_else(any).cloned().ok_or_else(|| StoreError::Refused {
            command: "CLUSTER SLOTS".to_owned(),
            fault: Fault::ClusterDown,
            detail: "no node serves any slot".to_owned(),
        })
    }

    /// Sends all errands, then waits for all replies. A node that cannot be reached is found out
    /// before anything is sent.
    fn round(
        &mut self,
        name: &str,
        commands: &[&Cmd],
        errands: &BTreeMap<Place, Vec<Errand>>,
    ) -> Result<Vec<(usize, Reply)>, StoreError> {
        for place in errands.keys() {
            self.wire(place)?;
        }
        let mut lost = None;
        let mut sent = Vec::with_capacity(errands.len());
        for (place, errands) in errands {
            let mut packed = Vec::new();
            for (at, asking) in errands {
                if *asking {
                    redis::cmd("ASKING").write_packed_command(&mut packed);
                }
                commands[*at].write_packed_command(&mut packed);
            }
            match self.wire(place)?.send(name, &packed) {
                Ok(()) => sent.push((place, errands)),
                Err(error) => {
                    self.forget_if_lost(place, Some(&error));
                    lost.get_or_insert(error);
                }
            }
        }
        // Every node that was sent something is heard to its end, whatever became of another: its
        // replies would be taken for those of the next command.
        let mut replies = Vec::with_capacity(commands.len());
        for (place, errands) in sent {
            let count = errands.iter().map(|(_, asking)| 1 + usize::from(*asking)).sum();
            match self.wire(place)?.receive(name, count) {
                Ok(received) => {
                    let mut received = received.into_iter();
                    for (at, asking) in errands {
                        let reply = received.nth(usize::from(*asking));
                        replies
                            .push((*at, reply.expect("a pipeline answers each of its commands")));
                    }
                }
                Err(error) => {
                    self.wires.remove(place);
                    self.forget_if_lost(place, Some(&error));
                    lost.get_or_insert(error);
                }
            }
        }
        lost.map_or(Ok(replies), Err)
    }

    /// Where a command that was refused goes next, and whether it is asked for there.
    fn redirected(&mut self, reply: &Reply) -> Option<(Place, bool)> {
        let Err(StoreError::Refused { fault, detail, .. }) = reply else { return None };
        let asking = match fault {
            Fault::Moved => false,
            Fault::Ask => true,
            // A primary that became a replica says this to what does not name a key.
            Fault::ReadOnly => {
                self.is_stale = true;
                return None;
            }
            _ => return None,
        };
        let (_, mut place) = redirection(detail)?;
        if place.host.is_empty() {
            place.host = self.seed.host_and_port().0;
        }
        self.is_stale |= !asking;
        Some((place, asking))
    }

    /// Where the primaries are, in the order of their ids.
    pub fn places(&mut self) -> Result<Vec<Place>, StoreError> {
        if self.is_stale {
            self.refresh()?;
        }
        Ok(self.map.primaries.iter().map(|primary| primary.place.clone()).collect())
    }

    /// Where the primary of this id is.
    pub fn place_of(&mut self, id: &str) -> Result<Place, StoreError> {
        self.places()?;
        let primary = self.map.primaries.iter().find(|primary| primary.id == id);
        primary.map(|primary| primary.place.clone()).ok_or_else(|| {
            // It may be one no more after a failover: whoever asks asks for the layout first.
            self.connections += 1;
            StoreError::Unsettled { reason: format!("node {id} serves no slots of the cluster") }
        })
    }

    /// The group of keys that one command may name: those of one slot.
    pub fn groups<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (at, key) in keys.enumerate() {
            groups.entry(slot_of(key)).or_default().push(at);
        }
        groups.into_values().collect()
    }
}
