//! Amounts of money that are written as texts, and amounts in whole cents.

use serde_json::{Value as Json, json};

use super::candidates::{Candidate, Ground, How};
use super::composite::{COMPOSITES, pick};
use super::convert::{Conversion, calculated};
use super::evidence::Hits;
use super::names::words;
use super::side::Leaf;
use super::splits::part_fits;
use super::units::{by_factor, scaled_words, unit_of};
use crate::schema::FieldType;

/// Signs of currencies, and what they are short for.
const SIGNS: [(char, &str); 4] = [('€', "EUR"), ('$', "USD"), ('£', "GBP"), ('¥', "JPY")];

/// How the amounts of texts are written.
struct Written {
    /// The mark before the cents.
    mark: char,
    /// Whether a sign or a code says the currency in all of them.
    says_currency: bool,
}

/// How all of these texts are written, when they are amounts of money: a number with two decimals, or
/// one beside a currency.
fn written(texts: &[&str]) -> Option<Written> {
    let first = texts.first()?;
    let parts: Vec<(String, String)> =
        texts.iter().map(|text| apart(text)).collect::<Option<_>>()?;
    let ends_with = |mark: char| {
        parts.iter().all(|(number, _)| {
            number.rsplit_once(mark).is_some_and(|(whole, cents)| {
                cents.len() == 2
                    && cents.bytes().all(|b| b.is_ascii_digit())
                    && !whole.contains(mark)
            })
        })
    };
    let says_currency = parts.iter().all(|(_, currency)| !currency.is_empty());
    let is_whole = |number: &str| number.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let mark = match () {
        () if ends_with(',') => ',',
        () if ends_with('.') => '.',
        // Without decimals only a currency says that it is money.
        () if says_currency && parts.iter().all(|(number, _)| is_whole(number)) => '.',
        () if says_currency && parts.iter().all(|(number, _)| number.parse::<f64>().is_ok()) => '.',
        () => return None,
    };
    (first.chars().any(|c| c.is_ascii_digit())).then_some(Written { mark, says_currency })
}

/// The number and the currency of a text that holds nothing else.
fn apart(text: &str) -> Option<(String, String)> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '-' | '\'');
    let number: String = text.chars().filter(|c| is_number(*c)).collect();
    let rest: String = text.chars().filter(|c| !is_number(*c) && !c.is_whitespace()).collect();
    let is_code = rest.len() == 3 && rest.chars().all(|c| c.is_ascii_alphabetic());
    let is_sign = rest.chars().count() == 1 && SIGNS.iter().any(|(sign, _)| rest.contains(*sign));
    let plain = number.chars().any(|c| c.is_ascii_digit());
    (plain && (rest.is_empty() || is_code || is_sign)).then_some((number, rest))
}

fn texts_of(leaf: &Leaf) -> Vec<&str> {
    leaf.values.iter().filter_map(Json::as_str).collect()
}

fn replaced(regex: &str, with: &str) -> Json {
    json!({"type": "replace", "field": "@", "regex": regex, "with": with})
}

/// Amounts that are texts as numbers, in whole cents where the new field asks for them.
pub fn from_text(from: &Leaf, to: &Leaf, found: &mut Vec<Conversion>) {
    let structure = &to.structure;
    let is_whole = structure.is_only(FieldType::Integer);
    let Some(how) = written(&texts_of(from)) else { return };
    if !is_whole && !structure.types.contains(&FieldType::Number) {
        return;
    }
    let mut steps = match how.mark {
        ',' => vec![replaced("[^0-9,-]", ""), replaced(",", ".")],
        _ => vec![replaced("[^0-9.-]", "")],
    };
    steps.push(json!({"type": "convertType", "field": "@", "from": "string", "to": "number"}));
    if !is_whole {
        found.push(Conversion::of(steps, 0.07, "the amount that the text says"));
        return;
    }
    steps.extend(by_factor(100.0, true));
    let words = format!("the amount that the text says, {}", scaled_words(100.0));
    let is_said = unit_of(to).is_some_and(|(kind, size)| kind == "money" && size < 2.0);
    let cents = Conversion::of(steps, if is_said { 0.05 } else { 0.15 }, &words);
    found.push(if is_said {
        cents
    } else {
        cents.assuming("that the whole numbers are hundredths")
    });
}

/// Whole cents as a text with two decimals.
pub fn as_text(from: &Leaf, to: &Leaf) -> Option<Conversion> {
    let is_minor = unit_of(from).is_some_and(|(kind, size)| kind == "money" && size < 2.0);
    let is_text = to.structure.is_only(FieldType::String) && unit_of(to).is_none();
    let step = calculated("string.format(\"%.2f\", tonumber(@i) / 100)");
    let way = Conversion::of(vec![step], 0.02, "divided by 100, with two decimals");
    (is_minor && is_text).then_some(way)
}

impl Ground<'_> {
    /// A text such as `€12.50` or `12.50 EUR` as an amount and a currency.
    pub fn splits_of_money(&self, from: usize) -> Option<Candidate> {
        let old = &self.old.leaves[from];
        let texts = texts_of(old);
        let how =
            written(&texts).filter(|how| how.says_currency && texts.len() == old.values.len())?;
        let composite = COMPOSITES
            .iter()
            .find(|composite| composite.parts.len() == 2 && composite.parts[1] == ["currency"])?;
        let writes = pick(composite.parts, &self.open, &self.new.leaves)?;
        let [amount, currency] = writes.as_slice() else { return None };
        let (amount, currency) = (&self.new.leaves[*amount], &self.new.leaves[*currency]);
        // `12.50 EUR` is cut at the space.
        let is_cut = |text: &&str| {
            text.split_once(' ').is_some_and(|(number, code)| {
                code.len() == 3 && part_fits(number, amount) && part_fits(code, currency)
            })
        };
        if texts.iter().all(is_cut) {
            return None;
        }
        let number = match how.mark {
            ',' => "(string.gsub(string.gsub(@1, \"[^%d,-]\", \"\"), \",\", \".\"))",
            _ => "(string.gsub(@1, \"[^%d.-]\", \"\"))",
        };
        let made = match () {
            () if amount.structure.may_be(FieldType::String) => number.to_owned(),
            () if amount.structure.is_only(FieldType::Integer) && has_cents(&texts, how.mark) => {
                format!("math.floor(tonumber({number}) * 100 + 0.5)")
            }
            () => format!("tonumber({number})"),
        };
        let signs = SIGNS
            .iter()
            .map(|(sign, code)| format!("string.find(@1, \"{sign}\", 1, true) and \"{code}\" or "));
        let mut code = format!("{}string.match(@1, \"%a%a%a\")", signs.collect::<String>());
        let is_low =
            |value: &Json| value.as_str().is_some_and(|text| text.chars().all(char::is_lowercase));
        if currency.structure.listed.as_ref().is_some_and(|listed| listed.iter().all(is_low)) {
            code = format!("string.lower({code})");
        }
        let is_apart =
            words(old.path.last()?).iter().any(|word| composite.whole.contains(&word.as_str()));
        Some(Candidate {
            how: How::Compute(vec![made, format!("({code})")]),
            reads: vec![from],
            confidence: if is_apart { 0.9 } else { 0.8 },
            hits: Hits::default(),
            declared: false,
            evidence: format!(
                "{} and {} = the amount and the currency of {} in {n} of {n} sampled values",
                amount.text(),
                currency.text(),
                old.text(),
                n = texts.len()
            ),
            assumes: None,
            alternatives: Vec::new(),
            writes,
        })
    }
}

fn has_cents(texts: &[&str], mark: char) -> bool {
    texts.iter().any(|text| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_known_by_how_they_are_written() {
        let mark = |texts: &[&str]| written(texts).map(|how| (how.mark, how.says_currency));
        assert_eq!(mark(&["12.50", "3.00"]), Some(('.', false)));
        assert_eq!(mark(&["73,25 €", "1.234,50 €"]), Some((',', true)));
        assert_eq!(mark(&["$1,234.50"]), Some(('.', true)));
        assert_eq!(mark(&["12.50 EUR", "9.99 USD"]), Some(('.', true)));
        assert_eq!(mark(&["12", "13"]), None);
        assert_eq!(mark(&["12 pcs", "a"]), None);
    }
}
