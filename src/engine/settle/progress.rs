//! How the run fares, told to whoever watches and noted in the journal.

use std::time::Instant;

use super::Settle;
use crate::engine::progress::{Progress, SAMPLE_INTERVAL};
use crate::journal::Record;
use crate::model::Phase;

impl Settle<'_> {
    /// Notes in the journal how the run and the server fare. The next sync makes it durable.
    fn keep_sample(&mut self, progress: &Progress) {
        if self.job.journal.is_none() || self.sampled.elapsed() < SAMPLE_INTERVAL {
            return;
        }
        self.sampled = Instant::now();
        self.append(&Record::Note(progress.sample(&self.job.control.readings())));
    }

    pub(super) fn report_progress(&mut self, now: bool) {
        if !self.meter.is_due(now) {
            return;
        }
        self.progress.tally = self.tally;
        let is_scanned = self.is_scanned() || self.job.followings.is_some();
        self.progress.fraction = if is_scanned { 1.0 } else { self.pages.fraction };
        self.meter.measure(&mut self.progress);
        if let Some(followings) = self.job.followings {
            followings.migrated(self.tally.migrated - self.job.settled.tally.migrated);
            self.progress.followed = Some(followings.followed());
        }
        self.progress.busy = self.shares.look(&self.job.clocks);
        self.progress.errors = self.troubles.groups();
        let mut shown = self.progress.clone();
        if let Some((phase, reason)) = self.job.control.held() {
            if phase != Phase::Running {
                shown.phase = phase;
            }
            shown.held.get_or_insert(reason);
        }
        self.keep_sample(&shown);
        self.job.control.set_recent(self.troubles.recent().cloned().collect());
        self.job.control.report(shown);
    }
}
