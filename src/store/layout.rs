//! Which nodes a keyspace lies on, so that a scan over all of them misses nothing.
//!
//! A key that moves from a node not yet scanned to one that was scanned is seen on neither. So a pass
//! counts only when the layout was settled and the same at its beginning and at its end: which node
//! owns which slots in which configuration epoch, and no slot that is being migrated. The epoch tells
//! of a slot that went away and came back in between.

use redis::Value;

use super::error::StoreError;
use super::link::{Link, text, unexpected};
use super::server::{ServerInfo, read_info};
use crate::model::slot::{SLOTS, slot_of};
use crate::model::{Digest, Key};

/// The nodes of a keyspace: one for a single server, the primaries for a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The nodes, in an order that stays.
    pub nodes: Vec<Node>,
    /// Equal digests mean the same owners of the same slots; empty for a single server.
    pub digest: String,
    /// Why keys may be on their way from one node to another; `None` when none can be.
    pub unsettled: Option<String>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node's id in its cluster; empty for a single server.
    pub name: String,
    /// The id of its current start: a cursor of another start is worth nothing.
    pub run_id: String,
    /// Slots it serves; none for a single server, which has no slots.
    slots: Vec<(u16, u16)>,
    /// Whether its cursors go through the slots one by one.
    goes_by_slot: bool,
}

impl Node {
    /// A node with one table for all its keys.
    pub fn new(name: &str, run_id: &str) -> Self {
        let (name, run_id) = (name.to_owned(), run_id.to_owned());
        Self { name, run_id, slots: Vec::new(), goes_by_slot: false }
    }

    /// Whether a key is one of its own.
    pub fn serves(&self, key: &Key) -> bool {
        let slot = slot_of(key.as_bytes());
        self.slots.is_empty()
            || self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    /// How much of the node lies before `cursor`, from 0 to 1; 0 at its beginning.
    #[expect(clippy::cast_precision_loss, reason = "a fraction for a gauge")]
    pub fn fraction(&self, cursor: u64) -> f64 {
        if !self.goes_by_slot {
            // SCAN counts its cursor up from the highest bit of the table's index down, so the
            // reversed bits of the cursor are the part that is done.
            return cursor.reverse_bits() as f64 / 2f64.powi(64);
        }
        let ranges = &self.slots;
        // One table for each slot: the cursor's low bits name the slot, the others a place in it.
        let slot = u16::try_from(cursor % u64::from(SLOTS)).expect("less than the slots");
        let size = |(first, last): &(u16, u16)| f64::from(last - first) + 1.0;
        let before: f64 = ranges
            .iter()
            .filter(|(first, _)| *first < slot)
            .map(|(first, last)| size(&(*first, (*last).min(slot - 1))))
            .sum();
        before / ranges.iter().map(size).sum::<f64>().max(1.0)
    }
}

impl Link {
    /// Asks where the keyspace lies now.
    pub fn layout(&mut self) -> Result<Layout, StoreError> {
        let (mut info, mut nodes) = (redis::cmd("INFO"), redis::cmd("CLUSTER"));
        info.arg("server");
        nodes.arg("NODES");
        if !self.is_cluster() {
            let info = read_info(&text("INFO", self.call("INFO", &info)?)?);
            return Ok(Layout { nodes: vec![Node::new("", &info.run_id)], ..Layout::default() });
        }
        self.look_again();
        let mut layout = Layout::default();
        let mut owners = String::new();
        let mut covered = 0;
        for answers in self.each_node(&[("INFO", &info), ("CLUSTER NODES", &nodes)])? {
            let [info, own] = <[Value; 2]>::try_from(answers).expect("two commands, two answers");
            let info = read_info(&text("INFO", info)?);
            let own = Own::read(&text("CLUSTER NODES", own)?)?;
            owners.push_str(&own.line);
            owners.push('\n');
            covered +=
                own.slots.iter().map(|(first, last)| u32::from(last - first) + 1).sum::<u32>();
            if let Some(reason) = own.unsettled {
                layout.unsettled.get_or_insert(reason);
            }
            let goes_by_slot = has_slot_cursors(&info);
            let (name, run_id, slots) = (own.id, info.run_id, own.slots);
            layout.nodes.push(Node { name, run_id, slots, goes_by_slot });
        }
        if covered != u32::from(SLOTS) {
            let reason = format!("the nodes say they serve {covered} of the {SLOTS} slots");
            layout.unsettled.get_or_insert(reason);
        }
        layout.nodes.sort_by(|a, b| a.name.cmp(&b.name));
        layout.digest = Digest::of(owners.as_bytes()).to_string();
        Ok(layout)
    }

    /// Asks for the ids of all nodes of the cluster, replicas included; a single server has none. A
    /// node keeps its id when it restarts, and when another takes over from it.
    pub fn cluster_nodes(&mut self) -> Result<Vec<String>, StoreError> {
        if !self.is_cluster() {
            return Ok(Vec::new());
        }
        let mut nodes = redis::cmd("CLUSTER");
        let answer = self.call_number(0, "CLUSTER NODES", nodes.arg("NODES"))?;
        let Some((answer, _)) = answer else { return Ok(Vec::new()) };
        let lines = text("CLUSTER NODES", answer)?;
        Ok(lines.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect())
    }

    /// Asks where the keyspace lies; an error that waiting may cure while keys may be on their way.
    pub fn settled_layout(&mut self) -> Result<Layout, StoreError> {
        let layout = self.layout()?;
        match layout.unsettled {
            Some(reason) => Err(StoreError::Unsettled { reason }),
            None => Ok(layout),
        }
    }
}

/// Whether the server keeps a table for each slot, whose number is the low bits of its cursors.
fn has_slot_cursors(info: &ServerInfo) -> bool {
    let mut numbers = info.version.split('.').map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (7, 4)
}

/// What a node says of itself in `CLUSTER NODES`
/// (<https://redis.io/docs/latest/commands/cluster-nodes/>).
struct Own {
    id: String,
    /// Id, role, epoch and slots.
    line: String,
    slots: Vec<(u16, u16)>,
    unsettled: Option<String>,
}

impl Own {
    fn read(text: &str) -> Result<Self, StoreError> {
        let strange = || unexpected("CLUSTER NODES", &Value::BulkString(text.as_bytes().to_vec()));
        let own = text.lines().find(|line| {
            line.split(' ').nth(2).is_some_and(|flags| flags.split(',').any(|f| f == "myself"))
        });
        let words: Vec<&str> = own.ok_or_else(strange)?.split(' ').collect();
        let [id, _, flags, _, _, _, epoch, _, slots @ ..] = words.as_slice() else {
            return Err(strange());
        };
        let (open, owned): (Vec<&str>, Vec<&str>) =
            slots.iter().filter(|slot| !slot.is_empty()).partition(|slot| slot.starts_with('['));
        let range = |word: &&str| {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let ranges: Option<Vec<(u16, u16)>> = owned.iter().map(range).collect();
        let is_primary = flags.split(',').any(|flag| flag == "master");
        let unsettled = if is_primary {
            open.first().map(|slot| {
                let slot = slot.trim_start_matches('[').split('-').next().unwrap_or_default();
                format!("slot {slot} of the cluster is being migrated")
            })
        } else {
            Some(format!("node {id} is a primary to others and a replica to itself"))
        };
        Ok(Self {
            id: (*id).to_owned(),
            line: format!("{id} {is_primary} {epoch} {}", owned.join(" ")),
            slots: ranges.ok_or_else(strange)?,
            unsettled,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_its_slots_epoch_and_what_is_on_the_move() {
        let text = "aa 127.0.0.1:1@2 master - 0 0 3 connected 5461-10922\n\
                    bb 127.0.0.1:3@4,host myself,master - 0 0 7 connected 0-5460 9000 [93-<-aa]\n";
        let own = Own::read(text).expect("reads");
        assert_eq!((own.id.as_str(), own.slots), ("bb", vec![(0, 5460), (9000, 9000)]));
        assert_eq!(own.line, "bb true 7 0-5460 9000");
        assert_eq!(own.unsettled.as_deref(), Some("slot 93 of the cluster is being migrated"));
    }

    #[test]
    fn the_part_that_is_done_grows_from_nothing_to_all() {
        let plain = Node::new("", "");
        assert!(plain.fraction(0).abs() < 1e-9);
        assert!((plain.fraction(1 << 63) - 0.0).abs() < 1e-9);
        assert!((plain.fraction(1) - 0.5).abs() < 1e-9);
        let ranges = vec![(100, 199), (300, 399)];
        let slotted = Node { slots: ranges, goes_by_slot: true, ..plain };
        assert!(slotted.fraction(0).abs() < 1e-9);
        assert!((slotted.fraction(5 * 16_384 + 150) - 0.25).abs() < 1e-9);
        assert!((slotted.fraction(300) - 0.5).abs() < 1e-9);
    }
}
