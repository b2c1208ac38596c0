//! A transform as a form: one line for each of its parameters, checked while one types.

use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::Line;
use serde_json::{Map, Value as Json};

use crate::console::keymap::Press;
use crate::console::overlays::values::{from_text, suggestions, to_text};
use crate::console::overlays::{Answer, Edit, Place, dialog};
use crate::console::regions::Target;
use crate::console::theme::Role;
use crate::console::widgets::input::Input;
use crate::console::widgets::list::{self, ListState};
use crate::console::widgets::{Canvas, above, below, text};
use crate::session::edit::{Kind, Mistake, Parameter, check_step};

/// Rows at the foot: a border, the parameter's help, what comes of it, the hint.
const FOOT_ROWS: u16 = 7;

/// What every kind of transform takes besides its own parameters.
const WHEN: Parameter = Parameter {
    name: "when",
    form: "a condition as JSON",
    optional: true,
    help: "which documents the step is for, as {\"expr\": …}, {\"flag\": …} or {\"env\": […]}; all when \
           left out",
};

/// One line of the form.
#[derive(Debug)]
struct Field {
    parameter: &'static Parameter,
    input: Input,
    /// Which suggestion was put in last.
    suggested: usize,
}

/// The form.
#[derive(Debug)]
pub struct Form {
    place: Place,
    kind: &'static Kind,
    fields: Vec<Field>,
    /// Parameters that stand in the definition and in no field: a description.
    rest: Map<String, Json>,
    /// Paths of the document, for suggestions.
    paths: Vec<String>,
    at: ListState,
    mistakes: Vec<Mistake>,
    /// What the chain does with this step in it.
    note: Vec<(Role, String)>,
}

impl Form {
    /// A form for the step at `place`, filled with what stands in its definition. `paths` are fields
    /// to suggest.
    pub fn new(place: Place, kind: &'static Kind, definition: &Json, paths: Vec<String>) -> Self {
        let mut rest = definition.as_object().cloned().unwrap_or_default();
        rest.shift_remove("type");
        let parameters = kind.parameters.iter().chain([&WHEN]);
        let fields = parameters.map(|parameter| {
            let value = rest.shift_remove(parameter.name);
            let text = value.map(|value| to_text(parameter.form, &value)).unwrap_or_default();
            Field { parameter, input: Input::of(&text), suggested: 0 }
        });
        let fields = fields.collect();
        let at = ListState::default();
        let mut form =
            Self { place, kind, fields, rest, paths, at, mistakes: Vec::new(), note: Vec::new() };
        form.check();
        form
    }

    /// The definition that the form says.
    fn definition(&self) -> Json {
        let mut definition = Map::new();
        definition.insert("type".to_owned(), self.kind.name.into());
        for field in self.fields.iter().filter(|field| !field.input.is_empty()) {
            let value = from_text(field.parameter.form, &field.input.text());
            definition.insert(field.parameter.name.to_owned(), value);
        }
        definition.extend(self.rest.clone());
        Json::Object(definition)
    }

    fn check(&mut self) {
        let text = self.definition().to_string();
        self.mistakes = check_step(&text).err().unwrap_or_default();
    }

    /// The step as it stands now, if it is sound.
    fn edit(&self) -> Option<Edit> {
        let (place, value) = (self.place.clone(), self.definition());
        self.mistakes.is_empty().then_some(Edit { place, value })
    }

    /// Shows what the chain makes of the step.
    pub fn set_note(&mut self, note: Vec<(Role, String)>) {
        self.note = note;
    }

    /// Takes a key.
    pub fn press(&mut self, press: Press) -> Answer {
        let last = self.fields.len() - 1;
        let control = press.modifiers == KeyModifiers::CONTROL;
        match press.code {
            KeyCode::Char('o') if control => {
                return Answer::AsText(Edit {
                    place: self.place.clone(),
                    value: self.definition(),
                });
            }
            KeyCode::Char('n') if control => return self.suggest(),
            KeyCode::Char('s') if control => return self.accept(),
            KeyCode::Enter if self.mistakes.is_empty() => return self.accept(),
            KeyCode::Enter => self.at.selected = self.first_empty().unwrap_or(last),
            KeyCode::Tab | KeyCode::Down => self.at.selected = (self.at.selected + 1) % (last + 1),
            KeyCode::BackTab | KeyCode::Up => {
                self.at.selected = (self.at.selected + last) % (last + 1);
            }
            _ => {
                let before = self.fields[self.at.selected].input.text();
                if self.fields[self.at.selected].input.press(press)
                    && before != self.fields[self.at.selected].input.text()
                {
                    return self.changed();
                }
            }
        }
        Answer::Stay
    }

    fn accept(&self) -> Answer {
        self.edit().map_or(Answer::Stay, Answer::Written)
    }

    /// The first parameter that has to be filled and is not.
    fn first_empty(&self) -> Option<usize> {
        self.fields.iter().position(|f| f.input.is_empty() && !f.parameter.optional)
    }

    fn changed(&mut self) -> Answer {
        self.check();
        self.note.clear();
        self.edit().map_or(Answer::Stay, Answer::Tried)
    }

    /// Puts the next suggestion into the line.
    fn suggest(&mut self) -> Answer {
        let at = self.at.selected;
        let field = &mut self.fields[at];
        let known = suggestions(field.parameter.form, &self.paths);
        if known.is_empty() {
            return Answer::Stay;
        }
        field.input = Input::of(&known[field.suggested % known.len()]);
        field.suggested += 1;
        self.changed()
    }

    /// Takes pasted text into the line.
    pub fn paste(&mut self, pasted: &str) -> Answer {
        self.fields[self.at.selected].input.paste(pasted);
        self.changed()
    }

    /// A click takes the line.
    pub fn click(&mut self, row: usize) {
        self.at.selected = row.min(self.fields.len() - 1);
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas, area: Rect) {
        let height = u16::try_from(self.fields.len()).unwrap_or(u16::MAX).saturating_add(13);
        let height = height.min(area.height.saturating_sub(2));
        let width = 76.min(area.width.saturating_sub(4));
        let inside = dialog(canvas, area, width, height, self.kind.name);
        let lines = text::wrap(self.kind.summary, usize::from(inside.width));
        let few = usize::from(if inside.height > 16 { 4u16 } else { 2 });
        let summary: Vec<Line> = lines
            .into_iter()
            .take(few)
            .map(|line| Line::from(canvas.span(Role::Dim, line)))
            .collect();
        let rest = below(canvas.put_lines(inside, summary), 1);
        // Where there is room, a long help is read whole.
        let spare =
            u16::from(usize::from(rest.height) > self.fields.len() + usize::from(FOOT_ROWS));
        let foot_rows = (FOOT_ROWS + spare).min(rest.height.saturating_sub(3));
        let rows = above(rest, rest.height - foot_rows);
        self.view_fields(canvas, rows);
        self.view_foot(canvas, below(rest, rows.height));
    }

    fn view_fields(&self, canvas: &mut Canvas, area: Rect) {
        let page = usize::from(area.height);
        canvas.regions.overlay_rows = page;
        let first = self.at.first_row(self.fields.len(), page);
        let cells =
            self.fields.iter().map(|field| field.parameter.name.len()).max().unwrap_or(0) + 3;
        for (y, index) in (area.y..area.bottom()).zip(first..self.fields.len()) {
            let place = Rect { y, height: 1, width: area.width.saturating_sub(1), ..area };
            let field = &self.fields[index];
            let is_selected = index == self.at.selected;
            let wrong = self.mistakes.iter().any(|m| m.path.starts_with(field.parameter.name));
            let needed = if field.parameter.optional { "  " } else { "* " };
            let name = text::fit(&format!("{needed}{}", field.parameter.name), cells);
            let role = match (wrong, is_selected) {
                (true, _) => Role::Bad,
                (_, true) => Role::Title,
                _ => Role::Text,
            };
            let label = Line::from(canvas.span(role, name));
            canvas.put(place, &label);
            let lead = u16::try_from(cells).unwrap_or(0).min(place.width);
            let entry = Rect { x: place.x + lead, width: place.width - lead, ..place };
            if field.input.is_empty() && !is_selected {
                let form = Line::from(canvas.span(Role::Faint, field.parameter.form));
                canvas.put(entry, &form);
            } else {
                let role = if wrong { Role::Bad } else { Role::Accent };
                canvas.fill(entry, if is_selected { Role::SelectedIdle } else { Role::Text });
                field.input.draw(canvas, entry, role, is_selected);
            }
            canvas.note(place, Target::OverlayRow(index));
        }
        list::scrollbar(canvas, area, first, self.fields.len());
    }

    fn view_foot(&self, canvas: &mut Canvas, area: Rect) {
        let border = Line::from(canvas.span(Role::Border, "─".repeat(usize::from(area.width))));
        canvas.put(area, &border);
        let parameter = self.fields[self.at.selected].parameter;
        let help_rows = if area.height > FOOT_ROWS { 3 } else { 2 };
        let help = Rect { height: below(area, 1).height.min(help_rows), ..below(area, 1) };
        canvas.put_wrapped(help, Role::Text, &about(parameter, &self.paths));
        let result = below(area, 1 + help_rows);
        let result = Rect { height: result.height.saturating_sub(1), ..result };
        match self.mistakes.first() {
            Some(_) if self.first_empty().is_some() => {
                canvas.put_wrapped(result, Role::Dim, "fill in what is marked with *");
            }
            Some(mistake) => {
                let text = format!("✗ {}; expected {}", mistake.message, mistake.expected);
                canvas.put_wrapped(result, Role::Bad, &text);
            }
            None => _ = canvas.put_flow(result, self.note.iter().cloned()),
        }
        let hint = "enter take it · ctrl-n suggest · ctrl-o JSON · esc leave it";
        let hint = Line::from(canvas.span(Role::Faint, hint));
        canvas.put(below(area, area.height.saturating_sub(1)), &hint);
    }
}

/// What a parameter takes and means.
fn about(parameter: &Parameter, paths: &[String]) -> String {
    let may = if parameter.optional { " (may be left out)" } else { "" };
    let known = suggestions(parameter.form, paths);
    let known = if known.is_empty() { "" } else { "; ctrl-n suggests" };
    format!("{}{may}: {}{known}", parameter.form, parameter.help)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::session::edit::KINDS;

    fn form(kind: &str, definition: &Json) -> Form {
        let kind = KINDS.iter().find(|known| known.name == kind).unwrap();
        let place = Place::Step { migration: "v1_to_v2".into(), index: 0, is_new: true };
        Form::new(place, kind, definition, vec!["fullName".into()])
    }

    fn typed(form: &mut Form, text: &str) -> Answer {
        let mut last = Answer::Stay;
        for character in text.chars() {
            last = form.press(Press::plain(KeyCode::Char(character)));
        }
        last
    }

    #[test]
    fn a_form_becomes_a_definition_when_all_is_said() {
        let mut form = form("splitField", &json!({}));
        assert!(matches!(form.press(Press::plain(KeyCode::Enter)), Answer::Stay));
        typed(&mut form, "fullName");
        form.press(Press::plain(KeyCode::Tab));
        typed(&mut form, "first, last");
        form.press(Press::plain(KeyCode::Down));
        let answer = typed(&mut form, " ");
        assert!(matches!(answer, Answer::Tried(_)), "{answer:?} {:?}", form.mistakes);
        let Answer::Written(edit) = form.press(Press::plain(KeyCode::Enter)) else { panic!() };
        assert_eq!(
            edit.value,
            json!({"type": "splitField", "from": "fullName", "to": ["first", "last"],
                   "separator": " "})
        );
    }

    #[test]
    fn every_definition_survives_its_form() {
        for definition in [
            json!({"type": "addField", "field": "a", "defaultValue": "${NOW}"}),
            json!({"type": "addField", "field": "a", "defaultValue": 12}),
            json!({"type": "addField", "field": "a", "defaultValue": "12"}),
            json!({"type": "renameField", "from": "a", "to": "b", "when": {"flag": "x"},
                   "description": "why"}),
        ] {
            let form = form(definition["type"].as_str().unwrap(), &definition);
            assert_eq!(form.definition(), definition);
        }
    }
}
