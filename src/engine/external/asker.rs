//! The thread that asks for documents whose chain waits for an answer.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use super::{Services, Silence};
use crate::engine::error::EngineError;
use crate::engine::judge::{Asked, Judged};
use crate::engine::pipeline::{Event, Job, next};
use crate::engine::task::{Questions, Task};
use crate::engine::whole::Look;
use crate::journal::AnswerEntry;
use crate::model::{Digest, Key};
use crate::transform::external::{Answer, Ask};

/// Asks for one task after the other, until there are no more.
pub(in crate::engine) fn ask(
    job: &Job<'_>,
    services: &Services,
    questions: &Mutex<Receiver<Questions>>,
    events: &Sender<Event>,
) {
    let mut look = Look::default();
    while let Some(Questions { page, attempt, asks, expiries }) = next(questions) {
        let event = match settle(job, services, asks, events) {
            Ok(mut items) => match look.around(job, &mut items, events) {
                Ok(()) => Event::Judged(Task::new(job, (page, attempt), items, expiries)),
                Err(error) => {
                    let _ = events.send(Event::Failed(error));
                    Event::Abandoned
                }
            },
            Err(silence) => {
                // The first failure ends the run; what still stands in the queue is given up likewise.
                if let Silence::Down(reason) = silence {
                    let _ = events.send(Event::Failed(EngineError::Service(reason)));
                }
                Event::Abandoned
            }
        };
        if events.send(event).is_err() {
            break;
        }
    }
}

/// Asks until no document has a question left.
fn settle(
    job: &Job<'_>,
    services: &Services,
    asks: Vec<(Key, Box<Asked>)>,
    events: &Sender<Event>,
) -> Result<Vec<(Key, Judged)>, Silence> {
    let mut items: Vec<(Key, Judged)> =
        asks.into_iter().map(|(key, asked)| (key, Judged::Ask(asked))).collect();
    loop {
        let mut asked = BTreeMap::new();
        for (key, judged) in &items {
            if let Judged::Ask(question) = judged {
                asked.insert(key.clone(), question.ask.clone());
            }
        }
        if asked.is_empty() {
            return Ok(items);
        }
        put_all(job, services, &asked, events)?;
        for (key, judged) in &mut items {
            if let Judged::Ask(question) = judged {
                let Asked { content, .. } = &**question;
                *judged = job.judge.judge_with(key, content, &job.answers.of(key));
            }
        }
    }
}

/// Puts every question, as many in one call as its endpoint takes. The answers are with `job` and on
/// their way to the journal when this returns.
fn put_all(
    job: &Job<'_>,
    services: &Services,
    asked: &BTreeMap<Key, Ask>,
    events: &Sender<Event>,
) -> Result<(), Silence> {
    let mut groups: BTreeMap<_, Vec<(&Key, &Ask)>> = BTreeMap::new();
    for (key, ask) in asked {
        groups.entry(Arc::as_ptr(&ask.endpoint)).or_default().push((key, ask));
    }
    let mut held = |reason| {
        let _ = events.send(Event::Held(reason));
    };
    for group in groups.values() {
        let documents = group[0].1.endpoint.batch.as_ref().map_or(1, |batch| batch.documents);
        for call in group.chunks(documents) {
            let asks: Vec<&Ask> = call.iter().map(|(_, ask)| *ask).collect();
            let answers = services.put(&asks, job.control, job.patience, &mut held)?;
            note(job, call, answers, events);
        }
    }
    Ok(())
}

/// Keeps answers, and hands those that a resumed run can use to the journal.
fn note(job: &Job<'_>, call: &[(&Key, &Ask)], answers: Vec<Answer>, events: &Sender<Event>) {
    let mut entries = Vec::new();
    for ((key, ask), answer) in call.iter().zip(answers) {
        let question: Digest = ask.digest();
        if let Answer::Json(text) = &answer {
            entries.push(AnswerEntry { key: (*key).clone(), question, answer: text.clone() });
        }
        job.answers.keep(key, question, answer);
    }
    if !entries.is_empty() {
        let _ = events.send(Event::Answered(entries));
    }
}
