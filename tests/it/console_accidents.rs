//! Random events on the console's state alone: a hundred times two hundred of them neither break it nor make it
//! write.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use remold::console::effect::{Effect, Work};
use remold::console::msg::Msg;
use remold::model::Phase;

use crate::console_stage::{Stage, said};

/// One random event: a key, a paste, a size, an answer.
#[derive(Clone, Debug)]
enum Event {
    Key(&'static str),
    Paste(String),
    Size(u16, u16),
    Mouse(u8, u16, u16),
    Answer(u8),
    Time,
}

const KEYS: [&str; 58] = [
    "1",
    "2",
    "3",
    "4",
    "5",
    "up",
    "down",
    "left",
    "right",
    "pgup",
    "pgdn",
    "home",
    "end",
    "tab",
    "enter",
    "esc",
    "space",
    "backspace",
    "del",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "x",
    "y",
    "z",
    "F",
    "G",
    "T",
    "L",
    "?",
    ":",
    "/",
    "!",
    "+",
    "-",
    "ctrl-c",
    "ctrl-p",
    "ctrl-u",
    "f5",
];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..KEYS.len()).prop_map(|at| Event::Key(KEYS[at])),
        1 => ".{0,20}".prop_map(Event::Paste),
        1 => (1u16..220, 1u16..70).prop_map(|(width, height)| Event::Size(width, height)),
        1 => (0u8..6, 0u16..220, 0u16..70).prop_map(|(kind, x, y)| Event::Mouse(kind, x, y)),
        2 => (0u8..9).prop_map(Event::Answer),
        1 => Just(Event::Time),
    ]
}

/// Sends an event; answers carry the generation that was asked for last.
fn play(stage: &mut Stage, event: Event, asked: &mut u64, clock: &mut i64) -> Vec<Effect> {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    match event {
        Event::Key(key) => stage.press(key),
        // The pattern itself would confirm; that is no accident.
        Event::Paste(text) => stage.send(Msg::Paste(text)),
        Event::Size(width, height) => {
            stage.size = (width, height);
            stage.send(Msg::Resized)
        }
        Event::Mouse(kind, column, row) => {
            let kind = match kind {
                0 => MouseEventKind::ScrollUp,
                1 => MouseEventKind::ScrollDown,
                2 => MouseEventKind::Drag(MouseButton::Left),
                3 => MouseEventKind::Up(MouseButton::Left),
                _ => MouseEventKind::Down(MouseButton::Left),
            };
            let modifiers = KeyModifiers::NONE;
            stage.send(Msg::Mouse(MouseEvent { kind, column, row, modifiers }))
        }
        Event::Answer(kind) => stage.send(match kind {
            0 => Msg::Keys(*asked, Ok(said::page(7))),
            1 => Msg::Value(*asked, "user:1".into(), Ok(Some(said::detail()))),
            2 => Msg::Planned(*asked, Ok(said::plan())),
            3 => Msg::Previewed(*asked, Ok(said::previews())),
            4 => said::progress(Phase::Running),
            5 => said::progress(Phase::Paused),
            6 => Msg::Ended(Err("gone".into())),
            7 => Msg::Runs(Ok((said::runs(), Vec::new()))),
            _ => Msg::Keys(*asked, Err("gone".into())),
        }),
        Event::Time => {
            *clock += 700;
            stage.at(*clock)
        }
    }
    .into_iter()
    .inspect(|effect| match effect {
        Effect::Scan { generation, .. }
        | Effect::Read(generation, _)
        | Effect::Plan(generation, ..)
        | Effect::Preview(generation, ..) => *asked = *generation,
        _ => {}
    })
    .collect()
}

#[test]
fn random_events_neither_break_it_nor_make_it_write() {
    let mut runner = TestRunner::new(Config { cases: 100, ..Config::default() });
    let many = proptest::collection::vec(event(), 200);
    let played = runner.run(&many, |events| {
        let mut stage = Stage::new("dark", (80, 24));
        let (mut asked, mut clock) = (1, 0);
        for event in events {
            for effect in play(&mut stage, event, &mut asked, &mut clock) {
                let writes = matches!(
                    effect,
                    Effect::Start(
                        Work::Run { execute: true, .. }
                            | Work::Resume(_)
                            | Work::Rollback(..)
                            | Work::RollForward(_)
                    )
                );
                prop_assert!(!writes, "{effect:?}");
            }
        }
        Ok(())
    });
    played.expect("no panic, no write");
}
