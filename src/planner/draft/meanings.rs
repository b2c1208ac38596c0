//! What the words of lists and the names of flags mean: which mean the same, and which the opposite.

use super::names::words;
use super::vocabulary::canonical;

/// Words of lists that mean the same; seen in public APIs that renamed them.
const MEANINGS: &[&[&str]] = &[
    &[
        "open",
        "opened",
        "new",
        "todo",
        "pending",
        "created",
        "draft",
        "queued",
        "waiting",
        "incomplete",
    ],
    &["active", "enabled", "on", "yes", "true", "live", "online", "up"],
    &["inactive", "disabled", "off", "no", "false", "offline", "down"],
    &[
        "closed",
        "done",
        "completed",
        "complete",
        "finished",
        "resolved",
        "success",
        "succeeded",
        "ok",
        "passed",
    ],
    &["failed", "failure", "error", "errored", "rejected", "declined", "fail"],
    &["cancelled", "canceled", "aborted", "cancel"],
    &[
        "running",
        "in progress",
        "inprogress",
        "progress",
        "started",
        "doing",
        "processing",
        "working",
    ],
    &["public", "open", "visible", "everyone", "world"],
    &["private", "hidden", "secret", "internal"],
    &["low", "minor", "l"],
    &["medium", "normal", "default", "moderate", "m"],
    &["high", "major", "important", "h"],
    &["critical", "urgent", "blocker", "highest", "severe"],
    &["warning", "warn"],
    &["error", "err", "e"],
    &["information", "info", "informational"],
    &["delivered", "received", "arrived"],
    &["shipped", "sent", "dispatched", "in transit"],
    &["male", "m", "man"],
    &["female", "f", "w", "woman"],
    &["paid", "settled", "captured"],
    &["always", "all", "every"],
    &["never", "none", "no"],
    &["banned", "blocked", "suspended"],
    &["admin", "administrator", "owner"],
    &["user", "member", "regular"],
];

/// Words for flags that say no, and those that say yes.
const OPPOSITES: &[(&[&str], &[&str])] = &[
    (
        &["disabled", "disable", "inactive", "off", "paused", "suspended", "deactivated"],
        &["enabled", "enable", "active", "on"],
    ),
    (&["hidden", "hide", "invisible"], &["visible", "shown", "show", "public"]),
    (&["private", "secret"], &["public"]),
    (
        &["blocked", "banned", "deleted", "archived", "terminated"],
        &["active", "enabled", "current"],
    ),
    (&["closed"], &["open", "opened"]),
    (&["locked"], &["unlocked"]),
    (&["muted", "silent"], &["audible", "sound"]),
    (&["deny", "denied", "forbidden", "blocked"], &["allow", "allowed", "permitted"]),
    (&["exclude", "excluded"], &["include", "included"]),
    (&["optional"], &["required", "mandatory"]),
    (&["unread"], &["read"]),
    (&["readonly"], &["writable", "editable"]),
    (&["offline"], &["online"]),
    (&["draft", "unpublished"], &["published"]),
    (&["skip"], &["run"]),
    (&["soldout"], &["available"]),
];

/// Last words of a flag's name that deny what stands before them: `accidentFree`.
const WITHOUT: [&str; 3] = ["free", "less", "exempt"];

/// Whether two words of lists mean the same.
pub fn mean_the_same(a: &str, b: &str) -> bool {
    let plain = |text: &str| words(text).join(" ");
    let (a, b) = (plain(a), plain(b));
    a == b
        || MEANINGS.iter().any(|row| row.contains(&a.as_str()) && row.contains(&b.as_str()))
        || (a.len() > 3 && canonical(&a) == canonical(&b))
}

/// Whether two names say the opposite: `disabled` and `enabled`, `hidden` and `isVisible`,
/// `noCache` and `cache`.
pub fn are_opposite(from: &str, to: &str) -> bool {
    let bare = |name: &str| -> Vec<String> {
        let mut words = words(name);
        words.retain(|word| !matches!(word.as_str(), "is" | "are" | "be" | "was" | "has"));
        words
    };
    let (a, b) = (bare(from), bare(to));
    let negated = |a: &[String], b: &[String]| {
        a.len() == b.len() + 1
            && matches!(a[0].as_str(), "no" | "not" | "non" | "without" | "un" | "disable" | "skip")
            && a[1..] == *b
    };
    // `read_only` is one word of the rows.
    let says = |words: &[String], of: &[&str]| {
        of.contains(&words.concat().as_str())
            || words.iter().any(|word| of.contains(&word.as_str()))
    };
    let rest = |words: &[String], of: &[&str]| -> Vec<String> {
        let is_whole = of.contains(&words.concat().as_str());
        words.iter().filter(|word| !is_whole && !of.contains(&word.as_str())).cloned().collect()
    };
    let across = |a: &[String], b: &[String]| {
        OPPOSITES.iter().any(|(no, yes)| says(a, no) && says(b, yes) && rest(a, no) == rest(b, yes))
    };
    let without = |a: &[String], b: &[String]| {
        a.len() == b.len() + 1 && a.starts_with(b) && WITHOUT.contains(&&*a[b.len()])
    };
    without(&a, &b)
        || without(&b, &a)
        || negated(&a, &b)
        || negated(&b, &a)
        || across(&a, &b)
        || across(&b, &a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_the_same_or_the_opposite() {
        assert!(mean_the_same("active", "enabled") && !mean_the_same("open", "closed"));
        assert!(are_opposite("disabled", "isEnabled") && !are_opposite("enabled", "active"));
        assert!(are_opposite("accident", "accidentFree"));
    }
}
