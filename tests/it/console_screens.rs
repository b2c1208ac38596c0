//! How the console looks: every pane in its states at three sizes and in two themes, and that no size
//! and no key breaks it.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use remold::console::msg::Msg;
use remold::model::Phase;
use remold::session::Settings;

use crate::console_stage::{Stage, said};

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// Shows a state at every size and in both themes. The text is the same in both; below it stands which
/// styles its cells have.
fn shown(name: &str, prepare: impl Fn(&mut Stage)) {
    shown_with(name, &Settings::default(), prepare);
}

fn shown_with(name: &str, settings: &Settings, prepare: impl Fn(&mut Stage)) {
    for size in SIZES {
        let [dark, light] = ["dark", "light"].map(|theme| {
            let mut stage = Stage::with(theme, size, settings.clone());
            stage.server_answers();
            prepare(&mut stage);
            stage
        });
        let [(text, dark), (same, light)] = [dark, light].map(|mut s| (s.text(), s.draw()));
        assert_eq!(text, same, "a theme changes no word");
        let screen = format!("{text}\n\n{}", styles(&dark, &light));
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), screen);
    }
}

/// Which cells look how: a letter for each pair of styles, in runs (`a3` is three cells of `a`), rows
/// that are alike once; then what the letters stand for.
fn styles(dark: &Buffer, light: &Buffer) -> String {
    let style = |cell: &Cell| format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier);
    let mut known: Vec<String> = Vec::new();
    let mut rows: Vec<(String, usize)> = Vec::new();
    let width = usize::from(dark.area.width);
    for (dark, light) in dark.content.chunks(width).zip(light.content.chunks(width)) {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for (dark, light) in dark.iter().zip(light) {
            let pair = format!("{}, {}", style(dark), style(light));
            let at = known.iter().position(|style| *style == pair).unwrap_or_else(|| {
                known.push(pair);
                known.len() - 1
            });
            match runs.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => runs.push((at, 1)),
            }
        }
        let words = runs.iter().map(|(at, count)| format!("{}{count}", letter(*at)));
        let row = words.collect::<Vec<_>>().join(" ");
        match rows.last_mut() {
            Some((last, count)) if *last == row => *count += 1,
            _ => rows.push((row, 1)),
        }
    }
    let mut out = String::new();
    for (row, count) in rows {
        _ = writeln!(out, "{count} × {row}");
    }
    for (at, pair) in known.iter().enumerate() {
        _ = writeln!(out, "{} = {pair}", letter(at));
    }
    out
}

fn letter(at: usize) -> char {
    let at = u8::try_from(at).expect("a screen has few styles");
    char::from(if at < 26 { b'a' + at } else { b'A' + at - 26 })
}

fn with_keys(stage: &mut Stage) {
    let generation = said::generation(&stage.press("f5"));
    let effects = stage.send(Msg::Keys(generation, Ok(said::page(7))));
    let generation = said::generation(&effects);
    stage.send(Msg::Value(generation, "order:1".into(), Ok(Some(said::detail()))));
}

fn with_chain(stage: &mut Stage) {
    stage.press("2 j j j");
    let effects = stage.press("c");
    let generation = said::generation(&effects);
    stage.send(Msg::Planned(generation, Ok(said::plan())));
    stage.send(Msg::Previewed(generation, Ok(said::previews())));
    stage.send(Msg::Rehearsed(generation, Ok(Box::new(said::rehearsal()))));
}

fn with_run(stage: &mut Stage, phase: Phase) {
    with_chain(stage);
    stage.press("r x");
    stage.type_text("user:*");
    stage.press("enter");
    stage.send(said::progress(Phase::Running));
    stage.send(said::readings());
    for half_second in 1..30 {
        let paused = (10..20).contains(&half_second);
        stage.send(said::progress(if paused { Phase::Paused } else { phase }));
        stage.at(half_second * 500);
    }
    stage.app.shared.toasts.clear();
}

#[test]
fn keys_in_every_state() {
    shown("keys_loading", |_| {});
    shown("keys_full", with_keys);
    shown("keys_running", |stage| {
        with_keys(stage);
        with_run(stage, Phase::Running);
        stage.press("1");
    });
    shown("keys_value", |stage| {
        with_keys(stage);
        stage.press("tab j j j left");
    });
    shown("keys_empty", |stage| {
        let generation = said::generation(&stage.press("f5"));
        let page = remold::session::Page { lines: Vec::new(), ..said::page(0) };
        stage.send(Msg::Keys(generation, Ok(page)));
    });
    shown("keys_error", |stage| {
        let generation = said::generation(&stage.press("f5"));
        stage.send(Msg::Keys(generation, Err("cannot reach redis://127.0.0.1:6379".into())));
        stage.send(Msg::Server(Err("cannot reach redis://127.0.0.1:6379".into())));
    });
}

#[test]
fn schemas_and_chain() {
    shown("schemas_list", |stage| {
        stage.press("2 j j j");
    });
    shown("schemas_difference", |stage| {
        stage.press("2 j j j tab n");
    });
    shown("schemas_inferring", |stage| {
        stage.press("2 j j j i");
    });
    shown("schemas_inferred", |stage| {
        let generation = said::generation(&stage.press("2 j j j i"));
        stage.send(Msg::Inferred(generation, Ok(said::inferred())));
    });
    shown("schemas_error", |stage| {
        let generation = said::generation(&stage.press("2 j j j i"));
        stage.send(Msg::Inferred(generation, Err("no document stands under 'user:*'".into())));
    });
    shown("schemas_running", |stage| {
        with_run(stage, Phase::Running);
        stage.press("2");
    });
    shown("chain_running", |stage| {
        with_run(stage, Phase::Running);
        stage.press("3");
    });
    shown("chain_planning", |stage| {
        stage.press("3");
    });
    shown("chain_refused", |stage| {
        let generation = said::generation(&stage.press("3"));
        stage.send(Msg::Planned(generation, Err("no migrations lead there".into())));
    });
    shown("chain_ready", with_chain);
    shown("chain_documents", |stage| {
        with_chain(stage);
        stage.press("j j tab");
    });
    shown("chain_trouble", |stage| {
        with_chain(stage);
        stage.press("!");
    });
}

#[test]
fn without_definitions() {
    // A folder with a name that is the same everywhere, and without definitions.
    let settings = Settings { catalog: Some("tests/it/harness".into()), ..Settings::default() };
    for (name, keys) in [("schemas_empty", "2"), ("chain_empty", "3"), ("run_empty", "4")] {
        shown_with(name, &settings, |stage| {
            stage.press(keys);
        });
    }
}

#[test]
fn chain_while_it_is_edited() {
    shown("chain_templates", |stage| {
        with_chain(stage);
        stage.press("j j a");
    });
    shown("chain_form", |stage| {
        with_chain(stage);
        stage.press("j j j j j j e");
    });
    shown("chain_text", |stage| {
        with_chain(stage);
        stage.press("j j E down end backspace backspace");
        stage.type_text("x\",");
    });
    shown("chain_paths", |stage| {
        with_chain(stage);
        stage.press("v");
    });
}

#[test]
fn run_and_history() {
    shown("run_plan", |stage| {
        with_chain(stage);
        stage.press("r");
    });
    shown("run_question", |stage| {
        with_chain(stage);
        stage.press("r x");
    });
    shown("run_loading", |stage| {
        with_chain(stage);
        stage.press("r x");
        stage.type_text("user:*");
        stage.press("enter");
    });
    shown("run_done", |stage| {
        with_run(stage, Phase::Running);
        stage.send(said::progress(Phase::Done));
        stage.send(Msg::Ended(Ok(said::report())));
        stage.app.shared.toasts.clear();
    });
    shown("run_running", |stage| with_run(stage, Phase::Running));
    shown("run_paused", |stage| with_run(stage, Phase::Paused));
    shown("run_error", |stage| {
        with_run(stage, Phase::Running);
        stage.send(Msg::Ended(Err("the server went away; what was written is journalled".into())));
        stage.app.shared.toasts.clear();
    });
    shown("run_stage_done", |stage| {
        with_run(stage, Phase::Running);
        stage.send(said::stage_done());
    });
    shown("run_retry", |stage| {
        with_run(stage, Phase::Running);
        stage.send(Msg::Ended(Ok(said::report())));
        stage.press("O R");
        stage.send(Msg::Retry(1, said::run_id(), Ok(said::retry_plan())));
        stage.app.shared.toasts.clear();
    });
    shown("run_leave", |stage| {
        with_run(stage, Phase::Running);
        stage.press("q");
    });
    shown("history_loading", |stage| {
        stage.press("5");
    });
    shown("history_error", |stage| {
        stage.press("5");
        stage.send(Msg::Runs(Err("cannot read the folder of runs".into())));
    });
    shown("history_running", |stage| {
        with_run(stage, Phase::Running);
        stage.press("5");
        stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    });
    shown("history_empty", |stage| {
        stage.press("5");
        stage.send(Msg::Runs(Ok((Vec::new(), Vec::new()))));
    });
    shown("history_opened", |stage| {
        stage.press("5");
        stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
        stage.press("enter");
        stage.send(Msg::RunRead(1, Ok(said::story())));
    });
    shown("history_full", |stage| {
        stage.press("5");
        stage.send(Msg::Runs(Ok((said::runs(), vec!["one journal is torn".into()]))));
    });
}

#[test]
fn log_of_events_and_of_commands() {
    shown("log_events", |stage| {
        stage.app.shared.trouble("not saved: the registry is read-only");
        stage.press("L");
    });
    shown("log_commands", |stage| {
        stage.press("L");
        stage.send(Msg::Traffic(said::traffic(1_234)));
    });
    shown("log_loading", |stage| {
        stage.press("L tab");
    });
}

#[test]
fn help_and_palette() {
    shown("help", |stage| {
        stage.press("?");
    });
    shown("palette", |stage| {
        stage.press("4 :");
        stage.type_text("run");
    });
}

#[test]
fn a_screen_that_is_too_small_still_says_how_far_the_run_is() {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    with_run(&mut stage, Phase::Running);
    stage.size = (59, 14);
    let text = stage.text();
    assert!(text.contains("run 43 %") && text.contains("q: quit"), "{text}");
    assert!(text.contains("needs 60x15, has 59x14"), "{text}");
    stage.size = (60, 15);
    assert!(stage.text().contains("43 %"));
}

#[test]
fn mono_sends_no_colour_and_still_shows_the_selection() {
    let mut stage = Stage::new("mono", (120, 40));
    stage.server_answers();
    with_keys(&mut stage);
    for keys in ["1", "2", "3", "4", "5", "?"] {
        stage.press(keys);
        let buffer = stage.draw();
        for cell in &buffer.content {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{keys}");
        }
        let reversed = buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED));
        assert!(reversed, "nothing is seen to be selected in {keys}");
    }
}

#[test]
fn production_colours_the_frame() {
    let settings = Settings { environment: Some("production".into()), ..Settings::default() };
    let mut stage = Stage::with("dark", (120, 40), settings);
    stage.server_answers();
    let buffer = stage.draw();
    assert!(buffer.content[..120].iter().all(|cell| cell.bg == Color::Red));
    assert!(stage.text().contains(" PRODUCTION "));
}

#[test]
fn no_size_breaks_it() {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    with_keys(&mut stage);
    with_run(&mut stage, Phase::Paused);
    stage.send(Msg::Server(Err("gone".into())));
    let sizes = (1..=40).chain([59, 60, 79, 119, 120, 200, 400]);
    for width in sizes {
        for height in [1, 2, 3, 5, 8, 14, 15, 16, 24, 29, 30, 60] {
            stage.size = (width, height);
            for keys in ["1", "2", "3", "4", "5", "?", "esc", "q", "esc"] {
                stage.press(keys);
            }
        }
    }
}
