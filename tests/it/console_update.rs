//! What the console does, as state and message to state and effects: no terminal, no server, no time.

use remold::console::command::{COMMANDS, Scope};
use remold::console::effect::{Effect, Order, Work};
use remold::console::msg::Msg;
use remold::console::shared::{Job, JobKind};
use remold::engine::{Knob, OnChanged};
use remold::model::Phase;
use remold::session::Settings;

use crate::console_stage::{Stage, said};

fn stage() -> Stage {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage
}

/// A stage on which the chain to user 3.0.0 is planned and previewed.
fn planned() -> Stage {
    let mut stage = stage();
    stage.press("2 j j j");
    let effects = stage.press("c");
    assert!(matches!(&effects[..], [Effect::Plan(_, request)]
        if request.subject == "user" && request.target.to_string() == "3.0.0"));
    let generation = said::generation(&effects);
    let effects = stage.send(Msg::Planned(generation, Ok(said::plan())));
    assert!(matches!(&effects[..], [Effect::Preview(..)]));
    stage.send(Msg::Previewed(generation, Ok(said::previews())));
    stage
}

fn running() -> Stage {
    let mut stage = planned();
    stage.press("r x");
    stage.type_text("user:*");
    let effects = stage.press("enter");
    assert!(starts_writing(&effects));
    stage.send(said::progress(Phase::Running));
    stage
}

fn starts_writing(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| match effect {
        Effect::Start(Work::Run { execute, .. }) => *execute,
        Effect::Start(Work::Resume(_) | Work::Rollback(..) | Work::RollForward(_)) => true,
        _ => false,
    })
}

#[test]
fn it_asks_for_server_runs_and_keys_first() {
    let mut stage = stage();
    let effects = stage.app.start();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::AskServer)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::ListRuns)));
}

#[test]
fn a_late_page_of_an_old_pattern_is_dropped() {
    let mut stage = stage();
    let first = said::generation(&stage.press("f5"));
    stage.press("/ ctrl-u");
    stage.type_text("order:*");
    let effects = stage.press("enter");
    assert!(matches!(&effects[..], [Effect::Scan { pattern, .. }] if pattern == "order:*"));
    let second = said::generation(&effects);
    stage.send(Msg::Keys(first, Ok(said::page(0))));
    assert!(stage.text().contains("scanning"));
    let effects = stage.send(Msg::Keys(second, Ok(said::page(7))));
    assert!(matches!(&effects[..], [Effect::Read(..)]));
    assert!(stage.text().contains("5 shown, scanned 500 of about 20,000"));
    assert!(matches!(&stage.press("m")[..], [Effect::Scan { cursor: 7, .. }]));
}

#[test]
fn marked_keys_are_the_sample() {
    let mut stage = stage();
    let generation = said::generation(&stage.press("f5"));
    stage.send(Msg::Keys(generation, Ok(said::page(0))));
    stage.press("j space space 2 j j j");
    let effects = stage.press("c");
    let effects = stage.send(Msg::Planned(said::generation(&effects), Ok(said::plan())));
    let [Effect::Preview(_, _, keys, _)] = &effects[..] else { panic!("{effects:?}") };
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["user:1", "user:2"]);
}

#[test]
fn a_key_leads_to_the_chain_of_its_subject() {
    let mut stage = stage();
    let generation = said::generation(&stage.press("f5"));
    let effects = stage.send(Msg::Keys(generation, Ok(said::page(0))));
    assert!(stage.press("c").is_empty(), "no subject is known before the value came");
    let generation = said::generation(&effects);
    stage.send(Msg::Value(generation, "order:1".into(), Ok(Some(said::detail()))));
    let effects = stage.press("c");
    assert!(matches!(&effects[..], [Effect::Plan(_, request)]
        if request.subject == "user" && request.target.to_string() == "3.0.0"));
    assert_eq!(stage.app.shared.marked.len(), 1);
}

#[test]
fn the_keys_of_a_trouble_are_inspected_in_the_chain() {
    let mut stage = running();
    let effects = stage.press("i");
    let effects = stage.send(Msg::Planned(said::generation(&effects), Ok(said::plan())));
    let [Effect::Preview(_, _, keys, _)] = &effects[..] else { panic!("{effects:?}") };
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    assert_eq!(keys, ["user:17", "user:2"]);
}

#[test]
fn nothing_writes_before_the_pattern_is_typed() {
    let mut stage = planned();
    for keys in ["r x enter", "x u s e r : enter", "x esc", "x y e s enter esc"] {
        let effects = stage.press(keys);
        assert!(!starts_writing(&effects), "{keys}: {effects:?}");
        assert!(stage.app.shared.job.is_none());
        stage.press("esc");
    }
    let effects = stage.press("d");
    assert!(matches!(&effects[..], [Effect::Start(Work::Run { execute: false, .. })]));
}

#[test]
fn the_typed_pattern_starts_the_plan_that_was_shown() {
    let mut stage = running();
    assert_eq!(stage.app.shared.job.as_ref().expect("a job").kind, JobKind::Run);
    // A second job does not begin beside it.
    assert!(stage.press("d x").is_empty());
    assert!(matches!(&stage.press("space")[..], [Effect::Order(Order::Pause)]));
    stage.send(said::progress(Phase::Paused));
    assert!(matches!(&stage.press("space")[..], [Effect::Order(Order::Resume)]));
    assert!(matches!(&stage.press("o")[..], [Effect::Order(Order::Step)]));
    assert!(matches!(&stage.press("-")[..], [Effect::Order(Order::Set(Knob::Rate(Some(4_938))))]));
    assert!(matches!(&stage.press("s")[..], [Effect::Order(Order::Stop)]));
}

#[test]
fn quitting_is_quick_when_idle_and_asks_when_something_is_at_work() {
    assert!(matches!(&stage().press("q")[..], [Effect::Exit]));
    assert!(matches!(&stage().press("ctrl-c")[..], [Effect::Exit]));
    let mut stage = running();
    assert!(stage.press("q").is_empty());
    assert!(stage.press("enter").is_empty(), "the default stays");
    stage.press("q down");
    assert!(matches!(&stage.press("enter")[..], [Effect::Order(Order::Stop)]));
    let effects = stage.send(Msg::Ended(Err("stopped".into())));
    assert!(matches!(effects.last(), Some(Effect::Exit)));
}

#[test]
fn ctrl_c_asks_then_stops_then_forces_and_a_signal_stops_at_once() {
    let mut stage = running();
    assert!(stage.press("ctrl-c").is_empty());
    assert!(matches!(&stage.press("ctrl-c")[..], [Effect::Order(Order::Stop)]));
    assert!(matches!(&stage.press("ctrl-c")[..], [Effect::Exit]));
    let mut stage = running();
    assert!(matches!(&stage.send(Msg::Terminate)[..], [Effect::Order(Order::Stop)]));
}

#[test]
fn a_run_of_history_is_rolled_back_after_its_pattern_was_typed() {
    let mut stage = stage();
    stage.press("5");
    stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    assert!(matches!(
        &stage.press("v")[..],
        [Effect::ListRuns, ..] | [.., Effect::Start(Work::Verify(_))]
    ));
    stage.app.shared.job = None;
    stage.press("5 b");
    assert!(!starts_writing(&stage.press("enter")));
    stage.press("b");
    stage.type_text("user:*");
    let effects = stage.press("enter");
    assert!(effects.iter().any(
        |effect| matches!(effect, Effect::Start(Work::Rollback(run, _)) if *run == said::run_id())
    ));
}

#[test]
fn read_only_takes_away_what_writes() {
    let settings = Settings { read_only: true, ..Settings::default() };
    let mut stage = Stage::with("dark", (120, 40), settings);
    stage.app.shared.plan = Some(said::plan());
    stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    for keys in ["4 x", "5 b", "5 e"] {
        let effects = stage.press(keys);
        assert!(!starts_writing(&effects));
        assert!(stage.app.shared.overlays.is_empty(), "{keys} opened a question");
        assert!(stage.text().contains("read-only"), "{keys} does not say why");
    }
}

#[test]
fn a_server_that_goes_away_is_a_banner_until_it_is_back() {
    let mut stage = stage();
    stage.send(Msg::Server(Err("connection refused".into())));
    assert!(stage.text().contains("asking again"));
    assert!(stage.text().contains("20,000 keys"), "the last figures stay");
    stage.server_answers();
    assert!(!stage.text().contains("no answer"));
    assert!(stage.text().contains("answers again"));
}

#[test]
fn a_job_that_panics_comes_back_as_words() {
    let mut stage = running();
    stage.send(Msg::Ended(Err("this is a bug, and what was asked did not happen".into())));
    assert!(stage.app.shared.job.is_none());
    assert!(stage.text().contains("this is a bug"));
}

#[test]
fn a_frozen_screen_stands_still_while_the_work_goes_on() {
    let mut stage = running();
    stage.press("F");
    stage.app.shared.job =
        Some(Job { progress: None, ..stage.app.shared.job.clone().expect("a job") });
    stage.send(said::progress(Phase::Running));
    assert!(stage.app.shared.job.as_ref().expect("a job").progress.is_none());
    assert!(stage.text().contains("FROZEN"));
}

#[test]
fn every_verb_can_be_asked_for_in_every_pane() {
    for scope in Scope::PANES {
        for command in COMMANDS.iter().filter(|command| command.scope.meets(scope)) {
            let mut stage = planned();
            stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
            let tab = Scope::PANES.iter().position(|pane| *pane == scope).expect("a pane") + 1;
            stage.press(&tab.to_string());
            let effects = stage.app.act(command.verb);
            assert!(!starts_writing(&effects), "{} in {scope:?}", command.hint);
            stage.draw();
        }
    }
}

#[test]
fn a_rollback_says_what_becomes_of_keys_that_were_changed_since() {
    let mut stage = stage();
    stage.press("5");
    stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    stage.press("B down");
    assert!(stage.text().contains("inverse chain"), "{}", stage.text());
    assert!(!starts_writing(&stage.press("enter")));
    stage.type_text("user:*");
    let effects = stage.press("enter");
    let inverts =
        |effect: &Effect| matches!(effect, Effect::Start(Work::Rollback(_, OnChanged::Invert)));
    assert!(effects.iter().any(inverts), "{effects:?}");
}

#[test]
fn the_keys_that_failed_are_run_over_alone() {
    let mut stage = running();
    assert!(stage.press("R").is_empty(), "while it works there is nothing to retry");
    stage.send(Msg::Ended(Ok(said::report())));
    let effects = stage.press("R");
    let [Effect::Retry(generation, run, request)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((run, request.subject.as_str()), (&said::run_id(), "user"));
    // A late answer to another question is dropped.
    stage.send(Msg::Retry(generation + 1, said::run_id(), Ok(said::retry_plan())));
    assert!(!stage.text().contains("retry of"));
    stage.send(Msg::Retry(*generation, said::run_id(), Ok(said::retry_plan())));
    let text = stage.text();
    assert!(text.contains("Plan: retry of 20261123-120000-user-3f2a"), "{text}");
    assert!(text.contains("--failed-of"), "{text}");
    stage.press("x");
    assert!(stage.text().contains("only the 2 keys of a list"), "{}", stage.text());
    stage.type_text("user:*");
    let effects = stage.press("enter");
    let over_two = |effect: &Effect| {
        matches!(effect, Effect::Start(Work::Run { plan, execute: true, .. })
            if plan.selection.keys.as_ref().is_some_and(|keys| keys.len() == 2))
    };
    assert!(effects.iter().any(over_two), "{effects:?}");
    stage.send(Msg::Ended(Err("gone".into())));
    // The chain is about all keys, and so is its plan.
    stage.press("3 4");
    assert!(!stage.text().contains("retry of"), "{}", stage.text());
}

#[test]
fn a_run_of_history_is_retried_and_refused_when_nothing_failed() {
    let mut stage = stage();
    stage.press("5");
    let mut runs = said::runs();
    stage.send(Msg::Runs(Ok((runs.clone(), Vec::new()))));
    let effects = stage.press("R");
    assert!(matches!(&effects[..], [Effect::Retry(_, run, request)]
        if *run == said::run_id() && request.target.to_string() == "3.0.0"));
    for summary in &mut runs {
        summary.tally.failed = 0;
    }
    stage.send(Msg::Runs(Ok((runs, Vec::new()))));
    assert!(stage.press("R").is_empty());
    assert!(stage.text().contains("no key of it needs eyes"));
}

#[test]
fn a_run_in_stages_asks_between_them_and_waits_unless_told() {
    let mut stage = planned();
    stage.press("r C ctrl-u");
    stage.type_text("1%,50%");
    stage.press("enter");
    assert!(stage.text().contains("the last stage"), "{}", stage.text());
    stage.press("esc C enter");
    stage.press("x");
    assert!(stage.text().contains("In stages of 1%,10%,100%"), "{}", stage.text());
    stage.type_text("user:*");
    let effects = stage.press("enter");
    let in_stages = |effect: &Effect| matches!(effect, Effect::Start(Work::Run { plan, .. }) if plan.canary.is_some());
    assert!(effects.iter().any(in_stages), "{effects:?}");
    stage.send(said::stage_done());
    assert!(stage.text().contains("canary 1% is done"), "{}", stage.text());
    // Enter by habit changes nothing, and the same report does not ask again.
    assert!(stage.press("enter").is_empty());
    stage.send(said::stage_done());
    assert!(stage.app.shared.overlays.is_empty());
    assert!(matches!(&stage.press("space")[..], [Effect::Order(Order::Resume)]));
    stage.send(said::progress(Phase::Running));
    stage.send(said::stage_done());
    stage.press("down");
    assert!(matches!(&stage.press("enter")[..], [Effect::Order(Order::Resume)]));
    // What is being typed is not taken for an answer.
    stage.send(said::progress(Phase::Running));
    stage.press("p");
    stage.send(said::stage_done());
    assert!(!stage.text().contains("canary 1% is done  "), "{}", stage.text());
    assert!(stage.text().contains("the run waits: space"), "{}", stage.text());
}

#[test]
fn step_by_step_is_chosen_before_the_run() {
    let mut stage = planned();
    stage.press("r O");
    assert!(stage.text().contains("Step by step: one batch at a time"));
    assert!(stage.text().contains("--step"));
    let effects = stage.press("d");
    assert!(matches!(&effects[..], [Effect::Start(Work::Run { by_step: true, .. })]));
}

#[test]
fn a_rollback_is_taken_back_after_the_pattern_was_typed() {
    let mut stage = stage();
    stage.press("5");
    let mut runs = said::runs();
    stage.send(Msg::Runs(Ok((runs.clone(), Vec::new()))));
    stage.press("f");
    assert!(stage.text().contains("the run was not rolled back"));
    let tally = remold::engine::RollbackTally { restored: 4, ..Default::default() };
    for summary in &mut runs {
        summary.rollback = Some(tally);
    }
    stage.send(Msg::Runs(Ok((runs, Vec::new()))));
    stage.press("f");
    assert!(stage.text().contains("the 4 keys that the rollback put back"), "{}", stage.text());
    stage.type_text("user:*");
    let effects = stage.press("enter");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Start(Work::RollForward(_)))));
}

#[test]
fn a_rollback_that_left_keys_does_not_say_that_all_are_as_before() {
    let mut stage = stage();
    stage.press("5");
    stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    stage.press("j b");
    stage.type_text("user:*");
    stage.press("enter");
    let Msg::Progress(mut progress) = said::progress(Phase::Running) else { unreachable!() };
    progress.verb = remold::engine::Verb::Rollback;
    stage.send(Msg::Progress(progress));
    let tally = remold::engine::RollbackTally { restored: 4, changed: 2, ..Default::default() };
    let report = remold::engine::Report { rollback: Some(tally), ..*said::report() };
    stage.send(Msg::Ended(Ok(Box::new(report))));
    let text = stage.text();
    assert!(text.contains("2 keys of the run left as they are"), "{text}");
    assert!(text.contains("changed since 2"), "{text}");
}

#[test]
fn the_sample_is_taken_there_and_back() {
    let mut stage = stage();
    stage.press("2 j j j");
    let effects = stage.press("c");
    let generation = said::generation(&effects);
    stage.send(Msg::Planned(generation, Ok(said::plan())));
    let effects = stage.send(Msg::Previewed(generation, Ok(said::previews())));
    let [Effect::Rehearse(asked, _, keys, 3)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*asked, keys.len()), (generation, 3), "the keys that are shown");
    stage.send(Msg::Rehearsed(generation, Ok(Box::new(said::rehearsal()))));
    let text = stage.text();
    assert!(text.contains("all 1 come back byte for byte"), "{text}");
    assert!(text.contains("back, 1 key: v2_to_v3 step 1"), "{text}");
}

#[test]
fn a_dry_run_tells_the_question_how_many() {
    let mut stage = planned();
    stage.press("r d");
    stage.send(said::progress(Phase::Running));
    let report = remold::engine::Report { plan: said::plan().id(), ..*said::report() };
    stage.send(Msg::Ended(Ok(Box::new(report))));
    stage.press("x");
    let text = stage.text();
    assert!(text.contains("The dry run found 10,000 keys of them: 9,690 would be"), "{text}");
    assert!(text.contains("10 need eyes and are left as they are"), "{text}");
}

#[test]
fn the_log_tells_which_commands_were_sent_until_it_is_held_still() {
    let mut stage = stage();
    let effects = stage.press("L");
    assert!(matches!(&effects[..], [Effect::ReadTraffic]), "{effects:?}");
    stage.send(Msg::Traffic(said::traffic(1)));
    assert!(stage.text().contains("EVALSHA"), "{}", stage.text());
    let asked = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::ReadTraffic));
    assert!(asked(&stage.at(400)) && !asked(&stage.at(500)), "it asks now and then");
    stage.press("space");
    assert!(!asked(&stage.at(2_000)) && stage.text().contains("held still"));
    stage.press("space esc");
    assert!(!asked(&stage.at(4_000)) && stage.app.shared.overlays.is_empty());
}

#[test]
fn what_failed_is_asked_again_when_the_server_is_back() {
    let mut stage = stage();
    let generation = said::generation(&stage.press("f5"));
    stage.send(Msg::Server(Err("connection refused".into())));
    stage.send(Msg::Keys(generation, Err("connection refused".into())));
    assert!(stage.text().contains("not scanned"), "{}", stage.text());
    let up = Msg::Server(Ok(remold::session::ServerInfo::default()));
    assert!(matches!(&stage.send(up)[..], [Effect::Scan { cursor: 0, .. }]));
}

#[test]
fn the_divider_is_dragged_in_each_pane_by_itself() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut stage = stage();
    let left = |stage: &mut Stage| {
        let text = stage.text();
        text.lines().nth(2).and_then(|line| line.chars().position(|c| c == '┐')).expect("a frame")
    };
    let before = left(&mut stage);
    let at = u16::try_from(before).expect("on screen");
    let mouse = |kind, column| {
        Msg::Mouse(MouseEvent { kind, column, row: 10, modifiers: KeyModifiers::NONE })
    };
    stage.send(mouse(MouseEventKind::Down(MouseButton::Left), at));
    stage.send(mouse(MouseEventKind::Drag(MouseButton::Left), 90));
    stage.send(mouse(MouseEventKind::Up(MouseButton::Left), 90));
    assert_eq!(left(&mut stage), 89);
    stage.press("4");
    assert_ne!(left(&mut stage), 89);
    stage.press("1");
    assert_eq!(left(&mut stage), 89);
}
