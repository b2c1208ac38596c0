//! Editing the chain: what each verb does to it, that the preview follows, and that nothing is run that
//! is not on screen.

use remold::console::effect::{ChainRequest, Effect, SaveTo, Saving};
use remold::console::msg::Msg;
use remold::engine::{Judge, preview};
use remold::model::Content;

use crate::console_stage::{Stage, said};

/// A stage at the chain to user 3.0.0 with its first step selected.
fn stage() -> Stage {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage.press("2 j j j");
    let effects = stage.press("c");
    answer(&mut stage, &effects);
    stage.press("j j");
    stage
}

/// Answers a question for a plan and its preview, as the engine does.
fn answer(stage: &mut Stage, effects: &[Effect]) {
    let generation = said::generation(effects);
    let plan = said::plan_of(request(effects));
    let previews = plan.as_ref().map(|plan| said::previews_of(plan)).map_err(Clone::clone);
    stage.send(Msg::Planned(generation, plan));
    if let Ok(previews) = previews {
        stage.send(Msg::Previewed(generation, Ok(previews)));
    }
}

fn request(effects: &[Effect]) -> &ChainRequest {
    let found = effects.iter().rev().find_map(|effect| match effect {
        Effect::Plan(_, request) => Some(&**request),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no plan was asked for: {effects:?}"))
}

/// The kinds of the steps that a plan was asked with.
fn kinds(effects: &[Effect], migration: &str) -> Vec<String> {
    let edited = request(effects).migrations.as_ref().expect("something was edited");
    let steps = edited[migration]["transforms"].as_array().expect("a list");
    steps.iter().map(|step| step["type"].as_str().expect("a kind").to_owned()).collect()
}

fn added(stage: &mut Stage) -> Vec<Effect> {
    stage.press("a");
    stage.type_text("trim");
    stage.press("enter");
    stage.type_text("fullName");
    stage.press("enter")
}

#[test]
fn a_known_version_with_no_way_to_the_target_is_not_called_unknown() {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage.press("2 j j j j");
    let effects = stage.press("c");
    let generation = said::generation(&effects);
    let plan = said::plan_of(request(&effects)).expect("a way from 1.0.0 to 2.0.0");
    let judge = Judge::new(&plan).expect("the plan compiles");
    let text = r#"{"firstName":"Ada","lastName":"Lovelace","createdAt":"2026-11-23T12:00:00Z"}"#;
    let newer = preview(&judge, &plan.target, &"user:1".into(), &Content::String(text.into()));
    assert_eq!(newer.from, Some(semver::Version::new(3, 0, 0)), "{newer:?}");
    stage.send(Msg::Planned(generation, Ok(plan)));
    stage.send(Msg::Previewed(generation, Ok(vec![newer])));
    let text = stage.text();
    assert!(text.contains("1 of a version with no way there"), "{text}");
    assert!(text.contains("no migrations lead from 3.0.0"), "{text}");
}

#[test]
fn a_step_is_added_from_a_template_and_the_preview_follows() {
    let mut stage = stage();
    stage.press("a");
    assert!(stage.text().contains("Add a step"));
    stage.type_text("trim");
    stage.press("enter");
    assert!(stage.text().contains("fill in what is marked with *"));
    stage.press("f u l l N a m");
    let effects = stage.press("e");
    assert_eq!(kinds(&effects, "v1_to_v2"), ["renameField", "trim", "addField"]);
    answer(&mut stage, &effects);
    assert!(stage.app.shared.plan.is_none(), "what is tried out must not be run");
    assert!(stage.text().contains("step 2"), "{}", stage.text());
    let effects = stage.press("enter");
    answer(&mut stage, &effects);
    let text = stage.text();
    assert!(text.contains("edited, not saved") && text.contains("2 trim fullName"), "{text}");
    let plan = stage.app.shared.plan.as_ref().expect("it can be run as it stands");
    assert_eq!(plan.migrations["v1_to_v2"]["transforms"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_form_that_is_left_changes_nothing() {
    let mut stage = stage();
    stage.press("e");
    let effects = stage.press("x");
    answer(&mut stage, &effects);
    let effects = stage.press("esc");
    assert!(request(&effects).migrations.is_none());
    answer(&mut stage, &effects);
    assert!(stage.app.shared.plan.is_some());
    assert!(!stage.text().contains("not saved"));
}

#[test]
fn steps_are_moved_copied_switched_off_and_taken_out_and_all_of_it_undone() {
    let mut stage = stage();
    let effects = stage.press("J");
    assert_eq!(kinds(&effects, "v1_to_v2"), ["addField", "renameField"]);
    assert_eq!(kinds(&stage.press("D"), "v1_to_v2"), ["addField", "renameField", "renameField"]);
    assert_eq!(kinds(&stage.press("d"), "v1_to_v2"), ["addField", "renameField"]);
    assert!(stage.text().contains("off renameField"), "{}", stage.text());
    assert_eq!(kinds(&stage.press("X"), "v1_to_v2"), ["addField", "renameField"]);
    stage.press("u u u");
    let effects = stage.press("u");
    assert!(request(&effects).migrations.is_none());
    assert_eq!(kinds(&stage.press("U"), "v1_to_v2"), ["addField", "renameField"]);
}

#[test]
fn json_is_checked_at_its_line_while_one_types() {
    let mut stage = stage();
    stage.press("E");
    assert!(stage.text().contains("\"userName\""));
    stage.press("down end backspace backspace");
    stage.type_text("q\",");
    let text = stage.text();
    assert!(text.contains("line 2: type: there is no transform"), "{text}");
    assert!(stage.press("ctrl-s").is_empty());
    stage.press("esc");
    assert!(stage.text().contains("esc again drops what you typed"));
    stage.press("esc");
    assert!(stage.app.shared.overlays.is_empty());
}

#[test]
fn an_edited_chain_is_saved_to_files_and_then_no_edit_any_more() {
    let mut stage = stage();
    let effects = added(&mut stage);
    answer(&mut stage, &effects);
    stage.press("q");
    assert!(stage.text().contains("The chain is not saved"));
    stage.press("esc w");
    let effects = stage.press("enter");
    let [Effect::Save(Saving::Migrations(subject, edited), SaveTo::Files)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(subject, "user");
    let session = said::session().with_migrations(subject, edited).expect("it is sound");
    let catalog = std::sync::Arc::new(session.catalog().clone());
    let saved = remold::console::msg::Saved { words: "saved in a file".into(), catalog };
    let effects = stage.send(Msg::Saved(Ok(saved)));
    assert!(request(&effects).migrations.is_none());
    assert!(!stage.text().contains("not saved"));
    assert!(stage.press("q").iter().any(|effect| matches!(effect, Effect::Exit)));
}

#[test]
fn registering_asks_for_the_subject_first() {
    let mut stage = stage();
    let effects = added(&mut stage);
    answer(&mut stage, &effects);
    stage.press("w down");
    assert!(stage.press("enter").is_empty());
    assert!(stage.text().contains("Type user to go on"), "{}", stage.text());
    assert!(stage.press("enter").is_empty());
    stage.press("w down enter");
    stage.type_text("user");
    let effects = stage.press("enter");
    assert!(matches!(&effects[..], [Effect::Save(_, SaveTo::Registry)]), "{effects:?}");
}

#[test]
fn another_path_is_chosen_from_the_graph() {
    let mut stage = stage();
    stage.press("v");
    let text = stage.text();
    assert!(text.contains("● 3.0.0  target") && text.contains("1.0.0 → 2.0.0 → 3.0.0"), "{text}");
    let effects = stage.press("down enter");
    let path = request(&effects).path.clone().expect("a path was chosen");
    assert_eq!(path, ["v1_to_v2", "v2_to_v3"]);
    let effects = stage.press("v enter");
    assert!(request(&effects).path.is_none());
}

#[test]
fn a_chain_that_does_not_hold_together_says_so_and_is_not_run() {
    let mut stage = stage();
    stage.press("k");
    let effects = stage.press("X");
    answer(&mut stage, &effects);
    let effects = stage.press("X");
    answer(&mut stage, &effects);
    assert!(stage.app.shared.plan.is_none());
    assert!(stage.text().contains("no migrations lead"), "{}", stage.text());
    let effects = stage.press("u");
    answer(&mut stage, &effects);
    let effects = stage.press("u");
    answer(&mut stage, &effects);
    assert!(stage.app.shared.plan.is_some(), "{}", stage.text());
}

#[test]
fn what_is_stored_is_compared_and_becomes_a_version() {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage.press("2 j j j");
    let effects = stage.press("i");
    let [Effect::Infer(generation, pattern, subject)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((pattern.as_str(), subject.as_deref()), ("user:*", Some("user")));
    stage.send(Msg::Inferred(*generation, Ok(said::inferred())));
    let text = stage.text();
    assert!(text.contains("as stored") && text.contains("1,000 documents"), "{text}");
    assert!(text.contains("user 3.0.0") && text.contains("user as stored"), "{text}");
    stage.press("w");
    let text = stage.text();
    assert!(text.contains("\"version\": \"4.0.0\""), "{text}");
    stage.press("ctrl-s");
    assert!(stage.text().contains("to the catalog's files"), "{}", stage.text());
    let effects = stage.press("enter");
    assert!(matches!(&effects[..], [Effect::Save(Saving::Schema(_), SaveTo::Files)]));
}

#[test]
fn a_new_version_is_written_with_advice_for_its_number() {
    let mut stage = Stage::new("dark", (120, 40));
    stage.server_answers();
    stage.press("2 j j j e");
    let text = stage.text();
    assert!(text.contains("\"version\": \"3.1.0\""), "{text}");
    stage.press("down end backspace backspace backspace backspace backspace backspace backspace");
    stage.type_text("3.0.0\",");
    assert!(stage.text().contains("user@3.0.0 is there already"), "{}", stage.text());
}

#[test]
fn a_draft_comes_as_edits_with_what_speaks_for_each_step() {
    let mut stage = stage();
    let effects = stage.press("f");
    let [Effect::Draft(generation, subject, from, to)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((from.to_string(), to.to_string()), ("2.0.0".to_owned(), "3.0.0".to_owned()));
    let draft = said::draft(subject, from, to);
    let effects = stage.send(Msg::Drafted(*generation, Ok(Box::new(draft))));
    let text = stage.text();
    assert!(text.contains("sampled documents come out right"), "{text}");
    assert!(kinds(&effects, "v2_to_v3").contains(&"splitField".to_owned()), "{effects:?}");
    while !stage.app.shared.overlays.is_empty() {
        stage.press("esc");
    }
    let effects = stage.press("u");
    assert!(request(&effects).migrations.is_none(), "a draft is taken back at once");
}
