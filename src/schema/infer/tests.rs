//! What a profile says, and that what it proposes holds for everything it saw.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::schema::Schema;

fn profile(documents: &[Value]) -> Profile {
    let mut profile = Profile::default();
    for document in documents {
        profile.add_value(document, Storage::String);
    }
    profile
}

fn proposed(profile: &Profile) -> Schema {
    let definition = profile.propose("user", "user:*", "1.0.0");
    Schema::from_value(&definition, None).unwrap_or_else(|error| panic!("{error}\n{definition}"))
}

#[test]
fn fields_are_told_with_types_presence_and_lists() {
    let documents: Vec<Value> = (0..100_i32)
        .map(|n| {
            let status = if n % 3 == 0 { "old" } else { "new" };
            let mut document = json!({"id": n, "status": status,
                "at": format!("2026-01-{:02}T10:00:00Z", n % 28 + 1), "seen": 1_700_000_000 + n,
                "tags": ["a", "b"], "address": {"city": format!("c{n}"), "zip": null}});
            if n % 4 == 0 {
                document["note"] = json!("x");
            }
            document
        })
        .collect();
    let profile = profile(&documents);
    let reports = profile.fields();
    let told: Vec<String> = reports
        .iter()
        .map(|f| {
            let types: Vec<String> =
                f.types.iter().map(|t| format!("{} {}", t.name, t.percent)).collect();
            format!(
                "{} {} {} {} {}",
                f.path,
                f.presence.percent,
                types.join(","),
                f.distinct.count,
                f.notes.join(",")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "id 100 integer 100 100 ",
            "status 100 string 100 2 enum",
            "at 100 string 100 28 ",
            "seen 100 integer 100 100 epoch-seconds",
            "tags 100 array 100 0 ",
            "tags[] 100 string 100 2 enum",
            "address 100 object 100 0 ",
            "address.city 100 string 100 100 ",
            "address.zip 100 null 100 0 ",
            "note 25 string 100 1 enum",
        ]
    );
    let definition = profile.propose("user", "user:*", "1.0.0");
    assert_eq!(
        definition["fields"]["status"],
        json!({"type": "string", "required": true, "enum": ["new", "old"]})
    );
    assert_eq!(
        definition["fields"]["at"],
        json!({"type": "string", "required": true, "format": "date-time"})
    );
    assert_eq!(
        definition["fields"]["address"]["fields"]["zip"],
        json!({"type": "null", "required": true})
    );
    assert!((profile.blind_spot_percent() - 3.0).abs() < 0.001);
}

#[test]
fn a_hash_is_profiled_by_what_its_texts_read_as() {
    let mut profile = Profile::default();
    for fields in [
        [("n", "42"), ("zip", "12345"), ("on", "true")],
        [("n", "1.5"), ("zip", "01234"), ("on", "false")],
    ] {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        profile.add(&Document::from_hash(fields)).expect("reads");
    }
    let fields = &profile.propose("u", "u:*", "1.0.0")["fields"];
    assert_eq!(fields["n"]["type"], "number");
    assert_eq!(fields["zip"]["type"], "string", "a leading zero is no number");
    assert_eq!(fields["on"]["type"], "boolean");
}

#[test]
fn keys_of_a_map_are_no_fields() {
    let documents: Vec<Value> =
        (0..2_000).map(|n| json!({"by": {format!("k{n}"): 1, format!("j{n}"): 2}})).collect();
    let profile = profile(&documents);
    assert_eq!(
        profile.propose("u", "u:*", "1.0.0")["fields"]["by"],
        json!({"type": "object", "required": true})
    );
    assert_eq!(profile.fields().len(), 1);
    let schema = proposed(&profile);
    assert!(documents.iter().all(|document| schema.validator().is_valid(document)));
}

fn document() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6f64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!("2026-01-01")),
        Just(json!("a@example.com")),
        prop_oneof![Just("12345678901234567890123"), Just("1.0"), Just("1e400"), Just("1e2")]
            .prop_map(|text| serde_json::from_str(text).expect("a number")),
    ];
    let value = scalar.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d.\\[]", inner, 0..4).prop_map(|map| json!(map)),
        ]
    });
    prop::collection::btree_map("[a-e]", value, 0..5).prop_map(|map| json!(map))
}

proptest! {
    #[test]
    fn what_is_inferred_holds_for_what_was_seen(documents in prop::collection::vec(document(), 1..60)) {
        let whole = profile(&documents);
        let schema = proposed(&whole);
        for document in &documents {
            prop_assert_eq!(schema.validator().violations(document), vec![], "{} {}", document, schema.definition());
        }
        let (left, right) = documents.split_at(documents.len() / 2);
        let mut merged = profile(left);
        merged.merge(&profile(right));
        prop_assert_eq!(merged.propose("user", "user:*", "1.0.0"), schema.definition().clone());
        prop_assert_eq!(merged.documents(), whole.documents());
    }

    #[test]
    fn the_same_holds_for_hashes(documents in prop::collection::vec(prop::collection::btree_map(
        "[a-d]", "(true|false|-?[0-9]{1,3}|0[0-9]|[0-9]\\.[0-9]|[a-c]{1,2}|\\{\"x\":[0-9]\\}|\\[\"a\"\\]|)", 0..5), 1..40)) {
        let mut profile = Profile::default();
        let read = |fields: &std::collections::BTreeMap<String, String>| {
            let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            Document::from_hash(fields).root.into_owned()
        };
        let as_document = |fields: &std::collections::BTreeMap<String, String>| {
            let mut document = Document::from_hash([]);
            document.root = read(fields);
            document
        };
        for fields in &documents {
            profile.add(&as_document(fields)).expect("reads");
        }
        let schema = proposed(&profile);
        for fields in &documents {
            prop_assert_eq!(schema.validator().check(&as_document(fields)), vec![], "{:?} {}", fields, schema.definition());
        }
    }
}
