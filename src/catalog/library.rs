//! The strategies that ship with remold: `library.json`, in the format of a catalog's own. A catalog's
//! strategy of the same name goes before the shipped one.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::strategy::Strategy;
use crate::schema::mistake::Reader;

/// A strategy that ships with remold, with an example of its use.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The strategy.
    pub strategy: Strategy,
    /// Parameters as a migration gives them in `with`.
    pub with: Map<String, Value>,
    /// A document before.
    pub before: Value,
    /// What the strategy makes of it with these parameters.
    pub after: Value,
}

static LIBRARY: LazyLock<BTreeMap<String, Shipped>> = LazyLock::new(|| {
    let file: Value =
        serde_json::from_str(include_str!("library.json")).expect("the library is JSON");
    let strategies = file["strategies"].as_object().expect("the library has strategies");
    let read = strategies.iter().map(|(name, definition)| {
        let mut reader = Reader::default();
        let strategy = Strategy::read(&mut reader, name, definition);
        assert!(reader.mistakes.is_empty(), "{name}: {:?}", reader.mistakes);
        let example = &file["examples"][name];
        let shipped = Shipped {
            strategy: strategy.expect("a strategy without mistakes is read"),
            with: example["with"].as_object().cloned().expect("every strategy has an example"),
            before: example["before"].clone(),
            after: example["after"].clone(),
        };
        (name.clone(), shipped)
    });
    read.collect()
});

/// Every shipped strategy, by name.
pub fn all() -> &'static BTreeMap<String, Shipped> {
    &LIBRARY
}

/// The shipped strategy of this name.
pub fn find(name: &str) -> Option<&'static Strategy> {
    LIBRARY.get(name).map(|shipped| &shipped.strategy)
}

#[cfg(test)]
mod tests {
    use semver::Version;
    use serde_json::json;

    use super::*;
    use crate::catalog::{Catalog, Source};
    use crate::model::{Document, Key, Storage};
    use crate::transform::{Facts, Frozen};

    /// Reads a migration that uses the strategy, as a catalog would, and applies it.
    fn apply(name: &str, shipped: &Shipped) -> Value {
        let definition = json!({"subject": "s", "migrations": {"m": {
            "source": "1.0.0", "target": "2.0.0", "strategy": name, "with": shipped.with}}});
        let catalog = Catalog::from_definitions(&[Source::from_value("m.json", &definition)])
            .unwrap_or_else(|mistakes| panic!("{name}: {mistakes}"));
        let text = shipped.before.to_string();
        let mut document =
            Document::from_json(text.as_bytes(), Storage::String).expect("a document");
        let (key, version, frozen) = (Key::from("s:1"), Version::new(2, 0, 0), Frozen::default());
        let facts = Facts { key: &key, pattern: "s:*", version: &version, frozen: &frozen };
        for step in &catalog.subjects["s"].migrations["m"].transforms {
            let refuse = |why| panic!("{name}: {why}");
            let Some(asking) = step.external() else {
                step.apply(&mut document, &facts).unwrap_or_else(refuse);
                continue;
            };
            let ask =
                asking.ask(&mut document, &facts).unwrap_or_else(|why| panic!("{name}: {why}"));
            let (_, answer) = ask.expect("a question").answered_alone().expect("a program");
            asking.accept(&mut document, &answer).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
        serde_json::from_str(&document.to_json()).expect("JSON")
    }

    #[test]
    fn every_example_is_true() {
        assert!(all().len() >= 12);
        for (name, shipped) in all() {
            let after = apply(name, shipped);
            assert_eq!(after.to_string(), shipped.after.to_string(), "{name}");
        }
    }

    #[test]
    fn an_unknown_strategy_is_told_with_the_nearest() {
        let definition = json!({"subject": "s", "migrations": {"m": {"source": "1.0.0",
            "target": "2.0.0", "strategy": "splitPersonname", "with": {"from": "a"}}}});
        let mistakes = Catalog::from_definitions(&[Source::from_value("m.json", &definition)])
            .expect_err("refused")
            .to_string();
        assert!(mistakes.contains("splitPersonName"), "{mistakes}");
    }
}
