//! Operations in an order in which none destroys what another still needs.

use super::candidates::Candidate;
use super::side::Names;
use super::written::ASIDE;

/// Something to be done, before it is written as steps.
#[derive(Clone, Debug)]
pub struct Op<'c> {
    /// The guess behind it.
    pub pick: Option<&'c Candidate>,
    /// What it takes.
    pub reads: Vec<Names>,
    /// What it makes.
    pub writes: Vec<Names>,
    /// For a field that goes: whether it has values, whether somebody said that it may, and what speaks
    /// for it.
    pub removal: Option<(bool, bool, String)>,
    /// For an object that moves as a whole.
    pub lifts: bool,
}

/// Whether one path lies inside of the other, or they are the same.
pub fn overlap(a: &[String], b: &[String]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// An order in which what an operation overwrites has been read before. Where there is none (two
/// fields change places), one of them is put aside first.
pub fn ordered(ops: Vec<Op<'_>>) -> Vec<Op<'_>> {
    let mut open = ops;
    let mut done: Vec<Op<'_>> = Vec::new();
    let mut asides: Vec<Op<'_>> = Vec::new();
    while !open.is_empty() {
        let blocked = |at: usize| {
            let writes = &open[at].writes;
            open.iter().enumerate().any(|(other, op)| {
                let lifted = open[at].lifts;
                let meets =
                    op.reads.iter().any(|read| writes.iter().any(|write| overlap(read, write)));
                other != at && !lifted && (meets || op.lifts)
            })
        };
        if let Some(at) = (0..open.len()).find(|at| !blocked(*at)) {
            done.push(open.remove(at));
            continue;
        }
        // A circle: the first field of it steps aside, and is read from there.
        let read = open[0].reads[0].clone();
        let mut aside = read.clone();
        if let Some(last) = aside.last_mut() {
            last.push_str(ASIDE);
        }
        if open.iter().all(|op| !op.reads.contains(&read)) || asides.len() > open.len() + done.len()
        {
            done.append(&mut open);
            break;
        }
        for op in &mut open {
            for path in op.reads.iter_mut().filter(|path| **path == read) {
                path.clone_from(&aside);
            }
        }
        asides.push(Op {
            pick: None,
            reads: vec![read],
            writes: vec![aside],
            removal: None,
            lifts: true,
        });
    }
    asides.append(&mut done);
    asides
}
