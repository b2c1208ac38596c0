//! Words of field names: which say the same, which stand in one another's place, and which say little. Rows are here because renames within them were seen in public APIs,
//! file formats and tables of many years.

use std::cell::RefCell;
use std::collections::HashMap;

use super::names::singular;

/// Words that stand for the same thing in field names, and their short forms; the first of a row is
/// what the others are taken for.
const SYNONYMS: &[&[&str]] = &[
    &["id", "identifier", "uid", "uuid", "guid", "key", "ident", "oid"],
    &["url", "uri", "href", "link", "website", "homepage", "site", "webpage"],
    &["created", "creation", "create", "ctime", "inserted", "added", "crtd"],
    &["updated", "modified", "modification", "update", "changed", "mtime", "edited", "upd"],
    &["deleted", "removed", "deletion", "trashed"],
    &[
        "description",
        "desc",
        "descr",
        "summary",
        "about",
        "bio",
        "abstract",
        "overview",
        "synopsis",
    ],
    &["title", "header", "heading", "headline", "subject", "caption"],
    &["name", "nm", "naam"],
    &["text", "body", "content", "message", "msg", "comment", "contents", "txt"],
    &["note", "notes", "remark", "remarks", "memo", "annotation", "annotations"],
    &["image", "img", "picture", "photo", "avatar", "icon", "pic", "thumbnail", "thumb", "logo"],
    &["quantity", "qty", "count", "total", "cnt", "pieces", "units"],
    &["number", "num", "no", "nr", "nbr"],
    &["address", "addr", "adr"],
    &[
        "street",
        "line1",
        "address1",
        "addressline1",
        "street1",
        "streetaddress",
        "addr1",
        "strasse",
    ],
    &["line2", "address2", "addressline2", "street2", "addr2"],
    &["city", "town", "locality", "ort", "municipality"],
    &["province", "region", "county"],
    &["country", "nation", "ctry", "countrycode"],
    &["phone", "tel", "telephone", "mobile", "phonenumber", "cell", "msisdn", "ph"],
    &["email", "mail", "emailaddress", "eml"],
    &["zip", "postal", "postcode", "zipcode", "postalcode", "plz", "zipcd"],
    &["language", "lang", "locale"],
    &["timezone", "tz", "zone"],
    &[
        "configuration",
        "config",
        "conf",
        "cfg",
        "settings",
        "options",
        "preferences",
        "prefs",
        "opts",
    ],
    &["command", "cmd"],
    &["environment", "env"],
    &["directory", "dir", "folder"],
    &["source", "src"],
    &["destination", "dst", "dest", "target"],
    &["latitude", "lat"],
    &["longitude", "lon", "lng", "long"],
    &["altitude", "alt", "elevation"],
    &["password", "pwd", "passwd", "pass"],
    &["organization", "org", "organisation", "company", "employer"],
    &["favorite", "favourite", "fav", "favorites", "favourites", "like", "likes", "starred"],
    &["username", "login", "handle", "nick", "nickname", "screenname", "acct"],
    &["type", "kind", "category", "cat"],
    &["status", "state", "phase", "stat", "sts"],
    &["start", "begin", "from", "since", "started", "starts", "begins"],
    &["end", "finish", "until", "to", "stop", "ended", "ends", "finished"],
    &["maximum", "max", "limit", "most"],
    &["minimum", "min", "least"],
    &["price", "cost", "charge", "fee", "fare", "rate"],
    &["amount", "amt", "sum"],
    &["enabled", "active", "enable", "on"],
    &["disabled", "inactive", "disable", "off"],
    &["parameters", "params", "args", "arguments", "parameter"],
    &["attributes", "attrs", "properties", "props", "fields", "attr", "property"],
    &["dependencies", "deps", "requires"],
    &["reference", "ref", "refno"],
    &["version", "ver", "revision", "rev"],
    &["firmware", "fw"],
    &["surname", "lastname", "family", "lname", "familyname", "ln"],
    &["forename", "firstname", "given", "fname", "givenname", "fn"],
    &["birthday", "birthdate", "dob", "born", "birth", "dateofbirth", "bday"],
    &["owner", "author", "creator", "user", "account", "usr"],
    &["tag", "label", "keyword", "topic", "hashtag"],
    &["token", "secret"],
    &["group", "team", "grp"],
    &["customer", "client", "buyer", "cust", "purchaser", "shopper"],
    &["department", "dept", "division"],
    &["employee", "emp", "staff", "worker"],
    &["manager", "mgr", "supervisor", "boss"],
    &["position", "pos"],
    &["information", "info"],
    &["average", "avg", "mean"],
    &["weight", "wt", "mass"],
    &["width", "wd"],
    &["height", "ht"],
    &["currency", "ccy", "curr", "cur", "currencycode"],
    &["registered", "joined", "signup", "enrolled"],
    &["device", "dev"],
    &["vehicle", "car"],
    &["battery", "bat", "batt"],
    &["gender", "sex"],
    &["manufacturer", "make", "brand", "vendor", "maker", "mfr", "mfg"],
    &["timestamp", "ts", "time", "date", "at", "on", "datetime", "dt", "when", "moment"],
    &["temperature", "temp", "tmp"],
    &["humidity", "hum"],
    &["speed", "velocity", "spd"],
    &["color", "colour", "clr"],
    &["interval", "period", "frequency"],
    &["timeout", "deadline"],
    &["duration", "elapsed", "runtime", "took", "dur"],
    &["expires", "expiry", "expiration", "exp", "expire", "expired", "validuntil"],
    &["port", "ports"],
    &["code", "isbn", "sku", "cd"],
    &["reply", "response", "answer", "resp"],
    &["request", "req"],
    &["parent", "container"],
    &["visibility", "privacy", "access"],
    &[
        "children",
        "items",
        "entries",
        "elements",
        "list",
        "lines",
        "rows",
        "positions",
        "lineitems",
        "records",
    ],
    &["product", "article", "prod", "art"],
    &["salary", "wage", "pay", "sal"],
    &["discount", "rebate", "disc"],
    &["ip", "ipaddress", "ipaddr"],
    &["host", "hostname"],
    &["permissions", "scopes", "perms", "rights", "grants", "privileges", "scope"],
    &["retries", "retry", "attempts"],
    &["member", "participant", "attendee", "invitee"],
    &["people", "ppl", "persons", "pax", "headcount"],
    &["comments", "replies", "responses"],
    &["verified", "confirmed", "validated"],
    &["error", "err", "failure"],
    &["level", "lvl", "severity"],
    &["priority", "prio", "importance"],
    &["sequence", "seq", "ordinal", "rank", "sort", "index", "idx"],
    &["previous", "prev"],
    &["approved", "accepted"],
    &["medium", "media"],
    &["engine", "motor"],
    &["isbn13", "isbn"],
    &["pages", "pagecount", "pp"],
    &["database", "db"],
    &["year", "yr"],
    &["transmission", "gearbox"],
    &["stock", "inventory", "onhand"],
    &["seller", "merchant"],
    &["shipping", "delivery", "ship"],
    &["billing", "bill", "invoice"],
    &["serial", "sn", "serialno"],
    &["remaining", "left"],
    &["percent", "pct", "percentage"],
    &["warehouse", "wh"],
    &["distance", "dist"],
    &["shelf", "bin"],
    &["airport", "iata"],
    &["arrival", "arr", "arrive"],
    &["departure", "dep", "depart"],
    &["room", "rm"],
    &["teacher", "instructor", "lecturer"],
    &["doctor", "physician"],
    &["reason", "cause"],
    &["review", "feedback"],
    &["publisher", "press"],
];

/// Words that stood in one another's place when a format changed, though they say something else: what
/// a thing is called, where it came from, when it happened.
const RELATED: &[&[&str]] = &[
    &["name", "title", "label", "alias", "caption", "displayname", "heading", "slug", "term"],
    &["source", "channel", "origin", "via", "from", "provider", "referrer", "medium"],
    &["service", "action", "operation", "method", "command", "task", "function", "verb", "event"],
    &[
        "created",
        "date",
        "opened",
        "placed",
        "ordered",
        "published",
        "posted",
        "time",
        "timestamp",
        "issued",
        "registered",
        "received",
        "submitted",
        "added",
        "started",
        "recorded",
        "booked",
        "occurred",
        "happened",
        "logged",
        "sent",
    ],
    &[
        "author",
        "reporter",
        "creator",
        "user",
        "owner",
        "sender",
        "submitter",
        "requester",
        "writer",
        "openedby",
        "createdby",
        "postedby",
        "by",
        "from",
        "raisedby",
        "assignee",
        "poster",
    ],
    &["to", "recipient", "destination", "token", "target", "receiver", "addressee"],
    &["id", "number", "reference", "code", "key", "sid", "serial", "sku", "isbn", "barcode", "ean"],
    &["seen", "watched", "viewed", "read", "visited", "opened"],
    &["year", "released", "release", "published"],
    &["ok", "healthy", "alive", "up", "success", "passed", "valid", "available", "working"],
    &[
        "stage", "type", "step", "phase", "kind", "mode", "category", "class", "genre", "section",
        "variant",
    ],
    &["domain", "uri", "host", "site", "server", "endpoint", "origin", "node"],
    &["open", "opens", "start", "opening"],
    &["close", "closes", "end", "closing"],
    &["checkin", "arrival", "from", "start", "arrive", "checkindate", "arrives"],
    &["checkout", "departure", "to", "end", "depart", "checkoutdate", "departs"],
    &["amount", "price", "sum", "total", "value", "cost", "balance", "payment"],
    &["score", "rating", "points", "stars", "grade", "rank", "mark", "result"],
    &["role", "type", "level", "group", "access", "permission", "rights", "admin"],
    &[
        "comment",
        "note",
        "description",
        "text",
        "message",
        "feedback",
        "review",
        "detail",
        "details",
    ],
    &["count", "size", "length", "number", "quantity", "seats", "capacity", "guests"],
    &[
        "people",
        "guests",
        "attendees",
        "participants",
        "persons",
        "members",
        "attendeecount",
        "seats",
    ],
    &["enabled", "available", "valid", "live", "visible", "published"],
    &["deleted", "archived", "hidden", "inactive"],
    &["duration", "length", "len", "time", "minutes", "runtime"],
    &["retention", "keep", "ttl", "expires", "lifetime", "age"],
    &["method", "type", "collection", "kind", "mode", "scheme"],
    &["device", "imei", "serial", "sensor", "unit", "machine"],
    &["model", "product", "type", "name"],
    &[
        "guest",
        "customer",
        "person",
        "patient",
        "visitor",
        "passenger",
        "holder",
        "client",
        "student",
    ],
    &["member", "user", "person", "player", "employee"],
    &["doctor", "physician", "practitioner", "provider"],
    &["store", "shop", "branch", "location", "place"],
    &["room", "unit", "apartment", "suite"],
    &["line", "route", "track"],
    &["flag", "feature", "toggle", "name"],
    &["body", "payload", "data", "content"],
    &["value", "text", "content", "amount"],
    &["job", "task", "position", "jobtitle"],
    &[
        "name",
        "candidate",
        "applicant",
        "person",
        "runner",
        "customer",
        "patient",
        "student",
        "guest",
        "employee",
        "contact",
        "holder",
        "agent",
        "driver",
        "player",
        "artist",
        "author",
        "speaker",
    ],
    &[
        "name", "title", "song", "movie", "film", "book", "recipe", "product", "hotel", "event",
        "race", "game", "station", "package", "course", "project", "album", "show", "room",
        "company",
    ],
    &["notify", "notification", "alert", "notifications"],
    &["status", "condition", "result", "outcome", "stage"],
    &["state", "province"],
    &["order", "position", "index", "sequence"],
    &["reason", "cause", "message", "detail"],
    &["plan", "tier", "package", "subscription", "price"],
    &["paymentmethod", "source", "method", "card"],
    &["schedule", "cron", "timing"],
    &["query", "expression", "expr", "filter", "condition", "search"],
    &["image", "file", "path", "url"],
    &["frequency", "interval", "every", "schedule"],
    &["discount", "off", "reduction", "percentoff"],
    &["occurred", "at", "time", "timestamp", "created"],
    &["context", "name", "scope"],
];

/// Words that say little by themselves: `name` of what?
pub const GENERIC: [&str; 16] = [
    "name", "id", "type", "value", "key", "url", "title", "text", "code", "label", "content",
    "count", "data", "kind", "login", "username",
];

/// Last words of names that say only what kind of value the rest of the name has.
pub const TAILS: [&str; 10] =
    ["count", "url", "id", "name", "text", "value", "date", "time", "list", "number"];

thread_local! {
    static TAKEN_FOR: RefCell<HashMap<String, String>> = RefCell::default();
}

/// The word that a word is taken for: singular, and the first of its row.
pub fn canonical(word: &str) -> String {
    // Names are compared again and again, and have few words.
    const KEPT_MAX: usize = 10_000;
    TAKEN_FOR.with_borrow_mut(|known| {
        if known.len() > KEPT_MAX {
            known.clear();
        }
        known.entry(word.to_owned()).or_insert_with(|| taken_for(word)).clone()
    })
}

fn taken_for(word: &str) -> String {
    let row = |word: &str| SYNONYMS.iter().find(|row| row.contains(&word)).map(|row| row[0]);
    if let Some(first) = row(word) {
        return first.to_owned();
    }
    let singular = singular(word);
    row(&singular).map_or(singular, str::to_owned)
}

/// Whether a word has a row of its own.
pub fn is_known(word: &str) -> bool {
    SYNONYMS.iter().any(|row| row.contains(&word))
}

/// Whether two words stood in one another's place elsewhere.
pub fn are_related(a: &str, b: &str) -> bool {
    let (a, b) =
        ([a.to_owned(), singular(a), canonical(a)], [b.to_owned(), singular(b), canonical(b)]);
    let holds =
        |row: &&&[&str], forms: &[String; 3]| forms.iter().any(|form| row.contains(&form.as_str()));
    a[2] != b[2] && RELATED.iter().any(|row| holds(&row, &a) && holds(&row, &b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_or_related_or_neither() {
        assert_eq!(canonical("labels"), canonical("tag"));
        assert_eq!(canonical("categories"), canonical("type"));
        assert!(are_related("title", "name") && are_related("alias", "name"));
        assert!(!are_related("nickname", "timezone"));
    }
}
