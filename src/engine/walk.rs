//! Where the scan stands: node by node, and whether a pass over all nodes missed nothing.

use crate::journal::{Checkpoint, NodeScan, ScanPlace};
use crate::store::{Layout, Node};

/// A pass over all nodes of the keyspace.
pub(super) struct Walk {
    nodes: Vec<(Node, NodeScan)>,
    /// The layout at the beginning of the pass.
    digest: String,
    /// Whether keys may have moved between nodes since the beginning.
    is_dirty: bool,
}

impl Walk {
    /// Goes on where a checkpoint stands, with those nodes that have not been started anew since;
    /// from the start, when keys may have moved between nodes since the pass began.
    pub fn resume(layout: Layout, start: &Checkpoint) -> Self {
        let stays = layout.unsettled.is_none() && start.scan.layout == layout.digest;
        let scans = if stays { start.scan.nodes.as_slice() } else { &[] };
        Self {
            digest: layout.digest,
            is_dirty: layout.unsettled.is_some(),
            nodes: with_scans(layout.nodes, scans),
        }
    }

    /// A new pass.
    pub fn over(layout: Layout) -> Self {
        Self::resume(layout, &Checkpoint::default())
    }

    /// Takes notice of the layout as it is now: a node that was started anew is scanned from its
    /// start, one that has left is not scanned any more, and a new one is.
    pub fn follow(&mut self, layout: Layout) {
        self.is_dirty |= layout.unsettled.is_some() || layout.digest != self.digest;
        let scans: Vec<NodeScan> = self.nodes.drain(..).map(|(_, scan)| scan).collect();
        self.nodes = with_scans(layout.nodes, &scans);
    }

    /// The node to scan next and its cursor; `None` when the pass is over.
    pub fn next(&self) -> Option<(&str, u64)> {
        let (node, scan) = self.nodes.iter().find(|(_, scan)| !scan.done)?;
        Some((&node.name, scan.cursor))
    }

    /// Notes the cursor after the page that [`Walk::next`] named.
    pub fn advance(&mut self, cursor: u64) {
        let (_, scan) = self
            .nodes
            .iter_mut()
            .find(|(_, scan)| !scan.done)
            .expect("a page came from a node that was not done");
        scan.cursor = cursor;
        scan.done = cursor == 0;
    }

    /// Whether no key was missed, given the layout at the end of the pass.
    pub fn is_complete(&self, layout: &Layout) -> bool {
        !self.is_dirty && layout.unsettled.is_none() && layout.digest == self.digest
    }

    /// Where the scan stands, for the checkpoint.
    pub fn place(&self) -> ScanPlace {
        if self.is_dirty {
            // No resume can make this pass count, so it begins a new one.
            return ScanPlace::default();
        }
        let nodes = self.nodes.iter().map(|(_, scan)| scan.clone()).collect();
        ScanPlace { layout: self.digest.clone(), nodes }
    }

    /// How much of the pass is done, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "nodes are few")]
    pub fn fraction(&self) -> f64 {
        let part = |(node, scan): &(Node, NodeScan)| {
            if scan.done { 1.0 } else { node.fraction(scan.cursor) }
        };
        self.nodes.iter().map(part).sum::<f64>() / (self.nodes.len() as f64).max(1.0)
    }
}

/// Each node with how far it was scanned in its current start.
fn with_scans(nodes: Vec<Node>, scans: &[NodeScan]) -> Vec<(Node, NodeScan)> {
    let scan = |node: Node| {
        let same = scans.iter().find(|s| s.node == node.name && s.run_id == node.run_id);
        let begin = || NodeScan {
            node: node.name.clone(),
            run_id: node.run_id.clone(),
            ..NodeScan::default()
        };
        let scan = same.cloned().unwrap_or_else(begin);
        (node, scan)
    };
    nodes.into_iter().map(scan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(digest: &str, nodes: &[(&str, &str)]) -> Layout {
        let nodes = nodes.iter().map(|(name, run_id)| Node::new(name, run_id)).collect();
        Layout { nodes, digest: digest.to_owned(), unsettled: None }
    }

    fn two() -> Layout {
        layout("x", &[("a", "1"), ("b", "1")])
    }

    #[test]
    fn one_node_comes_after_the_other() {
        let mut walk = Walk::over(two());
        assert_eq!(walk.next(), Some(("a", 0)));
        walk.advance(1);
        assert_eq!(walk.next(), Some(("a", 1)));
        assert!((walk.fraction() - 0.25).abs() < 1e-9);
        walk.advance(0);
        assert_eq!(walk.next(), Some(("b", 0)));
        walk.advance(0);
        assert_eq!(walk.next(), None);
        assert!(walk.is_complete(&two()));
        assert!(!walk.is_complete(&layout("y", &[("a", "1"), ("b", "1")])));
        let unsettled = Layout { unsettled: Some("slot 1".to_owned()), ..two() };
        assert!(!walk.is_complete(&unsettled));
    }

    #[test]
    fn a_node_that_started_anew_is_scanned_anew_and_a_failover_makes_the_pass_dirty() {
        let mut walk = Walk::over(two());
        walk.advance(0);
        walk.advance(7);
        walk.follow(layout("x", &[("a", "2"), ("b", "1")]));
        assert_eq!(walk.next(), Some(("a", 0)));
        walk.advance(0);
        assert_eq!(walk.next(), Some(("b", 7)));
        assert!(walk.is_complete(&two()), "no key moved");
        walk.follow(layout("y", &[("b", "1"), ("c", "1")]));
        walk.advance(0);
        assert_eq!(walk.next(), Some(("c", 0)));
        walk.advance(0);
        assert!(!walk.is_complete(&layout("y", &[("b", "1"), ("c", "1")])));
        assert_eq!(walk.place(), ScanPlace::default());
    }

    #[test]
    fn a_resume_goes_on_only_where_nothing_changed() {
        let mut walk = Walk::over(two());
        walk.advance(0);
        walk.advance(9);
        let start = Checkpoint { scan: walk.place(), ..Checkpoint::default() };
        assert_eq!(Walk::resume(two(), &start).next(), Some(("b", 9)));
        let restarted = layout("x", &[("a", "1"), ("b", "2")]);
        assert_eq!(Walk::resume(restarted, &start).next(), Some(("b", 0)));
        let other = layout("y", &[("a", "1"), ("b", "1")]);
        assert_eq!(Walk::resume(other, &start).next(), Some(("a", 0)));
    }
}
