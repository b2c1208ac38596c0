//! Where a new operator stumbled: what was selected, typed or learned must not be lost, and what a screen
//! says has to be true and to lead on.

use std::sync::Arc;

use remold::console::effect::{Effect, SaveTo};
use remold::console::msg::Msg;
use remold::model::Phase;
use remold::session::{Catalog, Settings};

use crate::console_stage::{Stage, said};

fn stage() -> Stage {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage
}

fn with_keys() -> Stage {
    let mut stage = stage();
    let generation = said::generation(&stage.press("f5"));
    stage.send(Msg::Keys(generation, Ok(said::page(7))));
    stage
}

/// The key whose value is asked for.
fn read(effects: &[Effect]) -> String {
    let [Effect::Read(_, key)] = effects else { panic!("{effects:?}") };
    key.to_string()
}

#[test]
fn asking_again_for_keys_keeps_them_on_screen_and_the_selection() {
    let mut stage = with_keys();
    stage.press("j j");
    let effects = stage.press("f5");
    assert!(matches!(&effects[..], [Effect::Scan { cursor: 0, want: 500, .. }]), "{effects:?}");
    assert!(stage.text().contains("user:2"), "the old ones stay until the answer comes");
    let effects = stage.send(Msg::Keys(said::generation(&effects), Ok(said::page(7))));
    assert_eq!(read(&effects), "user:2");
}

#[test]
fn a_filter_shows_the_value_of_the_key_it_selects() {
    let mut stage = with_keys();
    stage.press("f");
    stage.type_text("use");
    assert_eq!(read(&stage.press("r")), "user:1");
    assert_eq!(read(&stage.press("down")), "user:2", "arrows move while one types");
    assert!(stage.text().contains("3 of 5 fit, scanned"), "{}", stage.text());
}

#[test]
fn coming_back_to_the_keys_reads_the_value_again() {
    let mut stage = with_keys();
    stage.press("j 2");
    assert_eq!(read(&stage.press("1")), "user:1");
}

#[test]
fn a_key_of_another_pane_says_where_it_belongs() {
    let mut stage = stage();
    stage.press("4 b");
    let text = stage.text();
    assert!(
        text.contains(
            "b does nothing here: it is set base in Schemas (2), roll back in History (5)"
        )
    );
}

#[test]
fn a_schema_that_is_refused_is_still_there() {
    let mut stage = stage();
    stage.press("2 j j j e ctrl-s");
    let effects = stage.press("enter");
    assert!(matches!(&effects[..], [Effect::Save(_, SaveTo::Files)]), "{effects:?}");
    stage.send(Msg::Saved(Err("promises a minor change".into())));
    let text = stage.text();
    assert!(text.contains("\"version\": \"3.1.0\""), "{text}");
    assert!(text.contains("not saved: promises a minor change"), "{text}");
    // A menu that is left gives the text back as well.
    stage.press("ctrl-s esc");
    assert!(stage.text().contains("\"version\": \"3.1.0\""), "{}", stage.text());
}

#[test]
fn where_nothing_leads_to_the_target_only_what_can_be_pressed_is_named() {
    let mut stage = stage();
    stage.press("2 j j j j j");
    let effects = stage.press("c");
    let reason = "no migrations lead there\n  `remold graph user` shows which there are";
    stage.send(Msg::Planned(said::generation(&effects), Err(reason.into())));
    let text = stage.text();
    assert!(text.contains("Chain of user to 1.0.0") && !text.contains("remold graph"), "{text}");
    assert!(text.contains("Next: t takes another version as the target."), "{text}");
}

#[test]
fn after_a_run_the_sample_is_taken_anew() {
    let mut stage = stage();
    stage.press("2 j j j");
    let effects = stage.press("c");
    let generation = said::generation(&effects);
    stage.send(Msg::Planned(generation, Ok(said::plan())));
    stage.send(Msg::Previewed(generation, Ok(said::previews())));
    assert!(stage.press("4 3").is_empty(), "it is known already");
    stage.press("r x");
    stage.type_text("user:*");
    stage.press("enter");
    stage.send(said::progress(Phase::Running));
    stage.send(Msg::Ended(Ok(said::report())));
    let effects = stage.press("3");
    assert!(matches!(&effects[..], [Effect::Plan(..)]), "{effects:?}");
}

#[test]
fn definitions_are_read_anew_and_what_is_chosen_stays_chosen() {
    let mut stage = stage();
    stage.press("2 j j j j c 2");
    assert!(matches!(&stage.press("f5")[..], [Effect::ReadCatalog]));
    let catalog = Arc::clone(&stage.app.shared.setting.catalog);
    assert!(stage.send(Msg::Catalog(Ok(Arc::clone(&catalog)))).is_empty());
    assert!(stage.text().contains("the definitions are as before"), "{}", stage.text());
    let mut fewer = Catalog::clone(&catalog);
    fewer.subjects.remove("order");
    stage.send(Msg::Catalog(Ok(Arc::new(fewer))));
    let text = stage.text();
    assert!(text.contains("other definitions were read") && !text.contains("order:*"), "{text}");
    let target = stage.app.shared.choice.target.as_ref().map(ToString::to_string);
    assert_eq!(target.as_deref(), Some("2.0.0"));
}

#[test]
fn a_registry_that_could_not_be_read_is_read_when_the_server_is_back() {
    let settings = Settings { url: Some("redis://127.0.0.1:1".into()), ..Settings::default() };
    let mut stage = Stage::on_registry("dark", (120, 40), settings);
    stage.send(Msg::Server(Err("cannot reach it".into())));
    stage.press("2");
    assert!(stage.text().contains("No subjects: the registry"), "{}", stage.text());
    let info = Stage::server_info();
    let effects = stage.send(Msg::Server(Ok(info)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::ReadCatalog)), "{effects:?}");
}

#[test]
fn a_long_line_of_a_value_is_read_whole_at_the_foot() {
    let mut stage = with_keys();
    let mut detail = said::detail();
    let long = format!("{{\"note\":\"{}END\"}}", "words ".repeat(40));
    detail.view.value = remold::session::KeyValue::String(long.into_bytes());
    let generation = said::generation(&stage.press("j"));
    stage.send(Msg::Value(generation, "user:1".into(), Ok(Some(detail))));
    assert!(!stage.text().contains("END"), "the line is cut while the list has the focus");
    stage.press("tab j");
    assert!(stage.text().contains("END"), "{}", stage.text());
}

#[test]
fn a_replica_takes_no_writes_and_says_where_to_go() {
    let mut stage = stage();
    let mut info = Stage::server_info();
    info.role = "slave".into();
    stage.send(Msg::Server(Ok(info)));
    stage.press("4 x");
    assert!(stage.app.shared.overlays.is_empty());
    assert!(stage.text().contains("this server is a replica"), "{}", stage.text());
    stage.press("2 j w");
    assert!(stage.app.shared.overlays.is_empty());
    assert!(stage.text().contains("not registered: this server is a replica"), "{}", stage.text());
}

#[test]
fn figures_of_a_server_that_does_not_answer_are_not_shown_as_news() {
    let mut stage = stage();
    assert!(stage.text().contains("1,234 ops/s"));
    stage.send(Msg::Server(Err("gone".into())));
    assert!(!stage.text().contains("ops/s"), "{}", stage.text());
}

#[test]
fn keys_that_are_loaded_stay_when_the_server_goes() {
    let mut stage = with_keys();
    let generation = said::generation(&stage.press("m"));
    stage.send(Msg::Keys(generation, Err("cannot reach it\n  is it running?".into())));
    let text = stage.text();
    assert!(text.contains("cannot reach it; f5 tries again") && text.contains("user:2"), "{text}");
}

#[test]
fn a_run_of_another_address_is_told_apart() {
    let mut stage = stage();
    stage.press("5");
    let mut runs = said::runs();
    for run in &mut runs {
        "redis://db.example:6379".clone_into(&mut run.server);
    }
    stage.send(Msg::Runs(Ok((runs, Vec::new()))));
    stage.press("b");
    let text = stage.text();
    assert!(text.contains("The run was made on redis://db.example:6379"), "{text}");
}

#[test]
fn a_text_that_was_typed_is_not_lost_by_one_key() {
    let mut stage = stage();
    stage.press("2 j e enter");
    assert!(stage.press("ctrl-c").is_empty());
    assert!(stage.text().contains("The text is not saved"), "{}", stage.text());
    stage.press("enter");
    assert!(stage.text().contains("\"version\""), "{}", stage.text());
    stage.press("ctrl-c");
    assert!(matches!(&stage.press("ctrl-c")[..], [Effect::Exit]));
}

#[test]
fn what_cannot_be_taken_is_asked_again_as_it_was_typed() {
    let mut stage = stage();
    stage.press("4 C ctrl-u");
    stage.type_text("10%,5%");
    stage.press("enter");
    let text = stage.text();
    assert!(text.contains("> 10%,5%") && text.contains("Run in stages"), "{text}");
}

/// The footer's first hint.
fn hint(stage: &mut Stage) -> String {
    let text = stage.text();
    let footer = text.lines().last().unwrap_or_default().trim().to_owned();
    footer.split("  ").next().unwrap_or_default().to_owned()
}

#[test]
fn the_footer_leads_from_unknown_keys_to_a_run_that_is_done() {
    let settings = Settings { url: Some("redis://127.0.0.1:1".into()), ..Settings::default() };
    let mut stage = Stage::on_registry("dark", (60, 15), settings);
    stage.server_answers();
    let generation = said::generation(&stage.press("f5"));
    stage.send(Msg::Keys(generation, Ok(said::page(0))));
    assert_eq!(hint(&mut stage), "i infer schema");
    stage.press("j i");
    assert!(stage.text().contains("> user:*"), "those that begin as the selected key does");
    let effects = stage.press("enter");
    assert!(matches!(&effects[..], [Effect::Infer(_, pattern, None)] if pattern == "user:*"));
    stage.send(Msg::Inferred(said::generation(&effects), Ok(said::inferred())));
    assert_eq!(hint(&mut stage), "w register");

    let mut stage = Stage::new("dark", (60, 15));
    stage.server_answers();
    stage.press("2 j j j");
    assert_eq!(hint(&mut stage), "c chain");
    let generation = said::generation(&stage.press("c"));
    stage.send(Msg::Planned(generation, Err("nothing leads there".into())));
    assert_eq!(hint(&mut stage), "f draft");
    let generation = said::generation(&stage.press("f5"));
    stage.send(Msg::Planned(generation, Ok(said::plan())));
    stage.send(Msg::Previewed(generation, Ok(said::previews())));
    assert_eq!(hint(&mut stage), "r to run");
    stage.press("r");
    assert_eq!(hint(&mut stage), "d dry run");
    stage.press("d");
    assert_eq!(hint(&mut stage), "space pause/go on");
    stage.send(said::progress(Phase::Running));
    let mut report = said::report();
    report.plan = said::plan().id();
    stage.send(Msg::Ended(Ok(report)));
    assert_eq!(hint(&mut stage), "x execute");
    stage.press("x");
    stage.type_text("user:*");
    stage.press("enter");
    stage.send(said::progress(Phase::Running));
    stage.send(Msg::Ended(Ok(said::report())));
    assert_eq!(hint(&mut stage), "5 History");
    stage.press("5");
    stage.send(Msg::Runs(Ok((said::runs(), Vec::new()))));
    assert_eq!(hint(&mut stage), "v verify");
}

#[test]
fn what_is_told_while_a_dialog_is_open_is_seen() {
    let settings = Settings { read_only: true, ..Settings::default() };
    let mut stage = Stage::with("dark", (80, 24), settings);
    stage.server_answers();
    stage.press("2 j j j e ctrl-s down enter");
    let text = stage.text();
    assert!(
        text.contains("\"version\"") && text.contains("not registered: the console is read-only"),
        "{text}"
    );
}

#[test]
fn a_subjects_own_row_leads_to_its_newest_version() {
    let mut stage = stage();
    stage.press("2 g c");
    let choice = &stage.app.shared.choice;
    assert_eq!(choice.target.as_ref().map(ToString::to_string).as_deref(), Some("2.0.0"));
    assert!(stage.text().contains("Chain of order to 2.0.0"), "{}", stage.text());
}

#[test]
fn marked_keys_of_another_subject_are_no_sample() {
    let mut stage = with_keys();
    stage.press("j space 2 g c");
    let shared = &stage.app.shared;
    assert_eq!((shared.marked.len(), shared.marked_here().len()), (1, 0));
    stage.press("2 end c");
    assert_eq!(stage.app.shared.marked_here().len(), 1, "they are the sample of their own");
}
