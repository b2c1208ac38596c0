//! Eyes on a verb at work: metrics for a scraper, alerts for people.

use std::net::SocketAddr;

use super::alert::{About, Alerts};
use super::beside::beside;
use super::control::Control;
use super::error::EngineError;
use super::metrics;
use super::report::Report;
use crate::model::RunId;
use crate::store::Address;

/// Who is to see and hear of a verb.
#[derive(Clone, Debug, Default)]
pub struct Observe {
    /// Where the metrics are served.
    pub metrics: Option<SocketAddr>,
    /// Whom to alert.
    pub alerts: Alerts,
}

/// Does `work` under these eyes. `verb` is its name, `run` and `subject` what it is about.
pub fn observed(
    observe: &Observe,
    (verb, run, subject): (&str, Option<&RunId>, &str),
    address: &Address,
    control: &Control,
    work: impl FnOnce() -> Result<Report, EngineError>,
) -> Result<Report, EngineError> {
    let listener = observe.metrics.map(metrics::listen).transpose()?;
    let about = About { verb, run, subject, server: address.to_string() };
    let alerts = &observe.alerts;
    let watched = || match &listener {
        None => work(),
        Some(listener) => {
            beside("metrics", |ended| metrics::serve(listener, subject, control, ended), work)
        }
    };
    if alerts.is_empty() {
        return watched();
    }
    let mut ended = beside("alerts", |ended| alerts.watch(&about, control, ended), watched);
    let undelivered = alerts.ended(&about, &ended);
    if let Ok(report) = &mut ended {
        report.undelivered = undelivered;
    }
    ended
}
