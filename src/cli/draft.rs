//! The part of `remold plan` that drafts a migration where there is none.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};

use super::exit::{Exit, Failure};
use super::render::Output;
use crate::model::Storage;
use crate::planner::PlanRequest;
use crate::planner::draft::{Guess, Hints, Question, Sample, Tier};
use crate::session::{Drafted, Ground, Session};

/// What a draft is made from.
#[derive(Args, Debug)]
#[command(next_help_heading = "Drafting a migration")]
pub struct Drafting {
    /// Draft from the shape that stored documents have, in place of a version's schema
    #[arg(long, conflicts_with_all = ["from", "path"])]
    live: bool,
    /// Documents of the old version, in place of stored ones: a JSON array, or one in each line. With
    /// this no server is needed
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// A document before and after, as files or keys; the transforms are inferred from it (repeatable)
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], action = clap::ArgAction::Append)]
    example: Vec<String>,
    /// Answers beforehand, as JSON: rename, drop, keep, default, map, steps
    #[arg(long, value_name = "FILE")]
    hints: Option<PathBuf>,
    /// Draft even where there are migrations, and write the draft to this file
    #[arg(long, value_name = "FILE")]
    draft: Option<PathBuf>,
}

impl Drafting {
    /// The documents of `--samples`.
    pub fn samples(
        &self,
        subject: &str,
        session: &Session,
    ) -> Result<Option<Vec<Sample>>, Failure> {
        let Some(path) = &self.samples else { return Ok(None) };
        Ok(Some(session.samples_file(path, storage(subject, session))?))
    }

    /// Whether a migration is drafted: asked for, or none leads there.
    pub fn is_wanted(&self, session: &Session, request: &PlanRequest) -> bool {
        let is_asked =
            self.draft.is_some() || self.live || self.hints.is_some() || self.by_example();
        is_asked || (request.path.is_none() && !session.has_route(request))
    }

    /// Whether pairs of documents were given.
    pub fn by_example(&self) -> bool {
        !self.example.is_empty()
    }

    /// Drafts, and writes the draft where it was asked for.
    pub fn carry_out(
        &self,
        subject: &str,
        session: &Session,
        request: PlanRequest,
        samples: Option<&[Sample]>,
        output: Output,
    ) -> Result<Drafted, Failure> {
        let mut pairs = Vec::new();
        for names in self.example.chunks(2) {
            let [before, after] = names else { continue };
            pairs.extend(session.example(before, after, storage(subject, session))?);
        }
        let hints = match &self.hints {
            Some(path) => Hints::parse(&session.read_file(path)?).map_err(|error| {
                Failure::new(
                    Exit::Definitions,
                    format!(
                        "{}: {error}\n  hints are JSON, as in {{\"rename\": {{\"old\": \"new\"}}, \"drop\": [\"old\"], \"keep\": [], \
                         \"default\": {{\"new\": 0}}, \"map\": {{\"field\": {{\"a\": \"b\"}}}}, \"steps\": [{{\"type\": …}}]}}",
                        path.display()
                    ),
                )
            })?,
            None => Hints::default(),
        };
        let samples = samples.map(<[Sample]>::to_vec);
        let ground = Ground { samples, pairs, hints, live: self.live };
        let drafted = session.draft(request, &ground)?;
        if let Some(error) = &drafted.without_samples {
            output.talk(format!("drafted from the schemas alone, without samples: {error}"));
        }
        if let Some(path) = &self.draft {
            let text = serde_json::to_string_pretty(&drafted.draft.migration)
                .expect("plain data prints as JSON");
            session.save_file(path, &(text + "\n"))?;
            output.talk(format!("the draft stands in {}", path.display()));
        }
        Ok(drafted)
    }
}

fn storage(subject: &str, session: &Session) -> Storage {
    session.declared_storage(subject).unwrap_or(Storage::String)
}

/// A draft as JSON: each step with what speaks for it, and what came of it on samples.
pub fn as_json(drafted: &Drafted) -> Json {
    let draft = &drafted.draft;
    json!({"migration": draft.name, "steps": draft.steps, "proof": draft.proof})
}

/// A draft in words: what speaks for each step, what is open, and documents to look at.
pub fn text(drafted: &Drafted, explain: bool, by_example: bool) -> Vec<String> {
    let draft = &drafted.draft;
    let mut lines = vec![format!("draft {}", draft.name)];
    for (number, guess) in draft.steps.iter().enumerate() {
        lines.extend(guess_text(number + 1, guess, explain));
    }
    let proof = &draft.proof;
    if proof.sampled > 0 {
        lines.push(format!("  tried  {} / {} samples valid after", proof.valid, proof.sampled));
        lines.extend(proof.failing.iter().map(|(what, count)| format!("         {count}: {what}")));
    }
    if let Some(pairs) = proof.pairs {
        lines.push(format!("  pairs  {} / {} come out exactly as shown", pairs.exact, pairs.of));
    }
    if by_example {
        for shown in &proof.shown {
            lines.push(format!("  before {}", shown.before));
            let word = if shown.valid { "after " } else { "FAILS " };
            lines.push(format!("  {word} {}", shown.after));
        }
    }
    for (number, question) in draft.questions.iter().enumerate() {
        lines.extend(question_text(number + 1, question));
    }
    if !draft.questions.is_empty() {
        lines.push(
            "  answer by putting the hints of your choices into one file, and draft again with --hints FILE"
                .to_owned(),
        );
    }
    lines
}

fn guess_text(number: usize, guess: &Guess, explain: bool) -> Vec<String> {
    let tier = match guess.tier {
        Tier::Certain => "certain",
        Tier::Likely => "likely",
        Tier::Guess => "guess",
    };
    let warning = if guess.destructive { ", DESTRUCTIVE" } else { "" };
    let mut lines = vec![
        format!("    {number:>2}. {}", guess.step),
        format!("        {tier} {:.2}{warning}: {}", guess.confidence, guess.evidence),
    ];
    if explain {
        lines.extend(guess.alternatives.iter().map(|other| format!("        or: {other}")));
    }
    lines
}

fn question_text(number: usize, question: &Question) -> Vec<String> {
    let mut lines = vec![format!("  question {number}: {}", question.asks)];
    for (at, choice) in question.choices.iter().enumerate() {
        lines.push(format!("    {}) {}", at + 1, choice.label));
        lines.push(format!("       hints: {}", choice.hints));
    }
    lines
}
