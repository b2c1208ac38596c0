//! The planner against the history of real software: schema pairs of public APIs and file formats in
//! `planner_cases/`, each with samples it may look at, and documents it has not seen with what has to
//! become of them.
//!
//! A case is a folder: `case.json` (which history), `source.json`, `target.json`, `samples.ndjson`,
//! `pairs.ndjson` (optional: before and after), `unseen.ndjson` and `expected.ndjson`.

use std::fs;
use std::path::{Path, PathBuf};

use remold::model::{Content, Key};
use remold::planner::draft::{Draft, Hints, Sample, Tier, draft};
use remold::schema::Schema;
use remold::transform::{Chain, Checks, Frozen, Stage, Step};
use serde_json::Value as Json;

/// Of twenty cases, how many have to come out right.
const RIGHT_SHARE: f64 = 0.9;

/// From here on a wrong step is a failure, whatever the rest.
const HIGH_CONFIDENCE: f64 = 0.8;

struct Case {
    name: String,
    source: Schema,
    target: Schema,
    samples: Vec<Json>,
    pairs: Vec<(Json, Json)>,
    unseen: Vec<Json>,
    expected: Vec<Json>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/planner_cases")
}

fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let parse = |line: &str| serde_json::from_str(line).expect("a case holds JSON");
    text.lines().map(parse).collect()
}

impl Case {
    fn read(path: &Path) -> Self {
        let schema = |file: &str| {
            let text = fs::read_to_string(path.join(file)).expect("a case has two schemas");
            let json = serde_json::from_str(&text).expect("a case holds JSON");
            Schema::from_value(&json, None)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let pairs = lines(&path.join("pairs.ndjson"))
            .into_iter()
            .map(|pair| (pair[0].clone(), pair[1].clone()));
        Self {
            name: path.file_name().expect("a folder has a name").to_string_lossy().into_owned(),
            source: schema("source.json"),
            target: schema("target.json"),
            samples: lines(&path.join("samples.ndjson")),
            pairs: pairs.collect(),
            unseen: lines(&path.join("unseen.ndjson")),
            expected: lines(&path.join("expected.ndjson")),
        }
    }

    fn draft(&self) -> Draft {
        let samples: Vec<Sample> = self.samples.iter().map(Sample::of_json).collect();
        let pairs: Vec<(Sample, Sample)> =
            self.pairs.iter().map(|(a, b)| (Sample::of_json(a), Sample::of_json(b))).collect();
        draft(&self.source, &self.target, &samples, &pairs, &Hints::default())
    }

    /// The documents that were not seen, by the drafted steps; `None` for one that is refused or not
    /// valid afterwards.
    fn apply(&self, draft: &Draft) -> Vec<Option<Json>> {
        let read = |step: &Json| Step::parse(step).unwrap_or_else(|m| panic!("{step}: {m:?}"));
        let stage = Stage {
            pattern: None,
            reading: remold::schema::Reading::default(),
            migration: draft.name.clone(),
            source: self.source.version.clone(),
            target: self.target.version.clone(),
            when: None,
            steps: draft.steps.iter().map(|guess| read(&guess.step)).collect(),
            checks: Checks::default(),
        };
        let chain = Chain { stages: vec![stage] };
        let frozen = Frozen { now: "2026-01-01T00:00:00.000Z".to_owned(), ..Frozen::default() };
        let one = |before: &Json| {
            let content = Content::String(before.to_string().into_bytes());
            let mut document = content.document().expect("a document");
            let key = Key::from("doc:1");
            chain.apply(&mut document, &key, "doc:*", &frozen, &mut |_, _, _| {}).ok()?;
            let after: Json = serde_json::from_str(&document.to_json()).expect("JSON");
            self.target.validator().check(&document).is_empty().then_some(after)
        };
        self.unseen.iter().map(one).collect()
    }
}

/// Steps of high confidence that made something else than was expected.
fn wrong_lines(draft: &Draft, got: &[Option<Json>], expected: &[Json]) -> Vec<String> {
    let mut wrong = Vec::new();
    for guess in
        draft.steps.iter().filter(|g| g.tier > Tier::Guess && g.confidence >= HIGH_CONFIDENCE)
    {
        let made = guess
            .step
            .get("to")
            .filter(|_| guess.step["type"] != "convertType")
            .unwrap_or(&guess.step["field"]);
        let paths = made.as_array().cloned().unwrap_or_else(|| vec![made.clone()]);
        for path in paths.iter().filter_map(Json::as_str) {
            let pointer = format!(
                "/{}",
                path.replace("\\.", "\u{0}").replace('.', "/").replace('\u{0}', ".")
            );
            let differs = got.iter().zip(expected).any(|(got, expected)| {
                got.as_ref().is_some_and(|got| got.pointer(&pointer) != expected.pointer(&pointer))
            });
            // A value that is put aside on its way is no result.
            if differs && !path.ends_with("__before") {
                wrong.push(format!("{} ({:.2}): {}", guess.step, guess.confidence, guess.evidence));
            }
        }
    }
    wrong
}

#[test]
fn histories_of_real_software_are_drafted_right() {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the cases are there")
        .map(|e| e.expect("an entry").path())
        .collect();
    folders.sort();
    assert!(folders.len() >= 20, "{} cases", folders.len());
    let (mut right, mut told) = (0, Vec::new());
    for path in &folders {
        let case = Case::read(path);
        assert!(case.samples.len() + case.pairs.len() >= 20, "{}: too few samples", case.name);
        assert!(
            !case.unseen.is_empty() && case.unseen.len() == case.expected.len(),
            "{}",
            case.name
        );
        for (at, expected) in case.expected.iter().enumerate() {
            let text = expected.to_string();
            let content = Content::String(text.into_bytes());
            let violations =
                case.target.validator().check(&content.document().expect("a document"));
            assert!(violations.is_empty(), "{}: expected document {at}: {violations:?}", case.name);
        }
        let draft = case.draft();
        let got = case.apply(&draft);
        let wrong = wrong_lines(&draft, &got, &case.expected);
        assert!(wrong.is_empty(), "{}: wrong at high confidence:\n{}", case.name, wrong.join("\n"));
        if got.iter().zip(&case.expected).all(|(got, expected)| got.as_ref() == Some(expected)) {
            right += 1;
        } else {
            let steps: Vec<String> =
                draft.steps.iter().map(|g| format!("  {} {}", g.confidence, g.step)).collect();
            let questions: Vec<&str> = draft.questions.iter().map(|q| q.asks.as_str()).collect();
            told.push(format!("{}:\n{}\n  {questions:?}", case.name, steps.join("\n")));
            // What is not right has to be asked about.
            assert!(!draft.questions.is_empty(), "{} is wrong, and nothing is asked", case.name);
        }
    }
    let share = f64::from(right) / f64::from(u32::try_from(folders.len()).expect("few"));
    assert!(
        share >= RIGHT_SHARE,
        "{right} of {} are right; not:\n{}",
        folders.len(),
        told.join("\n")
    );
}
