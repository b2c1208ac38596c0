//! What the patterns, lengths and enumerations of texts of two schemas imply of each other, said in the schemas, so that a proof
//! that knows patterns only by name sees it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::inner::Inner;
use super::language::{Beyond, Language};

/// Patterns and lengths that are compared, each with each.
const RULES_MAX: usize = 16;
/// The longest text whose length is worth an automaton.
const LENGTH_MAX: u64 = 256;

/// Values of an enumeration that is compared with patterns.
const TEXTS_MAX: usize = 32;

/// A rule about texts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Pattern(String),
    Lengths(u64, Option<u64>),
    Texts(Vec<String>),
}

/// The rules of both schemas with what follows from each.
#[derive(Debug, Default)]
pub struct Patterns {
    rules: Vec<(Rule, Vec<Rule>)>,
    texts: BTreeMap<String, Vec<String>>,
}

impl Patterns {
    /// Compares the rules about texts that two schemas of draft 2020-12 have.
    pub fn of(old: &Value, new: &Value) -> Self {
        let mut rules = Vec::new();
        for schema in [old, new] {
            collect(schema, &mut rules);
        }
        // Lengths alone are what the proof knows well.
        if !rules.iter().any(|rule| matches!(rule, Rule::Pattern(_))) {
            return Self::default();
        }
        rules.truncate(RULES_MAX);
        let known: Vec<(Rule, Language)> =
            rules.into_iter().filter_map(|rule| Some((rule.clone(), rule.language()?))).collect();
        let nothing = Language::nothing();
        let mut patterns = Self::default();
        for (rule, language) in &known {
            let mut implied = Vec::new();
            for (other, its) in known.iter().filter(|(other, _)| other != rule) {
                match language.beyond(its) {
                    Beyond::Nothing => implied.push(other.clone()),
                    Beyond::Text(text) => {
                        patterns.add_text(other, text.clone());
                        patterns.add_text(rule, text);
                    }
                    Beyond::Unknown => {}
                }
            }
            if let Some(Beyond::Text(text)) =
                nothing.as_ref().map(|nothing| language.beyond(nothing))
            {
                patterns.add_text(rule, text);
            }
            patterns.rules.push((rule.clone(), implied));
        }
        patterns
    }

    /// Whether there is anything to say.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Texts that tell `pattern` apart from other rules, and a shortest one that it accepts.
    pub fn texts(&self, pattern: &str) -> &[String] {
        self.texts.get(pattern).map_or(&[], Vec::as_slice)
    }

    /// The schema with what its patterns and lengths imply beside them. It accepts what it did.
    pub fn spelled_out(&self, schema: &Value) -> Value {
        let mut out = schema.clone();
        each_node(&mut out, &mut |node| {
            let implied: Vec<Value> = rules_of(node)
                .iter()
                .filter_map(|rule| self.rules.iter().find(|(known, _)| known == rule))
                .flat_map(|(_, implied)| implied.iter().map(Rule::schema))
                .collect();
            if !implied.is_empty()
                && let Some(all) = node.entry("allOf").or_insert_with(|| json!([])).as_array_mut()
            {
                all.extend(implied);
            }
            self.spell_out_names(node);
        });
        out
    }

    /// Names that one pattern accepts are also names of the wider ones: what these ask of their fields
    /// stands beside what the narrow one asks.
    fn spell_out_names(&self, node: &mut Map<String, Value>) {
        let Some(fields) = node.get_mut("patternProperties").and_then(Value::as_object_mut) else {
            return;
        };
        let said = fields.clone();
        for (rule, implied) in &self.rules {
            let Rule::Pattern(narrow) = rule else { continue };
            for (wide, asked) in &said {
                if implied.contains(&Rule::Pattern(wide.clone())) {
                    let own = fields.entry(narrow.clone()).or_insert(Value::Bool(true));
                    *own = json!({"allOf": [own.take(), asked]});
                }
            }
        }
    }

    fn add_text(&mut self, rule: &Rule, text: String) {
        if let Rule::Pattern(pattern) = rule {
            let texts = self.texts.entry(pattern.clone()).or_default();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
}

impl Rule {
    fn language(&self) -> Option<Language> {
        match self {
            Self::Pattern(pattern) => Language::of_pattern(pattern),
            Self::Lengths(least, most) => Language::of_lengths(*least, *most),
            Self::Texts(texts) => Language::of_texts(texts),
        }
    }

    fn schema(&self) -> Value {
        match self {
            Self::Pattern(pattern) => json!({ "pattern": pattern }),
            Self::Lengths(least, None) => json!({ "minLength": least }),
            Self::Lengths(least, Some(most)) => json!({ "minLength": least, "maxLength": most }),
            Self::Texts(texts) => json!({"anyOf": [{"not": {"type": "string"}}, {"enum": texts}]}),
        }
    }
}

/// What a node itself says of texts. Each length is a rule of its own, so that each is implied alone, and
/// both together are one.
fn rules_of(node: &Map<String, Value>) -> Vec<Rule> {
    let pattern = node.get("pattern").and_then(Value::as_str);
    let mut rules: Vec<Rule> =
        pattern.map(|pattern| Rule::Pattern(pattern.to_owned())).into_iter().collect();
    let length =
        |key: &str| node.get(key).and_then(Value::as_u64).filter(|length| *length <= LENGTH_MAX);
    let (least, most) = (length("minLength"), length("maxLength"));
    rules.extend(least.filter(|least| *least > 0).map(|least| Rule::Lengths(least, None)));
    rules.extend(most.map(|most| Rule::Lengths(0, Some(most))));
    if let (Some(least @ 1..), Some(most)) = (least, most)
        && least <= most
    {
        rules.push(Rule::Lengths(least, Some(most)));
    }
    let listed = node.get("enum").and_then(Value::as_array).filter(|all| all.len() <= TEXTS_MAX);
    let texts = listed.and_then(|all| {
        all.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    rules.extend(texts.filter(|texts| !texts.is_empty()).map(Rule::Texts));
    rules
}

fn collect(schema: &Value, rules: &mut Vec<Rule>) {
    let mut schema = schema.clone();
    each_node(&mut schema, &mut |node| {
        let names = node.get("patternProperties").and_then(Value::as_object);
        let names = names.into_iter().flat_map(Map::keys).cloned().map(Rule::Pattern);
        for rule in rules_of(node).into_iter().chain(names) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    });
}

/// Every schema in a schema of draft 2020-12, itself last: data in it (`const`, `enum`, `default`) are none.
fn each_node(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(node) = schema else { return };
    for (key, value) in node.iter_mut() {
        match Inner::of(key) {
            Inner::Named => {
                let named = value.as_object_mut().into_iter().flat_map(Map::values_mut);
                named.for_each(|schema| each_node(schema, visit));
            }
            Inner::Listed => {
                let listed = value.as_array_mut().into_iter().flatten();
                listed.for_each(|schema| each_node(schema, visit));
            }
            Inner::One => each_node(value, visit),
            Inner::None => {}
        }
    }
    // Last, so that what a visit adds is not visited.
    visit(node);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_said_beside_what_is_said() {
        let old = json!({"properties": {"zip": {"pattern": "^\\d{5}$"}}, "const": {"pattern": "^\\d{5}$"}});
        let new = json!({"properties": {"zip": {"pattern": "^\\d{5}(-\\d{4})?$", "minLength": 5}}});
        let patterns = Patterns::of(&old, &new);
        let mut expected = old.clone();
        expected["properties"]["zip"]["allOf"] =
            json!([{"pattern": "^\\d{5}(-\\d{4})?$"}, {"minLength": 5}]);
        assert_eq!(patterns.spelled_out(&old), expected);
        let texts = patterns.texts("^\\d{5}(-\\d{4})?$");
        assert_eq!(texts, ["00000-0000", "00000", "0000A"]);
    }
}
