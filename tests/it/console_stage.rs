//! A stage for the console's tests: the state on the sample catalog without a server, fed with
//! messages, and its screen as text.

use std::time::Instant;

use crossterm::event::KeyModifiers;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use remold::console::app::App;
use remold::console::effect::Effect;
use remold::console::keymap::Press;
use remold::console::msg::Msg;
use remold::console::screen;
use remold::console::shared::Moment;
use remold::console::theme::Theme;
use remold::session::{ServerInfo, Session, Settings};

/// Noon of a day, so that screens with times are the same on any.
pub const NOON_MS: i64 = 1_795_435_200_000;

/// The console on the sample catalog; nothing listens at its address.
pub struct Stage {
    pub app: App,
    pub size: (u16, u16),
    began: Instant,
}

impl Stage {
    pub fn new(theme: &str, size: (u16, u16)) -> Self {
        Self::with(theme, size, Settings::default())
    }

    pub fn with(theme: &str, size: (u16, u16), settings: Settings) -> Self {
        let sample = || Some("sample-data/catalog".into());
        let settings = Settings { catalog: settings.catalog.or_else(sample), ..settings };
        Self::on_registry(theme, size, settings)
    }

    /// The console on what the settings say: without a catalog, on the registry.
    pub fn on_registry(theme: &str, size: (u16, u16), settings: Settings) -> Self {
        let session = Session::open(settings).expect("the sample catalog is good");
        let theme = Theme::built_in(theme).expect("a built-in theme");
        let app = remold::console::open(&session, theme).expect("the keys are good");
        let mut stage = Self { app, size, began: Instant::now() };
        stage.at(0);
        stage.app.start();
        stage.draw();
        stage
    }

    /// Sets the time to so many milliseconds after noon.
    pub fn at(&mut self, ms: i64) -> Vec<Effect> {
        let span = std::time::Duration::from_millis(u64::try_from(ms).expect("not before noon"));
        let moment = Moment { instant: self.began + span, unix_ms: NOON_MS + ms };
        self.app.update(Msg::Tick(moment))
    }

    pub fn send(&mut self, msg: Msg) -> Vec<Effect> {
        let effects = self.app.update(msg);
        self.draw();
        effects
    }

    /// Presses keys by their names in the keymap, separated by blanks.
    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        let mut effects = Vec::new();
        for key in keys.split(' ') {
            effects.extend(self.send(Msg::Press(Press::parse(key).expect("a key's name"))));
        }
        effects
    }

    /// Types a text, character by character.
    pub fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            let code = crossterm::event::KeyCode::Char(character);
            self.send(Msg::Press(Press { code, modifiers: KeyModifiers::NONE }));
        }
    }

    pub fn draw(&mut self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        let (regions, _) = screen::view(&self.app, &mut buffer);
        self.app.drawn(regions);
        buffer
    }

    /// The screen as text, without blanks at the ends of lines.
    pub fn text(&mut self) -> String {
        let buffer = self.draw();
        let width = usize::from(buffer.area.width);
        let rows = buffer.content.chunks(width).map(|row| {
            let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            line.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    /// The server as it answers in these tests.
    pub fn server_answers(&mut self) {
        let info = Self::server_info();
        self.send(Msg::Server(Ok(info)));
    }

    /// What it says about itself.
    pub fn server_info() -> ServerInfo {
        ServerInfo {
            software: "redis".into(),
            version: "7.0.15".into(),
            mode: "standalone".into(),
            role: "master".into(),
            keys: 20_000,
            ops_per_second: 1_234,
            memory_bytes: 8 << 20,
            clients: 3,
            ..ServerInfo::default()
        }
    }
}

/// Messages as the server would cause them, made by the real engine without one.
pub mod said {
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    use remold::console::effect::{ChainRequest, Effect};
    use remold::console::msg::Msg;
    use remold::engine::{
        self, Busy, ErrorGroup, Judge, Obstacle, Preview, Progress, Readings, Rehearsal, Report,
        RunSummary, Story, Verb, Verification,
    };
    use remold::model::{Content, Expiry, Key, Outcome, Phase, PlanId, RedisType, RunId, Tally};
    use remold::planner::draft::Sample;
    use remold::planner::{Narrowed, Plan, PlanRequest};
    use remold::schema::{Detection, Version};
    use remold::session::edit::Inferred;
    use remold::session::{
        Drafted, Ground, KeyDetail, KeyLine, KeyValue, KeyView, Page, Sent, Session, Settings,
    };
    use remold::transform::Frozen;

    use super::NOON_MS;

    pub const OLD: &str = r#"{"userName":"Ada Lovelace","externalId":12345678901234567890,"tags":["a","b"],"address":{"city":"Łódź"}}"#;

    pub fn session() -> Session {
        let catalog = Some("sample-data/catalog".into());
        Session::open(Settings { catalog, ..Settings::default() }).expect("a good catalog")
    }

    /// The generation of the first effect that asks with one.
    pub fn generation(effects: &[Effect]) -> u64 {
        let found = effects.iter().find_map(|effect| match effect {
            Effect::Scan { generation, .. }
            | Effect::Read(generation, _)
            | Effect::Plan(generation, ..)
            | Effect::Infer(generation, ..)
            | Effect::Preview(generation, ..) => Some(*generation),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("nothing was asked: {effects:?}"))
    }

    pub fn page(cursor: u64) -> Page {
        let line = |key: &str, redis_type, expiry| KeyLine { key: key.into(), redis_type, expiry };
        let lines = vec![
            line("order:1", RedisType::Hash, Expiry::Never),
            line("user:1", RedisType::String, Expiry::Never),
            line("user:2", RedisType::String, Expiry::AtMs(NOON_MS + 90_000)),
            line("user:日本語🧀", RedisType::String, Expiry::AtMs(NOON_MS - 5)),
            line("zähler:\u{1}", RedisType::SortedSet, Expiry::AtMs(NOON_MS + 900_000_000)),
        ];
        Page { lines, cursor, looked_at: 500, database_keys: 20_000 }
    }

    pub fn detail() -> Box<KeyDetail> {
        let view = KeyView {
            key: "user:1".into(),
            redis_type: RedisType::String,
            expiry: Expiry::AtMs(NOON_MS + 90_000),
            encoding: Some("raw".into()),
            memory_bytes: Some(2_048),
            length: Some(107),
            value: KeyValue::String(OLD.into()),
        };
        let version = Detection::Version(Version::new(1, 0, 0));
        Box::new(KeyDetail { view, version: Some(("user".into(), version)) })
    }

    /// The plan to user 3.0.0; drawn up once, because a thousand tests ask for it.
    pub fn plan() -> Arc<Plan> {
        static PLAN: OnceLock<Arc<Plan>> = OnceLock::new();
        Arc::clone(PLAN.get_or_init(draw_up))
    }

    fn draw_up() -> Arc<Plan> {
        let frozen = Frozen {
            now: "2026-11-23T12:00:00.000Z".into(),
            seed: "7".into(),
            ..Frozen::default()
        };
        let request = PlanRequest {
            subject: "user".into(),
            target: Version::new(3, 0, 0),
            from: None,
            path: None,
            pattern: None,
            narrowed: Narrowed::default(),
            frozen,
        };
        Arc::new(session().plan(request).expect("the sample catalog has a route"))
    }

    /// The plan that the engine draws up for a request.
    pub fn plan_of(request: &ChainRequest) -> Result<Arc<Plan>, String> {
        let session = match &request.migrations {
            Some(edited) => session().with_migrations(&request.subject, edited),
            None => Ok(session()),
        };
        let frozen = Frozen { now: "2026-11-23T12:00:00.000Z".into(), ..Frozen::default() };
        let plan = session.and_then(|session| {
            session.plan(PlanRequest {
                subject: request.subject.clone(),
                target: request.target.clone(),
                from: None,
                path: request.path.clone(),
                pattern: None,
                narrowed: Narrowed::default(),
                frozen,
            })
        });
        plan.map(Arc::new).map_err(|error| error.to_string())
    }

    /// Three documents on their way: one that comes through, one that fails, one that is none.
    pub fn previews() -> Vec<Preview> {
        static PREVIEWS: OnceLock<Vec<Preview>> = OnceLock::new();
        PREVIEWS.get_or_init(preview_all).clone()
    }

    fn preview_all() -> Vec<Preview> {
        previews_of(&plan())
    }

    /// What the engine makes of the three documents.
    pub fn previews_of(plan: &Plan) -> Vec<Preview> {
        let judge = Judge::new(plan).expect("the plan compiles");
        let documents =
            [("user:1", OLD), ("user:2", r#"{"userName":"Cher"}"#), ("user:3", "{broken")];
        let preview = |(key, text): (&str, &str)| {
            let content = Content::String(text.into());
            engine::preview(&judge, &plan.target, &Key::from(key), &content)
        };
        documents.into_iter().map(preview).collect()
    }

    /// The planner's draft between two versions of the sample catalog, from a few documents.
    pub fn draft(subject: &str, from: &Version, to: &Version) -> Drafted {
        let names = ["Ada Lovelace", "Grace Hopper", "Alan Turing"];
        let samples: Vec<Sample> = names
            .iter()
            .map(|name| {
                let text = format!(r#"{{"fullName":"{name}","createdAt":"2026-11-23T12:00:00Z"}}"#);
                Sample { key: "user:1".into(), content: Content::String(text.into()) }
            })
            .collect();
        let request = PlanRequest {
            subject: subject.to_owned(),
            target: to.clone(),
            from: Some(from.clone()),
            path: None,
            pattern: None,
            narrowed: Narrowed::default(),
            frozen: Frozen { now: "2026-11-23T12:00:00.000Z".into(), ..Frozen::default() },
        };
        let ground = Ground { samples: Some(samples), ..Ground::default() };
        session().draft(request, &ground).expect("two versions of one subject")
    }

    /// What was inferred of a thousand documents of user.
    pub fn inferred() -> Box<Inferred> {
        let definition = serde_json::json!({
            "subject": "user", "version": "4.0.0", "keyPattern": "user:*",
            "fields": {"firstName": {"type": "string", "required": true}},
        });
        let schema = session().made_schema(&definition).expect("it is sound");
        let versions = [(Some(Version::new(1, 0, 0)), 700), (None, 300)].into();
        Box::new(Inferred { schema, documents: 1_000, others: 2, fields: Vec::new(), versions })
    }

    pub fn run_id() -> RunId {
        RunId::new("20261123-120000", "user", 0x3f2a)
    }

    pub fn progress(phase: Phase) -> Msg {
        let tally = Tally {
            scanned: 4_310,
            migrated: 4_000,
            unchanged: 300,
            failed: 10,
            ..Tally::default()
        };
        Msg::Progress(Box::new(Progress {
            phase,
            tally,
            fraction: 0.431,
            rate: 9_876.0,
            seconds: 12.3,
            eta_seconds: Some(17.0),
            batch_ms: 4.2,
            busy: Busy::new([0.02, 0.31, 0.48, 0.22, 0.93]),
            held: (phase == Phase::Paused).then(|| "paused by the operator".into()),
            errors: errors(),
            ..Progress::new(Verb::Run, Some(run_id()), false)
        }))
    }

    fn errors() -> Vec<ErrorGroup> {
        vec![ErrorGroup {
            outcome: Outcome::Failed,
            step: "v2_to_v3 step 1 splitField".into(),
            field: "fullName".into(),
            reason: "the text has 1 part(s), and 2 fields wait for them".into(),
            count: 10,
            samples: vec!["user:2".into(), "user:17".into()],
        }]
    }

    /// The run in stages waits after its first one.
    pub fn stage_done() -> Msg {
        let Msg::Progress(progress) = progress(Phase::Paused) else { unreachable!("it is one") };
        let (stage, held) = (Some("canary 1%".into()), Some("canary 1% done and verified".into()));
        Msg::Progress(Box::new(Progress { stage, held, between_stages: true, ..*progress }))
    }

    /// Commands that were sent so many milliseconds before noon, newest first.
    pub fn traffic(ms: i64) -> Vec<Sent> {
        let sent = |command: &str, calls, commands, micros, error: Option<&str>| Sent {
            at_ms: NOON_MS - ms,
            command: command.into(),
            calls,
            commands,
            took: Duration::from_micros(micros * calls),
            longest: Duration::from_micros(micros * 3),
            error: error.map(str::to_owned),
        };
        vec![
            sent("EVALSHA", 31, 31, 4_200, None),
            sent("MGET", 12, 12, 900, None),
            sent("TYPE", 1, 500, 2_100, None),
            sent("MEMORY", 1, 1, 150, Some("NOPERM")),
            sent("(connect)", 2, 2, 300, None),
        ]
    }

    /// What the throttle reads meanwhile.
    pub fn readings() -> Msg {
        let (latency, replica_lag) = (Some(0.4), Some(1.0));
        Msg::Readings(Readings { latency, replica_lag, ..Readings::default() })
    }

    /// What came of sampled documents on their way there and back.
    pub fn rehearsal() -> Rehearsal {
        let obstacles = vec![Obstacle {
            step: "v2_to_v3 step 1 splitField".into(),
            reason: "other bytes come back".into(),
            keys: vec!["user:1".into()],
        }];
        let (sampled, migrated, restored, need_journal) = (3, 1, 1, 1);
        let unasked = 0;
        Rehearsal { sampled, migrated, restored, need_journal, unasked, obstacles }
    }

    /// The plan for two keys of a run that need eyes.
    pub fn retry_plan() -> Arc<Plan> {
        let mut plan = plan();
        let keys = Some(vec!["user:2".into(), "user:17".into()]);
        Arc::make_mut(&mut plan).selection.keys = keys;
        plan
    }

    /// The whole journal of the newest of `runs`.
    pub fn story() -> Box<Story> {
        let summary = runs().pop().expect("there are some");
        let plan = Plan::clone(&plan());
        let (phases, samples) = (Vec::new(), Vec::new());
        Box::new(Story {
            summary,
            plan,
            phases,
            errors: errors(),
            samples,
            rollback_samples: Vec::new(),
        })
    }

    /// How the run of `progress` ended.
    pub fn report() -> Box<Report> {
        let tally = Tally {
            scanned: 10_000,
            migrated: 9_690,
            unchanged: 300,
            failed: 10,
            ..Tally::default()
        };
        Box::new(Report {
            run: Some(run_id()),
            phase: Phase::Done,
            dry_run: false,
            plan: PlanId::of(b"plan"),
            tally,
            seconds: 29.5,
            duplicates: 0,
            errors: errors(),
            followed: None,
            verification: Some(Verification {
                checked: 9_690,
                right: 9_690,
                ..Verification::default()
            }),
            rollback: None,
            stopped_because: None,
            external: None,
            forward: false,
            changed_keys: Vec::new(),
            undelivered: Vec::new(),
            without_scripts: false,
        })
    }

    pub fn runs() -> Vec<RunSummary> {
        let summary = |run: RunId, phase| RunSummary {
            run,
            started: "2026-11-23T12:00:00.000Z".into(),
            server: "redis://127.0.0.1:6379".into(),
            subject: "user".into(),
            target: "3.0.0".into(),
            plan: PlanId::of(b"plan"),
            phase,
            tally: Tally { scanned: 5, migrated: 4, failed: 1, ..Tally::default() },
            seconds: 1.5,
            followed: None,
            verification: None,
            rollback: None,
            rollback_open: false,
        };
        vec![
            summary(RunId::new("20261122-120000", "user", 1), Phase::Stopped),
            summary(run_id(), Phase::Done),
        ]
    }
}
