//! The frame around the panes: header, tabs, body, footer, overlays. Looks at the state, changes nothing.

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::console::app::App;
use crate::console::command::{Command, Scope, Verb, live_in};
use crate::console::regions::{Part, Regions, Target};
use crate::console::shared::{Link, Shared};
use crate::console::theme::Role;
use crate::console::widgets::{Canvas, above, below, text};

/// The smallest screen on which panes are drawn.
const SMALLEST: (u16, u16) = (60, 15);
/// From this size on, both sides of a pane stand beside each other.
const WIDE: (u16, u16) = (120, 30);

/// Draws everything. Returns the pieces of the frame, and where the cursor stands while one types.
pub fn view(app: &App, buffer: &mut ratatui::buffer::Buffer) -> (Regions, Option<Position>) {
    let mut regions = Regions::default();
    let area = buffer.area;
    let theme = &app.shared.theme;
    let mut canvas = Canvas { buffer, theme, regions: &mut regions, cursor: None };
    canvas.fill(area, Role::Text);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        view_too_small(app, &mut canvas, area);
        return (regions, None);
    }
    view_header(&app.shared, &mut canvas, above(area, 1));
    let rest = view_banner(&app.shared, &mut canvas, below(area, 1));
    view_tabs(&app.shared, &mut canvas, above(rest, 1));
    let rest = below(rest, 1);
    let body = Rect { height: rest.height - 1, ..rest };
    view_body(app, &mut canvas, body, area.width >= WIDE.0 && area.height >= WIDE.1);
    let foot = below(rest, rest.height - 1);
    // The keys of a pane do nothing below a dialog, which names its own.
    if app.shared.overlays.is_empty() {
        view_footer(app, &mut canvas, foot);
        view_toasts(&app.shared, &mut canvas, body);
    }
    for overlay in &app.shared.overlays {
        canvas.cursor = None;
        // What is tried out is seen in the right side of the pane below.
        let wide = area.width >= WIDE.0 && area.height >= WIDE.1;
        let beside = overlay.is_beside() && wide && !app.shared.full;
        let width = if beside { area.width * 11 / 20 } else { area.width };
        overlay.view(&mut canvas, Rect { width, ..area });
    }
    if !app.shared.overlays.is_empty() {
        view_newest_toast(&app.shared, &mut canvas, foot);
    }
    let cursor = canvas.cursor;
    (regions, cursor)
}

/// What is left of the console on a screen that is too small: how far the work is, and the way out.
fn view_too_small(app: &App, canvas: &mut Canvas, area: Rect) {
    let (width, height) = SMALLEST;
    let mut lines = vec![(Role::Title, "remold".to_owned())];
    if let Some(job) = &app.shared.job {
        lines.push((Role::Accent, format!("{} {}", job.kind.name(), job.percent())));
    }
    lines.push((Role::Warn, format!("needs {width}x{height}, has {}x{}", area.width, area.height)));
    let quit = app.shared.keymap.first_key(Verb::Quit);
    lines.push((Role::Dim, format!("{quit}: quit")));
    let lines: Vec<Line> =
        lines.into_iter().map(|(role, line)| Line::from(canvas.span(role, line))).collect();
    canvas.put_lines(area, lines);
    // A question that stands has to be seen, whatever the size: it gets all the room there is.
    if let Some(overlay) = app.shared.overlays.last()
        && area.height >= 4
    {
        overlay.view(canvas, area);
    }
}

fn view_header(shared: &Shared, canvas: &mut Canvas, area: Rect) {
    let setting = &shared.setting;
    let mut left: Vec<Span> = vec![canvas.span(Role::Title, " remold ")];
    let up = match &shared.link {
        Link::Up(_) => (Role::Good, "●"),
        Link::Down { .. } => (Role::Bad, "✗"),
        Link::Unknown => (Role::Dim, shared.spinner()),
    };
    left.push(canvas.span(up.0, up.1));
    let mut badges: Vec<Span> = Vec::new();
    if let Some(environment) = &setting.environment {
        let role = if setting.is_production() { Role::BadgeBad } else { Role::Badge };
        badges.push(Span::raw(" "));
        badges.push(canvas.span(role, format!(" {} ", environment.to_uppercase())));
    }
    if setting.read_only {
        badges.push(Span::raw(" "));
        badges.push(canvas.span(Role::BadgeWarn, " READ-ONLY "));
    }
    if shared.frozen {
        badges.push(Span::raw(" "));
        badges.push(canvas.span(Role::BadgeWarn, " FROZEN "));
    }
    let figures = figures(shared);
    let badge_cells: usize = badges.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(10 + badge_cells + 2);
    // Which server it is matters more than how it is.
    let wanted = (text::width(&setting.address) + 1).min(room * 2 / 3);
    let shown: Vec<&String> = whole(&figures, room - wanted);
    let right: String = shown.into_iter().flat_map(|figure| [figure.as_str(), "  "]).collect();
    let address_room = room.saturating_sub(text::width(&right));
    left.push(canvas.span(Role::Text, format!(" {}", text::cut(&setting.address, address_room))));
    left.extend(badges);
    canvas.put(area, &Line::from(left));
    let cells = u16::try_from(text::width(&right)).unwrap_or(area.width).min(area.width);
    let place = Rect { x: area.right() - cells, width: cells, ..area };
    let right = Line::from(canvas.span(Role::Dim, right));
    canvas.put(place, &right);
    if setting.is_production() {
        // The whole line says so: on this server a slip has a price.
        canvas.fill(area, Role::BadgeBad);
    }
}

/// What the server says about itself, the most important first.
fn figures(shared: &Shared) -> Vec<String> {
    let Some(info) = shared.link.info() else { return Vec::new() };
    let role = match (info.mode.as_str(), info.role.as_str()) {
        ("cluster", _) => format!("cluster of {}", info.nodes),
        (_, "master") => "primary".to_owned(),
        (_, "slave") => "replica".to_owned(),
        (_, other) => other.to_owned(),
    };
    let mut figures = vec![
        format!("{} {} {role}", info.software, info.version),
        text::counted(info.keys, "key"),
        format!("{} ops/s", text::grouped(info.ops_per_second)),
        text::bytes(info.memory_bytes),
        text::counted(info.clients, "client"),
    ];
    if matches!(shared.link, Link::Down { .. }) {
        // What it did when it last answered is not what it does now.
        figures.truncate(2);
    }
    figures
}

/// As many of the texts as fit whole, from the first on.
fn whole(texts: &[String], room: usize) -> Vec<&String> {
    let mut used = 0;
    texts
        .iter()
        .take_while(|text| {
            used += text::width(text) + 2;
            used <= room
        })
        .collect()
}

/// The banner while the server does not answer; returns what is left below it.
fn view_banner(shared: &Shared, canvas: &mut Canvas, area: Rect) -> Rect {
    let Link::Down { reason, .. } = &shared.link else { return area };
    let first = reason.lines().next().unwrap_or_default();
    let banner = format!(" asking again: {first}");
    let banner = text::fit(&banner, usize::from(area.width));
    let line = Line::from(canvas.span(Role::BadgeBad, banner));
    canvas.put(above(area, 1), &line);
    below(area, 1)
}

fn view_tabs(shared: &Shared, canvas: &mut Canvas, area: Rect) {
    let mut x = area.x;
    for (at, scope) in Scope::PANES.into_iter().enumerate() {
        let mut label = format!(" {} {} ", at + 1, scope.name());
        if let Some(job) = shared.job.as_ref().filter(|_| scope == Scope::Run) {
            label = format!("{label}{} {} ", shared.spinner(), job.percent());
        }
        let role = if scope == shared.focus { Role::TabActive } else { Role::Tab };
        let cells = u16::try_from(text::width(&label)).unwrap_or(0);
        let place = Rect { x, width: cells.min(area.right().saturating_sub(x)), ..area };
        let line = Line::from(canvas.span(role, label));
        canvas.put(place, &line);
        canvas.note(place, Target::Tab(scope));
        x = x.saturating_add(cells + 1).min(area.right());
    }
    if let Some(subject) = &shared.choice.subject {
        let target = shared.choice.target.as_ref().map(|v| format!(" → {v}")).unwrap_or_default();
        let label = format!("chain: {subject}{target} ");
        let cells = u16::try_from(text::width(&label)).unwrap_or(0);
        if x + cells + 2 <= area.right() {
            let place = Rect { x: area.right() - cells, width: cells, ..area };
            let line = Line::from(canvas.span(Role::Accent, label));
            canvas.put(place, &line);
        }
    }
}

fn view_body(app: &App, canvas: &mut Canvas, body: Rect, wide: bool) {
    let shared = &app.shared;
    let pane = app.pane_ref(shared.focus);
    canvas.regions.body = body;
    if !wide || shared.full {
        canvas.note(body, Target::Part(shared.part));
        pane.view(shared.part, shared, canvas, body, true);
        return;
    }
    let share = u32::from(*shared.dividers.get(&shared.focus).unwrap_or(&pane.left_share()));
    let left_width = u16::try_from(u32::from(body.width) * share / 100).unwrap_or(body.width);
    let left = Rect { width: left_width, ..body };
    let right = Rect { x: body.x + left_width, width: body.width - left_width, ..body };
    for (part, area) in [(Part::Left, left), (Part::Right, right)] {
        canvas.note(area, Target::Part(part));
        pane.view(part, shared, canvas, area, shared.part == part);
    }
    canvas.note(Rect { x: right.x.saturating_sub(1), width: 2, ..body }, Target::Divider);
}

/// The hints of what can be done now, what is done next before the others: only whole ones, and help is
/// the last to go.
fn view_footer(app: &App, canvas: &mut Canvas, area: Rect) {
    if app.pane_ref(app.shared.focus).is_typing() {
        let line = canvas.line([
            (Role::HintKey, " enter".to_owned()),
            (Role::HintText, " take it  ".to_owned()),
            (Role::HintKey, "esc".to_owned()),
            (Role::HintText, " leave it".to_owned()),
        ]);
        canvas.put(area, &line);
        return;
    }
    let keymap = &app.shared.keymap;
    let next = app.pane_ref(app.shared.focus).next(&app.shared);
    let mut hints: Vec<(&Command, String)> = live_in(app.shared.focus)
        .filter(|command| command.footer || Some(command.verb) == next)
        .filter(|command| app.disabled(command.verb).is_none())
        .map(|command| (command, keymap.first_key(command.verb)))
        .collect();
    hints.sort_by_key(|(command, _)| match command.verb {
        Verb::Help => 0,
        Verb::Quit => 1,
        verb if Some(verb) == next => 2,
        Verb::OtherPart => 3,
        _ => 4,
    });
    let mut room = usize::from(area.width).saturating_sub(1);
    let mut shown: Vec<(&Command, String)> = Vec::new();
    for (command, key) in hints {
        let cells = text::width(&key) + 1 + text::width(command.hint) + 2;
        if cells <= room {
            room -= cells;
            shown.push((command, key));
        }
    }
    // Those that were seated first stand last.
    shown.sort_by_key(|(command, _)| match command.verb {
        verb if Some(verb) == next => 0,
        Verb::OtherPart => 2,
        Verb::Help => 3,
        Verb::Quit => 4,
        _ => 1,
    });
    let mut x = area.x + 1.min(area.width);
    for (command, key) in shown {
        let text = if Some(command.verb) == next { Role::Title } else { Role::HintText };
        let line = canvas.line([(Role::HintKey, key), (text, format!(" {}", command.hint))]);
        let cells = u16::try_from(line.width()).unwrap_or(0);
        let place = Rect { x, width: cells.min(area.right().saturating_sub(x)), ..area };
        canvas.put(place, &line);
        canvas.note(place, Target::Verb(command.verb));
        x = x.saturating_add(cells + 2);
    }
}

/// The newest short message in one line, above dialogs.
fn view_newest_toast(shared: &Shared, canvas: &mut Canvas, foot: Rect) {
    let Some(toast) = shared.toasts.shown().last() else { return };
    let text = format!(" {} ", toast.text.lines().next().unwrap_or_default());
    let cells = u16::try_from(text::width(&text)).unwrap_or(u16::MAX).min(foot.width);
    let place = Rect { x: foot.right() - cells, width: cells, ..foot };
    let line = Line::from(canvas.span(toast_role(toast.role), text));
    canvas.put(place, &line);
}

/// How a short message looks.
fn toast_role(role: Role) -> Role {
    match role {
        Role::Good => Role::Badge,
        Role::Bad => Role::BadgeBad,
        _ => Role::BadgeWarn,
    }
}

/// The short messages, at the foot of the body.
fn view_toasts(shared: &Shared, canvas: &mut Canvas, body: Rect) {
    let mut foot = body.bottom();
    for toast in shared.toasts.shown().iter().rev() {
        let room = usize::from(body.width).saturating_sub(6).min(100);
        let lines = text::wrap(&toast.text, room);
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        if foot.saturating_sub(body.y) < rows + 1 {
            return;
        }
        foot -= rows;
        let widest = lines.iter().map(|line| text::width(line)).max().unwrap_or(0);
        let badge = toast_role(toast.role);
        for (row, line) in (foot..).zip(&lines) {
            let cells = u16::try_from(widest + 2).unwrap_or(body.width).min(body.width);
            let place = Rect { x: body.right() - cells, y: row, width: cells, height: 1 };
            let line = text::fit(&format!(" {line}"), usize::from(cells));
            let line = Line::from(canvas.span(badge, line));
            canvas.put(place, &line);
        }
    }
}
