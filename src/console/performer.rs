//! Carries effects out; this file alone spawns.
//!
//! Every effect on the server ends in exactly one message, errors included. Questions of one kind share
//! a lane in which the newest wins: one that is overtaken before it began is never asked, and the
//! pane that asked waits for the newest generation anyway.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::console::effect::{ChainRequest, Effect, Order, SaveTo, Saving, Work};
use crate::console::msg::{Answer, Msg, Saved};
use crate::console::overlays::CHANGES_MAX;
use crate::engine::{
    Control, Readings, Rehearsal, Report, RollbackOptions, RunOptions, VerifyOptions,
};
use crate::model::limits::PROGRESS_INTERVAL_MS;
use crate::model::{Key, RunId};
use crate::planner::{Narrowed, Plan, PlanRequest};
use crate::schema::Version;
use crate::session::{Catalog, Drafted, Ground, Session, SessionError};

/// How many keys are looked at for the shape of stored documents.
const INFERRED_KEYS_MAX: u64 = 10_000;

/// Carries effects out, and sends what comes of them.
pub struct Performer {
    /// Another one takes its place when the definitions were saved and read anew.
    session: Arc<RwLock<Session>>,
    messages: mpsc::UnboundedSender<Msg>,
    lanes: Lanes,
    control: Arc<Mutex<Option<Control>>>,
    job: Option<JoinHandle<()>>,
}

/// One lane for each kind of question.
struct Lanes {
    server: Lane,
    scan: Lane,
    read: Lane,
    plan: Lane,
    preview: Lane,
    runs: Lane,
    save: Lane,
    catalog: Lane,
    infer: Lane,
    changes: Lane,
    draft: Lane,
    export: Lane,
    rehearsal: Lane,
    retry: Lane,
    run: Lane,
}

/// The newest question of a kind; a task asks them one after the other.
type Lane = watch::Sender<Option<Effect>>;

impl Performer {
    /// A performer on `session` that answers to `messages`. Has to be made inside a tokio runtime.
    pub fn new(session: Session, messages: mpsc::UnboundedSender<Msg>) -> Self {
        let session = Arc::new(RwLock::new(session));
        let lane = || open_lane(Arc::clone(&session), messages.clone());
        let lanes = Lanes {
            server: lane(),
            scan: lane(),
            read: lane(),
            plan: lane(),
            preview: lane(),
            runs: lane(),
            save: lane(),
            catalog: lane(),
            infer: lane(),
            changes: lane(),
            draft: lane(),
            export: lane(),
            rehearsal: lane(),
            retry: lane(),
            run: lane(),
        };
        Self { session, messages, lanes, control: Arc::default(), job: None }
    }

    /// Carries out an effect on the server. Those on the terminal are the loop's.
    pub fn perform(&mut self, effect: Effect) {
        let lane = match &effect {
            Effect::AskServer => &self.lanes.server,
            Effect::Scan { .. } => &self.lanes.scan,
            Effect::Read(..) => &self.lanes.read,
            Effect::Plan(..) => &self.lanes.plan,
            Effect::Preview(..) => &self.lanes.preview,
            Effect::ListRuns => &self.lanes.runs,
            Effect::Save(..) => &self.lanes.save,
            Effect::ReadCatalog => &self.lanes.catalog,
            Effect::Infer(..) => &self.lanes.infer,
            Effect::Changes(..) => &self.lanes.changes,
            Effect::Draft(..) => &self.lanes.draft,
            Effect::Export(..) => &self.lanes.export,
            Effect::Rehearse(..) => &self.lanes.rehearsal,
            Effect::Retry(..) => &self.lanes.retry,
            Effect::ReadRun(..) => &self.lanes.run,
            Effect::ReadTraffic => {
                // Nobody hears it only when the console has ended.
                let _ = self.messages.send(Msg::Traffic(self.session().sent()));
                return;
            }
            Effect::Start(work) => return self.start(work.clone()),
            Effect::Order(order) => return self.order(*order),
            Effect::Copy(_)
            | Effect::EditOutside(_)
            | Effect::Suspend
            | Effect::Redraw
            | Effect::Exit => {
                unreachable!("the loop carries out what concerns the terminal: {effect:?}")
            }
        };
        lane.send_replace(Some(effect));
    }

    /// The session as it is now.
    pub fn session(&self) -> Session {
        self.session.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the job at work, if there is one, has come to its end.
    pub async fn finish(&mut self) {
        self.order(Order::Stop);
        if let Some(job) = self.job.take() {
            // A panic in it was reported as a message already.
            let _ = job.await;
        }
    }

    fn order(&self, order: Order) {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(control) = control.as_ref() else { return };
        match order {
            Order::Pause => control.pause(),
            Order::Resume => control.resume(),
            Order::Step => control.step(),
            Order::Stop => {
                control.end(None);
            }
            Order::Set(knob) => knob.set(control),
        }
    }

    fn start(&mut self, work: Work) {
        let control = Control::default();
        if let Work::Run { by_step: true, .. } = work {
            control.step();
        }
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = Some(control.clone());
        let followed = tokio::spawn(follow(control.clone(), self.messages.clone()));
        let (session, messages) = (self.session(), self.messages.clone());
        self.job = Some(tokio::spawn(async move {
            let done = {
                let control = control.clone();
                tokio::task::spawn_blocking(move || carry_out(&session, work, &control)).await
            };
            followed.abort();
            // The last snapshot may be younger than the last one sent.
            let _ = messages.send(Msg::Progress(Box::new(control.progress())));
            let ended = done.unwrap_or_else(|panic| Err(panicked(&panic)));
            let _ = messages.send(Msg::Ended(ended));
        }));
    }
}

/// A console that ends by a bug leaves its job at a checkpoint, and not at work unseen.
impl Drop for Performer {
    fn drop(&mut self) {
        self.order(Order::Stop);
    }
}

/// Sends the newest progress, at most every [`PROGRESS_INTERVAL_MS`] and only when it changed.
async fn follow(control: Control, messages: mpsc::UnboundedSender<Msg>) {
    let mut progress = control.subscribe();
    let mut readings = Readings::default();
    while progress.changed().await.is_ok() {
        let snapshot = Box::new(progress.borrow_and_update().clone());
        let newest = control.readings();
        if newest != readings {
            readings.clone_from(&newest);
            let _ = messages.send(Msg::Readings(newest));
        }
        if messages.send(Msg::Progress(snapshot)).is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(PROGRESS_INTERVAL_MS)).await;
    }
}

fn open_lane(session: Arc<RwLock<Session>>, messages: mpsc::UnboundedSender<Msg>) -> Lane {
    let (lane, mut questions) = watch::channel(None::<Effect>);
    tokio::spawn(async move {
        while questions.changed().await.is_ok() {
            let Some(effect) = questions.borrow_and_update().clone() else { continue };
            let session = Arc::clone(&session);
            let asked = effect.clone();
            let answered = tokio::task::spawn_blocking(move || ask(&session, effect)).await;
            let answer = answered.unwrap_or_else(|panic| refused(asked, panicked(&panic)));
            if messages.send(answer).is_err() {
                return;
            }
        }
    });
    lane
}

fn panicked(panic: &tokio::task::JoinError) -> String {
    format!("this is a bug, and what was asked did not happen: {panic}")
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Asks one question; blocks until it is answered.
fn ask(shared: &RwLock<Session>, effect: Effect) -> Msg {
    let session = shared.read().unwrap_or_else(PoisonError::into_inner).clone();
    match effect {
        Effect::AskServer => Msg::Server(session.server().map_err(said)),
        Effect::Scan { generation, pattern, redis_type, cursor, want } => {
            let page = session.browse(&pattern, redis_type.as_ref(), cursor, want);
            Msg::Keys(generation, page.map_err(said))
        }
        Effect::Read(generation, key) => {
            let detail = session.key(&key).map(|found| found.map(Box::new)).map_err(said);
            Msg::Value(generation, key, detail)
        }
        Effect::Plan(generation, request) => {
            Msg::Planned(generation, plan(session, *request).map(Arc::new).map_err(said))
        }
        Effect::Infer(generation, pattern, subject) => {
            let found = session.infer(&pattern, subject.as_deref(), INFERRED_KEYS_MAX);
            Msg::Inferred(generation, found.map(Box::new).map_err(said))
        }
        Effect::Draft(generation, subject, from, to) => {
            let drafted = draft(&session, subject, from, to);
            Msg::Drafted(generation, drafted.map(Box::new).map_err(said))
        }
        Effect::Changes(generation, run, part) => {
            Msg::Changes(generation, session.changes(&run, &part, CHANGES_MAX).map_err(said))
        }
        Effect::Export(path, text) => {
            let written = session.save_file(Path::new(&path), &text).map(|()| path);
            Msg::Exported(written.map_err(said))
        }
        Effect::ReadCatalog => Msg::Catalog(read_anew(shared).map_err(said)),
        Effect::Save(saving, to) => Msg::Saved(save(shared, saving, to).map_err(said)),
        Effect::Preview(generation, plan, keys, count) => {
            Msg::Previewed(generation, session.preview(&plan, &keys, count).map_err(said))
        }
        Effect::Rehearse(generation, plan, keys, count) => {
            let found = rehearse(&session, &plan, &keys, count);
            Msg::Rehearsed(generation, found.map(Box::new).map_err(said))
        }
        Effect::Retry(generation, run, request) => {
            let planned = retry(session, &run, *request).map(Arc::new).map_err(said);
            Msg::Retry(generation, run, planned)
        }
        Effect::ReadRun(generation, run) => {
            Msg::RunRead(generation, session.story(&run).map(Box::new).map_err(said))
        }
        Effect::ListRuns => Msg::Runs(
            session
                .runs()
                .map_err(said)
                .map(|(runs, unreadable)| (runs, unreadable.into_iter().map(said).collect())),
        ),
        other => unreachable!("{other:?} has no lane"),
    }
}

fn draft(
    session: &Session,
    subject: String,
    from: Version,
    target: Version,
) -> Result<Drafted, SessionError> {
    let frozen = session.frozen();
    let from = Some(from);
    let request = PlanRequest {
        subject,
        target,
        from,
        path: None,
        pattern: None,
        narrowed: Narrowed::default(),
        frozen,
    };
    session.draft(request, &Ground::default())
}

fn plan(session: Session, request: ChainRequest) -> Result<Plan, SessionError> {
    plan_for(session, request, None)
}

/// The plan for the keys of a run that need eyes.
fn retry(session: Session, run: &RunId, request: ChainRequest) -> Result<Plan, SessionError> {
    let keys = session.failed_keys(run)?;
    plan_for(session, request, Some(keys))
}

/// The plan for these keys, or for all.
fn plan_for(
    session: Session,
    request: ChainRequest,
    keys: Option<Vec<Key>>,
) -> Result<Plan, SessionError> {
    let session = match &request.migrations {
        Some(edited) => session.with_migrations(&request.subject, edited)?,
        None => session,
    };
    session.plan(PlanRequest {
        subject: request.subject,
        target: request.target,
        from: None,
        path: request.path,
        pattern: None,
        narrowed: Narrowed { keys, ..Narrowed::default() },
        frozen: session.frozen(),
    })
}

/// Takes documents there and back: of these keys, else of the first of the selection.
fn rehearse(
    session: &Session,
    plan: &Plan,
    keys: &[Key],
    count: usize,
) -> Result<Rehearsal, SessionError> {
    if keys.is_empty() {
        return session.rehearse_rollback(plan, None, count as u64);
    }
    let documents = session.documents_of(plan, keys)?;
    session.rehearse_rollback(plan, Some(&documents), count as u64)
}

/// Saves definitions, and reads them anew.
fn save(shared: &RwLock<Session>, saving: Saving, to: SaveTo) -> Result<Saved, SessionError> {
    let session = shared.read().unwrap_or_else(PoisonError::into_inner).clone();
    let files = |paths: &[std::path::PathBuf]| {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        format!("saved in {}", names.join(", "))
    };
    let words = match (saving, to) {
        (Saving::Migrations(subject, edited), SaveTo::Files) => {
            files(&session.save_migrations(&subject, &edited)?)
        }
        (Saving::Migrations(subject, edited), SaveTo::Registry) => {
            session.register_migrations(&subject, &edited)?
        }
        (Saving::Schema(definition), SaveTo::Files) => files(&[session.save_schema(&definition)?]),
        (Saving::Schema(definition), SaveTo::Registry) => session.register_schema(&definition)?,
    };
    Ok(Saved { words, catalog: read_anew(shared)? })
}

/// Reads the definitions anew; from then on every question is asked of the session that knows them.
fn read_anew(shared: &RwLock<Session>) -> Result<Arc<Catalog>, SessionError> {
    let session = shared.read().unwrap_or_else(PoisonError::into_inner).clone();
    let anew = session.reloaded()?;
    let catalog = Arc::new(anew.catalog().clone());
    *shared.write().unwrap_or_else(PoisonError::into_inner) = anew;
    Ok(catalog)
}

/// The answer to a question that was not answered.
fn refused(effect: Effect, reason: String) -> Msg {
    match effect {
        Effect::Scan { generation, .. } => Msg::Keys(generation, Err(reason)),
        Effect::Read(generation, key) => Msg::Value(generation, key, Err(reason)),
        Effect::Plan(generation, ..) => Msg::Planned(generation, Err(reason)),
        Effect::Preview(generation, ..) => Msg::Previewed(generation, Err(reason)),
        Effect::ListRuns => Msg::Runs(Err(reason)),
        Effect::Save(..) => Msg::Saved(Err(reason)),
        Effect::ReadCatalog => Msg::Catalog(Err(reason)),
        Effect::Infer(generation, ..) => Msg::Inferred(generation, Err(reason)),
        Effect::Changes(generation, ..) => Msg::Changes(generation, Err(reason)),
        Effect::Draft(generation, ..) => Msg::Drafted(generation, Err(reason)),
        Effect::Export(..) => Msg::Exported(Err(reason)),
        Effect::Rehearse(generation, ..) => Msg::Rehearsed(generation, Err(reason)),
        Effect::Retry(generation, run, _) => Msg::Retry(generation, run, Err(reason)),
        Effect::ReadRun(generation, _) => Msg::RunRead(generation, Err(reason)),
        _ => Msg::Server(Err(reason)),
    }
}

/// Does a job; blocks until its end.
fn carry_out(session: &Session, work: Work, control: &Control) -> Answer<Box<Report>> {
    let options = |execute| RunOptions { execute, ..RunOptions::default() };
    let report = match work {
        Work::Run { plan, execute, .. } => {
            if execute
                && let Ok(room) = session.room_for(&plan)
                && room.is_too_little()
            {
                return Err(format!("{room}: surely too little. Nothing was written"));
            }
            let run = session.new_run_id(&plan.subject);
            session.run(&run, &plan, &options(execute), control)
        }
        Work::Resume(run) => session
            .refuse_other_server(&run)
            .and_then(|()| session.refuse_drift(&run))
            .and_then(|()| session.resume(&run, &options(true), control)),
        Work::Verify(run) => session.verify(&run, &VerifyOptions::default(), control),
        Work::Rollback(run, changed) => {
            let options = RollbackOptions { execute: true, changed, ..RollbackOptions::default() };
            session.rollback(&run, &options, control)
        }
        Work::RollForward(run) => {
            let options =
                RollbackOptions { execute: true, forward: true, ..RollbackOptions::default() };
            session.rollback(&run, &options, control)
        }
    };
    report.map(Box::new).map_err(said)
}
