//! Objects and arrays as slices of the text they were read from, with the space between them.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::json;
use super::value::Value;

/// A member's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// JSON text with quotes and escapes, as it stands.
    Quoted(Cow<'a, str>),
    /// The name of a hash field: any bytes.
    Plain(Cow<'a, [u8]>),
}

impl Name<'_> {
    /// Whether this names `text`.
    pub fn is(&self, text: &str) -> bool {
        match self {
            Self::Plain(bytes) => bytes.as_ref() == text.as_bytes(),
            Self::Quoted(raw) => {
                let inside = &raw[1..raw.len() - 1];
                // An escape is longer than what it stands for, so lengths and heads settle most names.
                match inside.len().cmp(&text.len()) {
                    Ordering::Less => false,
                    Ordering::Equal => {
                        inside.as_bytes().first() == text.as_bytes().first()
                            && inside == text
                            && !text.contains('\\')
                    }
                    Ordering::Greater => inside.contains('\\') && json::unquote(raw) == text,
                }
            }
        }
    }

    /// The name as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Plain(bytes) => String::from_utf8_lossy(bytes),
            Self::Quoted(raw) => json::unquote(raw),
        }
    }

    /// The name as a hash's bytes.
    pub fn to_plain(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Plain(bytes) => Cow::Borrowed(bytes),
            Self::Quoted(raw) => match json::unquote(raw) {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        }
    }

    fn into_owned<'b>(self) -> Name<'b> {
        match self {
            Self::Quoted(raw) => Name::Quoted(Cow::Owned(raw.into_owned())),
            Self::Plain(bytes) => Name::Plain(Cow::Owned(bytes.into_owned())),
        }
    }
}

/// A name stands more than once in one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twice;

/// One member of an [`Object`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Space before the name.
    lead: Cow<'a, str>,
    /// The name.
    pub name: Name<'a>,
    /// From the end of the name to the value: a colon and the space around it.
    colon: Cow<'a, str>,
    /// The value.
    pub value: Value<'a>,
    /// Space between the value and the comma; the space before a closing brace is the object's.
    tail: Cow<'a, str>,
}

/// The members of an object in their order, with the space around them. Members may be added,
/// removed and renamed; a new one takes the spacing of its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
    close: Cow<'a, str>,
}

const COLON: Cow<'static, str> = Cow::Borrowed(":");
const NOTHING: Cow<'static, str> = Cow::Borrowed("");

impl<'a> Object<'a> {
    /// Cuts the text of a JSON object, which stands without surrounding space.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let spans = json::members(text)?;
        let mut members = Vec::with_capacity(spans.len() + 2);
        let mut end = 1;
        for span in spans {
            // Between two members stands: space, a comma, space; before the first only space.
            let gap = &text[end..span.name.start];
            let lead = match gap.split_once(',') {
                Some((tail, lead)) if !members.is_empty() => {
                    if let Some(Member { tail: last, .. }) = members.last_mut() {
                        *last = Cow::Borrowed(tail);
                    }
                    lead
                }
                _ => gap,
            };
            members.push(Member {
                lead: Cow::Borrowed(lead),
                colon: Cow::Borrowed(&text[span.name.end..span.value.start]),
                name: Name::Quoted(Cow::Borrowed(&text[span.name])),
                value: Value::Raw(Cow::Borrowed(&text[span.value.clone()])),
                tail: NOTHING,
            });
            end = span.value.end;
        }
        Ok(Self { members, close: Cow::Borrowed(&text[end..text.len() - 1]) })
    }

    /// Like [`Object::parse`] for a hash field's bytes; `None` when they are no JSON object.
    pub(super) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        (text.starts_with('{') && text.ends_with('}')).then(|| Self::parse(text).ok())?
    }

    /// The fields of a Redis hash.
    pub fn from_hash(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let member = |(name, value)| Member {
            lead: NOTHING,
            name: Name::Plain(Cow::Borrowed(name)),
            colon: COLON,
            value: Value::Plain(Cow::Borrowed(value)),
            tail: NOTHING,
        };
        Self { members: fields.into_iter().map(member).collect(), close: NOTHING }
    }

    /// The members in their order.
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where the member `name` stands: the last, where a name stands twice, as most readers take it.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.name.is(name))
    }

    /// Where the member `name` stands, when it stands at most once.
    ///
    /// # Errors
    /// [`Twice`] when the name stands more than once, on which readers of JSON disagree.
    pub fn only(&self, name: &str) -> Result<Option<usize>, Twice> {
        let mut places = self.members.iter().enumerate().filter(|(_, m)| m.name.is(name));
        let first = places.next().map(|(at, _)| at);
        if places.next().is_some() { Err(Twice) } else { Ok(first) }
    }

    /// The value of the member `name`.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.position(name).map(|at| &self.members[at].value)
    }

    /// The value of the member `name`, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value<'a>> {
        self.position(name).map(|at| &mut self.members[at].value)
    }

    /// The value at `at`, to change.
    pub fn value_mut(&mut self, at: usize) -> &mut Value<'a> {
        &mut self.members[at].value
    }

    /// Gives the member at `at` another name. Its place, value and spacing stay.
    pub fn rename(&mut self, at: usize, name: &str) {
        let is_plain = matches!(self.members[at].name, Name::Plain(_));
        self.members[at].name = new_name(name, is_plain);
    }

    /// Takes the member at `at` out.
    pub fn remove(&mut self, at: usize) -> Value<'a> {
        let removed = self.members.remove(at);
        // The first member's lead is the space after the brace, which stays where it is.
        if at == 0
            && let Some(first) = self.members.first_mut()
        {
            first.lead = removed.lead;
        }
        removed.value
    }

    /// Puts a new member before the one at `at`, or at the end when `at` is the length.
    pub fn insert(&mut self, at: usize, name: &str, value: Value<'a>) {
        let colon = self.members.first().map_or(COLON, |member| member.colon.clone());
        let is_plain = matches!(self.members.first(), Some(Member { name: Name::Plain(_), .. }));
        let lead = if at == 0 {
            let first = self.members.first().map_or(NOTHING, |member| member.lead.clone());
            let following = self.following_lead();
            if let Some(old_first) = self.members.first_mut() {
                old_first.lead = following;
            }
            first
        } else {
            self.following_lead()
        };
        let name = new_name(name, is_plain);
        self.members.insert(at, Member { lead, name, colon, value, tail: NOTHING });
    }

    /// Puts a new member at the end.
    pub fn push(&mut self, name: &str, value: Value<'a>) {
        self.insert(self.members.len(), name, value);
    }

    /// The space before a member that is not the first, as this object writes it.
    fn following_lead(&self) -> Cow<'a, str> {
        match self.members.as_slice() {
            [] => NOTHING,
            // One member tells only by its colon whether a space follows a comma: `{"a": 1}`.
            [only] if only.lead.is_empty() && only.colon.ends_with(' ') => Cow::Borrowed(" "),
            [only] => only.lead.clone(),
            [.., last] => last.lead.clone(),
        }
    }

    /// The members, taken out: their names as text, and their values.
    pub fn into_members(self) -> impl Iterator<Item = (String, Value<'a>)> {
        self.members.into_iter().map(|member| (member.name.text().into_owned(), member.value))
    }

    /// Appends the object as JSON text.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        for (at, member) in self.members.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(&member.lead);
            match &member.name {
                Name::Quoted(raw) => out.push_str(raw),
                plain @ Name::Plain(_) => out.push_str(&json::quote(&plain.text())),
            }
            out.push_str(&member.colon);
            member.value.write_json(out);
            out.push_str(&member.tail);
        }
        out.push_str(&self.close);
        out.push('}');
    }

    /// The same object, holding no borrowed text.
    pub fn into_owned<'b>(self) -> Object<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let members = self.members.into_iter().map(|member| Member {
            lead: own(member.lead),
            name: member.name.into_owned(),
            colon: own(member.colon),
            value: member.value.into_owned(),
            tail: own(member.tail),
        });
        Object { members: members.collect(), close: own(self.close) }
    }
}

/// `name` as a hash's bytes or as JSON text.
fn new_name<'a>(name: &str, is_plain: bool) -> Name<'a> {
    if is_plain {
        Name::Plain(Cow::Owned(name.as_bytes().to_vec()))
    } else {
        Name::Quoted(Cow::Owned(json::quote(name)))
    }
}

/// The items of an array in their order, with the space around them.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Array<'a> {
    /// Space before the item, the item, space after it.
    items: Vec<(Cow<'a, str>, Value<'a>, Cow<'a, str>)>,
    /// The space inside an array that has no item.
    hollow: Cow<'a, str>,
}

impl<'a> Array<'a> {
    /// Cuts the text of a JSON array, which stands without surrounding space.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let spans = json::items(text)?;
        if spans.is_empty() {
            return Ok(Self { items: Vec::new(), hollow: Cow::Borrowed(&text[1..text.len() - 1]) });
        }
        let mut items: Vec<(_, Value<'a>, Cow<'a, str>)> = Vec::with_capacity(spans.len());
        let mut end = 1;
        for span in spans {
            let gap = &text[end..span.start];
            let lead = match (gap.split_once(','), items.last_mut()) {
                (Some((tail, lead)), Some(last)) => {
                    last.2 = Cow::Borrowed(tail);
                    lead
                }
                _ => gap,
            };
            let value = Value::Raw(Cow::Borrowed(&text[span.clone()]));
            items.push((Cow::Borrowed(lead), value, NOTHING));
            end = span.end;
        }
        if let Some(last) = items.last_mut() {
            last.2 = Cow::Borrowed(&text[end..text.len() - 1]);
        }
        Ok(Self { items, hollow: NOTHING })
    }

    /// Like [`Array::parse`] for a hash field's bytes; `None` when they are no JSON array.
    pub(super) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        (text.starts_with('[') && text.ends_with(']')).then(|| Self::parse(text).ok())?
    }

    /// An array of these values, printed compactly.
    pub fn from_values(values: impl IntoIterator<Item = Value<'a>>) -> Self {
        let items = values.into_iter().map(|value| (NOTHING, value, NOTHING)).collect();
        Self { items, hollow: NOTHING }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items.
    pub fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.items.iter().map(|(_, value, _)| value)
    }

    /// The items, to change.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value<'a>> {
        self.items.iter_mut().map(|(_, value, _)| value)
    }

    /// The items, taken out.
    pub fn into_values(self) -> impl ExactSizeIterator<Item = Value<'a>> {
        self.items.into_iter().map(|(_, value, _)| value)
    }

    /// Appends the array as JSON text.
    pub fn write_json(&self, out: &mut String) {
        out.push('[');
        for (at, (lead, value, tail)) in self.items.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(lead);
            value.write_json(out);
            out.push_str(tail);
        }
        out.push_str(&self.hollow);
        out.push(']');
    }

    /// The same array, holding no borrowed text.
    pub fn into_owned<'b>(self) -> Array<'b> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let items = self.items.into_iter().map(|(l, v, t)| (own(l), v.into_owned(), own(t)));
        Array { items: items.collect(), hollow: own(self.hollow) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(object: &Object<'_>) -> String {
        let mut out = String::new();
        object.write_json(&mut out);
        out
    }

    #[test]
    fn text_comes_back_byte_for_byte() {
        for text in [
            "{}",
            "{ }",
            r#"{"a":1}"#,
            r#"{ "a" : 1.0 , "b":[ 1 ,2 ] }"#,
            "{\n  \"a\": 12345678901234567890,\n  \"\\u0062\": {\"c\": \"\\u00e9\"}\n}",
        ] {
            let mut object = Object::parse(text).expect(text);
            assert_eq!(printed(&object), text);
            for at in 0..object.len() {
                object.value_mut(at).object_mut();
                object.value_mut(at).array_mut();
            }
            assert_eq!(printed(&object), text, "after opening what is inside");
        }
    }

    #[test]
    fn new_members_take_their_neighbours_spacing() {
        for (text, pushed, without_first) in [
            (r#"{"a":1}"#, r#"{"a":1,"z":0}"#, "{}"),
            (r#"{"a": 1}"#, r#"{"a": 1, "z": 0}"#, "{}"),
            (r#"{"a": 1, "b": 2}"#, r#"{"a": 1, "b": 2, "z": 0}"#, r#"{"b": 2}"#),
            (
                "{\n \"a\": 1,\n \"b\": 2\n}",
                "{\n \"a\": 1,\n \"b\": 2,\n \"z\": 0\n}",
                "{\n \"b\": 2\n}",
            ),
        ] {
            let mut object = Object::parse(text).expect(text);
            object.push("z", Value::Raw("0".into()));
            assert_eq!(printed(&object), pushed);
            object.remove(object.len() - 1);
            assert_eq!(printed(&object), text);
            object.remove(0);
            assert_eq!(printed(&object), without_first);
        }
    }

    #[test]
    fn names_are_compared_by_what_they_mean() {
        let object = Object::parse(r#"{"\u0061":1,"b":2}"#).expect("valid");
        assert_eq!(object.position("a"), Some(0));
    }
}
