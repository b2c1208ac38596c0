//! How alike the names of two fields are: written otherwise, said otherwise, or only in part.

use std::collections::BTreeSet;

use super::vocabulary::{GENERIC, TAILS, are_related, canonical, is_known};

/// The words of a name, in lower case: `userName2`, `user_name-2` and `user.name.2` have the same.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| characters[at]);
        let after = characters.get(at + 1);
        let begins = character.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || (before.is_some_and(char::is_uppercase)
                    && after.is_some_and(|a| a.is_lowercase())
                    && !is_plural(&characters[at + 1..])));
        if (begins || !character.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether what follows a capital letter is only the `s` of several: `IDs`, `URLsByName`.
fn is_plural(rest: &[char]) -> bool {
    rest[0] == 's' && rest.get(1).is_none_or(|next| !next.is_lowercase())
}

/// The word for one of them.
pub fn singular(word: &str) -> String {
    let hisses = ["ches", "shes", "sses", "xes", "zes"].iter().any(|end| word.ends_with(end));
    match word {
        _ if word.len() > 4 && word.ends_with("ies") => format!("{}y", &word[..word.len() - 3]),
        _ if word.len() > 4 && hisses => word[..word.len() - 2].to_owned(),
        _ if word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") => {
            word[..word.len() - 1].to_owned()
        }
        _ => word.to_owned(),
    }
}

/// The words that words are taken for; two that are one elsewhere (`postal code`) are one.
fn canon(words: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let both = words[at..].iter().take(2).map(String::as_str).collect::<String>();
        let is_one = at + 1 < words.len() && is_known(&both);
        // `addr1` is `address` and 1.
        let stem = words[at].trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &words[at][stem.len()..];
        if is_one {
            out.push(canonical(&both));
        } else if stem.len() < 2 || digits.is_empty() || is_known(&words[at]) {
            out.push(canonical(&words[at]));
        } else {
            out.extend([canonical(stem), digits.to_owned()]);
        }
        at += if is_one { 2 } else { 1 };
    }
    out
}

/// The words of a whole path.
pub fn path_words(path: &[String]) -> Vec<String> {
    path.iter().flat_map(|name| words(name)).collect()
}

/// How alike two paths are, from 0 to 1. One means the same words in the same order, however they are
/// written.
pub fn alike(from: &[String], to: &[String]) -> f64 {
    let (Some(last_from), Some(last_to)) = (from.last(), to.last()) else { return 0.0 };
    let (own, other) = (words(last_from), words(last_to));
    let (all_own, all_other) = (path_words(from), path_words(to));
    if all_own == all_other || all_own.concat() == all_other.concat() {
        return 1.0;
    }
    let parents = (&from[..from.len() - 1], &to[..to.len() - 1]);
    if own == other {
        return if parents.0 == parents.1 { 1.0 } else { moved(&own, parents.0, parents.1) };
    }
    // `wind.speed` became `now.wind_speed`, or the other way.
    let led = |path: &[String]| path_words(&path[path.len().saturating_sub(2)..]);
    if own.len() > 1 && own == led(to) || other.len() > 1 && other == led(from) {
        return 0.95;
    }
    if let Some(likeness) = by_part(from, to, &all_own, &all_other) {
        return likeness;
    }
    if let Some(likeness) = by_form(&own, &other, parents.0 == parents.1) {
        return likeness;
    }
    if canon(&own) == canon(&other) && parents.0 == parents.1 {
        return 0.9;
    }
    if canon(&own) == canon(&other) && own.len().max(other.len()) > 1 {
        return 0.82;
    }
    let raw = by_words(&all_own, &all_other, &all_own.concat(), &all_other.concat());
    let in_full =
        by_words(&canon(&all_own), &canon(&all_other), &all_own.concat(), &all_other.concat());
    let by_name = by_words(&canon(&own), &canon(&other), &own.concat(), &other.concat());
    let far = if parents.0 == parents.1 { 1.0 } else { 0.88 };
    // `open_hour` is as near to `openingHours.closes` by the object's name alone.
    let says_last = |own: &[String], all: &[String]| {
        let shares = |word: &String| {
            GENERIC.contains(&word.as_str())
                || all.iter().any(|other| kin(word, other) || canonical(word) == canonical(other))
        };
        own.iter().any(shares)
    };
    let last = if says_last(&own, &all_other) && says_last(&other, &all_own) { 1.0 } else { 0.7 };
    // The last word of a name says what it is: a token's lifetime is no token.
    let heads = |words: &[String]| words.last().map(|word| canonical(word));
    let same_head = own.len() + other.len() > 2 && heads(&own) == heads(&other);
    let last = if same_head { last + 0.06 } else { last };
    let (in_full, raw) = (in_full * last, raw * last);
    in_full.max(raw).max(by_name * far).max(by_relation(&own, &other) * far).min(0.89)
}

/// What it says that two names, or all but shared words of them, stood in one another's place elsewhere.
fn by_relation(own: &[String], other: &[String]) -> f64 {
    let apart = |a: &[String], b: &[String]| -> Vec<String> {
        let is_said = |word: &&String| {
            let says_type = matches!(word.as_str(), "is" | "has" | "at" | "on" | "id" | "name");
            !(b.contains(word) || says_type && a.len() > 1)
        };
        a.iter().filter(is_said).cloned().collect()
    };
    let (a, b) = (apart(own, other), apart(other, own));
    match () {
        () if are_related(&own.concat(), &other.concat()) => 0.7,
        () if a.len() == 1 && b.len() == 1 && are_related(&a[0], &b[0]) => 0.62,
        () if a.concat() != b.concat() && are_related(&a.concat(), &b.concat()) => 0.62,
        () => 0.0,
    }
}

/// How alike two paths are of which one is the other with a word behind it: the value itself, or
/// something about it.
fn by_part(
    from: &[String],
    to: &[String],
    all_own: &[String],
    all_other: &[String],
) -> Option<f64> {
    // `fare` became `fare.amount`, or the other way: the value itself, or something about it.
    let (outer, inner) = if from.len() < to.len() { (from, to) } else { (to, from) };
    if inner.len() == outer.len() + 1 && inner.starts_with(outer) {
        let last = words(&inner[outer.len()]);
        match last.last().map(String::as_str) {
            Some("value" | "amount" | "text") => return Some(0.91),
            Some("currency" | "unit" | "units" | "type" | "locale" | "format") if to == inner => {
                return Some(0.45);
            }
            _ => {}
        }
    }
    // `author` became `author.name`, or the other way.
    let (short, long) =
        if all_own.len() < all_other.len() { (all_own, all_other) } else { (all_other, all_own) };
    if long.starts_with(short)
        && long.len() == short.len() + 1
        && GENERIC.contains(&long[short.len()].as_str())
    {
        // The value itself, rather than something about it.
        let is_itself = !["url", "count", "data", "kind", "type", "content"]
            .contains(&long[short.len()].as_str());
        return Some(match (from.len() == to.len(), is_itself) {
            (true, _) => 0.8,
            // A text rather than what tells it from others: `caption.text`, and not `caption.id`.
            (false, true) if long.last().is_some_and(|word| word == "id") => 0.78,
            (false, true) if long.last().is_some_and(|w| w == "text" || w == "value") => 0.91,
            (false, true) => 0.86,
            (false, false) if long.ends_with(&["type".to_owned()]) => 0.8,
            (false, false) => 0.55,
        });
    }
    None
}

/// How alike two last names are that differ in one known way.
fn by_form(own: &[String], other: &[String], same_parents: bool) -> Option<f64> {
    // `stats.followers` became `followers_count`: a word that only says what kind of value it is.
    let is_tail = |short: &[String], long: &[String]| {
        // `checkin` and `checkInTime` are written alike.
        let (head, tail) = long.split_at(long.len().saturating_sub(1));
        !head.is_empty() && head.concat() == short.concat() && TAILS.contains(&&*tail[0])
    };
    if is_tail(own, other) || is_tail(other, own) {
        return Some(0.76);
    }
    // `t` of `time`; `from` of a letter's `sender`.
    let is_initial = |short: &[String], long: &[String]| {
        matches!(short, [word] if word.len() == 1) && long[0].starts_with(short[0].as_str())
    };
    if is_initial(own, other) || is_initial(other, own) {
        return Some(if same_parents { 0.62 } else { 0.5 });
    }
    // `ua` of `userAgent`.
    let is_acronym = |short: &[String], long: &[String]| {
        let initials: String = long.iter().filter_map(|word| word.chars().next()).collect();
        matches!(short, [word] if *word == initials && long.len() > 1)
    };
    if is_acronym(own, other) || is_acronym(other, own) {
        return Some(if same_parents { 0.8 } else { 0.76 });
    }
    // `pid` of `projectId`.
    let is_short = |short: &[String], long: &[String]| {
        let ([word], Some((last, rest))) = (short, long.split_last()) else { return false };
        let initials: String = rest.iter().filter_map(|word| word.chars().next()).collect();
        !rest.is_empty() && last.len() > 1 && *word == format!("{initials}{last}")
    };
    if is_short(own, other) || is_short(other, own) {
        return Some(if same_parents { 0.86 } else { 0.8 });
    }
    let are_ends = |a: &[String], b: &[String]| matches!((a, b), ([a], [b]) if matches!((a.as_str(), singular(b).as_str()), ("from", "sender") | ("to", "recipient")));
    if are_ends(own, other) || are_ends(other, own) {
        return Some(0.85);
    }
    None
}

/// The same name under other parents: sure when the name says much, or the parents are alike.
fn moved(name: &[String], from: &[String], to: &[String]) -> f64 {
    let parents = by_words(
        &path_words(from).iter().map(|w| canonical(w)).collect::<Vec<_>>(),
        &path_words(to).iter().map(|w| canonical(w)).collect::<Vec<_>>(),
        &path_words(from).concat(),
        &path_words(to).concat(),
    );
    let leads = |word: &String| {
        let within = |lead: &String| lead.len() > 2 && lead != word && word.starts_with(lead);
        path_words(from).iter().chain(&path_words(to)).any(within)
    };
    match name {
        // `user.username` says by itself whose it is.
        [word] if leads(word) => 0.92,
        [word] if GENERIC.contains(&word.as_str()) => 0.55 + 0.35 * parents,
        _ => 0.9 + 0.08 * parents,
    }
}

/// What shared words and shared letters say.
fn by_words(own: &[String], other: &[String], text: &str, other_text: &str) -> f64 {
    if own.is_empty() || other.is_empty() {
        return 0.0;
    }
    let (a, b): (BTreeSet<_>, BTreeSet<_>) = (own.iter().collect(), other.iter().collect());
    let same = a.intersection(&b).count();
    let common = a.iter().filter(|word| b.iter().any(|other| kin(word, other))).count();
    let common = common.min(b.len());
    // A form of a word says less than the word.
    let common = ratio(same, 1) + KIN * ratio(common.saturating_sub(same), 1);
    let shared = common / ratio(a.len().min(b.len()), 1);
    let dice = 2.0 * common / ratio(a.len() + b.len(), 1);
    let letters = strsim::jaro_winkler(text, other_text);
    let edits = strsim::normalized_levenshtein(text, other_text);
    if dice >= 1.0 {
        return 0.88;
    }
    // Short words are near to one another by chance.
    let is_long = text.len().min(other_text.len()) >= 5;
    let spelled = if edits >= 0.7 && is_long { 0.85 * letters } else { 0.0 };
    // `link` and `permalink`.
    let ends = |a: &str, b: &str| a.len() >= 4 && b.len() > a.len() && b.ends_with(a);
    let is_end = ends(text, other_text) || ends(other_text, text);
    let ended = if is_end { 0.6 } else { 0.0 };
    (0.55 * dice + 0.2 * shared + 0.15 * letters).max(spelled).max(ended)
}

/// What a form of a word is worth beside the word itself.
const KIN: f64 = 0.93;

/// Whether two words are the same, or forms of one: `net` and `network`, `depends` and
/// `dependencies`.
fn kin(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    a == b
        || (short >= 3 && shared == short && long <= 3 * short)
        || (shared >= 5 && shared * 3 >= short * 2)
        || is_skeleton(a, b)
        || is_skeleton(b, a)
}

/// Whether a word is another without its vowels: `lvl` of `level`, `msg` of `message`.
fn is_skeleton(short: &str, long: &str) -> bool {
    let is_vowel = |c: char| "aeiou".contains(c);
    let mut bones = long.chars().filter(|c| !is_vowel(*c));
    short.len() >= 3
        && long.len() > short.len()
        && !short.chars().any(is_vowel)
        && short.chars().next() == long.chars().next()
        && short.chars().all(|wanted| bones.any(|bone| bone == wanted))
}

/// A share as a number from 0 to 1.
pub fn ratio(part: usize, whole: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike_text(from: &str, to: &str) -> f64 {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        alike(&path(from), &path(to))
    }

    #[test]
    fn names_are_words() {
        assert_eq!(words("userName"), ["user", "name"]);
        assert_eq!(words("HTTPServer_id-2"), ["http", "server", "id", "2"]);
    }

    #[test]
    fn what_is_alike_and_what_is_not() {
        assert!(alike_text("created_at", "createdAt") >= 1.0);
        assert!(alike_text("address_city", "address.city") >= 1.0);
        assert!(alike_text("city", "address.city") >= 0.9);
        assert!(alike_text("author", "author.name") > 0.8);
        assert!(alike_text("login", "username") > 0.85);
        assert!(alike_text("userName", "fullName") > 0.4);
        for (a, b) in
            [("nickname", "timezone"), ("price", "cena"), ("fax", "email"), ("age", "page")]
        {
            assert!(alike_text(a, b) < 0.45, "{a} {b} {}", alike_text(a, b));
        }
    }
}
