//! Which guesses are taken: the surest first, and the next that does not clash.

use super::candidates::{Candidate, Ground};
use super::scope::{ASKED, GUESS, LEFT_OVER, LIKELY};
use super::written::steps_of;

/// From this confidence on a guess is as good as likely where nothing else comes near.
const NEARLY: f64 = 0.69;
/// A guess that another one comes so near to is only asked about.
const MARGIN: f64 = 0.15;
/// A guess that is less sure than this stands in nobody's way.
const RIVAL: f64 = 0.15;

/// The guesses that may matter; the same from several rules once, as the surest of them has it.
fn once(mut guesses: Vec<Candidate>) -> Vec<Candidate> {
    guesses.retain(|guess| guess.confidence >= RIVAL);
    guesses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut known: Vec<Candidate> = Vec::new();
    for guess in guesses {
        let is_same = |other: &Candidate| {
            (&other.reads, &other.writes, &other.how) == (&guess.reads, &guess.writes, &guess.how)
        };
        if !known.iter().any(is_same) {
            known.push(guess);
        }
    }
    known
}

/// Takes the surest guess, and the next that does not clash, until none is sure enough. Answers what
/// was taken, and what is only to be asked about.
pub fn chosen(
    declared: Vec<Candidate>,
    guesses: Vec<Candidate>,
    ground: &Ground<'_>,
    least: f64,
) -> (Vec<Candidate>, Vec<Candidate>) {
    let mut guesses = once(guesses);
    guesses.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.writes.cmp(&b.writes)));
    let mut picks = declared;
    let mut unsure: Vec<Candidate> = Vec::new();
    let reads_twice = |a: &Candidate, b: &Candidate| {
        // Shown by pairs, one old field may make several new ones.
        a.hits.right > 0 && b.hits.right > 0 && !a.writes.iter().any(|w| b.writes.contains(w))
    };
    let collide = |a: &Candidate, b: &Candidate| a.clashes(b) && !reads_twice(a, b);
    for at in 0..guesses.len() {
        let guess = guesses[at].clone();
        if picks.iter().any(|pick| collide(pick, &guess)) {
            continue;
        }
        // What makes more of the same fields, and is about as sure, goes first.
        let is_part = |other: &Candidate| {
            explains_more(other, &guess)
                && other.confidence >= (guess.confidence - MARGIN).max(GUESS)
                && !picks.iter().any(|pick| collide(pick, other))
        };
        if guesses[at + 1..].iter().any(is_part) {
            continue;
        }
        // What a better guess could not decide for itself is no more certain for being next.
        if unsure.iter().any(|doubted| collide(doubted, &guess)) {
            if guess.confidence >= ASKED {
                unsure.push(guess);
            }
            continue;
        }
        let rivals: Vec<&Candidate> = guesses[at + 1..]
            .iter()
            .filter(|other| {
                collide(other, &guess)
                    && !picks.iter().any(|pick| collide(pick, other))
                    && !explains_more(&guess, other)
                    && !is_better_elsewhere(&guesses, &guess, other, &collide)
            })
            .collect();
        let nearest = rivals.first().map_or(0.0, |rival| rival.confidence);
        let (rival_from, margin) =
            if guess.confidence < GUESS { (RIVAL, 0.1) } else { (0.4, MARGIN) };
        let is_close =
            nearest >= rival_from && guess.confidence - nearest < margin && guess.confidence < 0.95;
        let is_close = is_close && !is_obvious(&guess, ground);
        // The one that comes near is right when what this one takes has another place.
        let is_other = |rival: &&Candidate| is_better_elsewhere(&guesses, rival, &guess, &collide);
        if is_close && rivals.first().is_some_and(is_other) {
            continue;
        }
        let mut guess = guess.clone();
        let told = rivals.iter().filter(|rival| rival.confidence >= ASKED).take(3);
        guess.alternatives = told
            .map(|rival| (rival.evidence.clone(), steps_of(rival, ground.old, ground.new)))
            .collect();
        let least = if ground.are_left_over(&guess) { least } else { least.max(GUESS) };
        if guess.confidence < least || is_close {
            if guess.confidence >= ASKED {
                unsure.push(guess);
            }
            continue;
        }
        // Nothing else comes near: both fields go nowhere, or to each other.
        let is_alone = nearest < ASKED && ground.are_left_over(&guess);
        if is_alone && (NEARLY..LIKELY).contains(&guess.confidence) {
            guess.confidence = LIKELY;
        }
        picks.push(guess);
    }
    unsure.retain(|guess| {
        !guess.writes.iter().any(|to| picks.iter().any(|pick| pick.writes.contains(to)))
    });
    (picks, unsure)
}

/// Whether what a rival would take or make has a better guess that leaves this one alone, and both
/// together are surer than the rival and what would then be left for this guess's fields.
fn is_better_elsewhere(
    guesses: &[Candidate],
    guess: &Candidate,
    rival: &Candidate,
    collide: &dyn Fn(&Candidate, &Candidate) -> bool,
) -> bool {
    let elsewhere = |other: &&Candidate| collide(other, rival) && !collide(other, guess);
    let Some(better) = guesses.iter().find(elsewhere) else { return false };
    let instead = |other: &&Candidate| collide(other, guess) && !collide(other, rival);
    let left = guesses.iter().find(instead).map_or(0.0, |other| other.confidence);
    better.confidence >= LEFT_OVER
        && guess.confidence + better.confidence >= rival.confidence + left + MARGIN
}

/// Whether a guess makes of the same fields what the other makes, and more.
fn explains_more(guess: &Candidate, other: &Candidate) -> bool {
    let holds = |all: &[usize], part: &[usize]| part.iter().all(|at| all.contains(at));
    guess.reads.len() + guess.writes.len() > other.reads.len() + other.writes.len()
        && holds(&guess.reads, &other.reads)
        && holds(&guess.writes, &other.writes)
}

/// Whether a guess leaves a field in its place: another field that could fill it as well does not
/// make that doubtful.
fn is_obvious(guess: &Candidate, ground: &Ground<'_>) -> bool {
    matches!((guess.reads.as_slice(), guess.writes.as_slice()), ([from], [to])
        if ground.old.leaves[*from].path == ground.new.leaves[*to].path)
}
