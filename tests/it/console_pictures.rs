//! The README's pictures: screens of the real console on a real server, as SVG.
//!
//! `UPDATE_PICTURES=1 cargo test --test it console_pictures` draws them anew; without it the same screens are
//! drawn and compared by what has to be on them.

use std::fmt::Write as _;
use std::path::Path;

use vt100::{Cell, Color};

use crate::console_loop::{Operator, filled, play};

const FOLDER: &str = "sample-data/pictures";
/// A cell of the picture in pixels.
const CELL: (f64, f64) = (8.4, 18.0);
/// The sixteen colours of a terminal, as pictures show them.
const PALETTE: [&str; 16] = [
    "#1d1f21", "#cc6666", "#8fb573", "#e0b458", "#6f9fd8", "#b294bb", "#6fc3c3", "#c5c8c6",
    "#707880", "#f28779", "#b9d977", "#ffd173", "#8ab4f8", "#d4a6e0", "#95e6e6", "#ffffff",
];
const GROUND: &str = "#14171a";
const INK: &str = "#d7dadd";

/// Each picture, and words that have to be on it.
const PICTURES: [(&str, &str); 5] = [
    ("keys", "of memory"),
    ("schemas", "BREAKING"),
    ("chain", "whole chain"),
    ("form", "ctrl-n suggest"),
    ("run", "100 %"),
];

#[test]
fn the_pictures_show_the_console_as_it_is() {
    let server = filled(3_000);
    play(server.url(), |operator| async move {
        operator.sees("of about 3,000").await;
        operator.press("/ ctrl-u");
        operator.type_text("user:*");
        operator.press("enter");
        operator.sees("of memory").await;
        picture(&operator, 0);
        operator.press("2 j j j tab n");
        operator.sees("BREAKING").await;
        picture(&operator, 1);
        operator.press("tab c");
        operator.sees("whole chain").await;
        operator.sees("100 sampled").await;
        picture(&operator, 2);
        operator.press("j j j j j e");
        operator.sees("ctrl-n suggest").await;
        picture(&operator, 3);
        operator.press("esc r d");
        operator.sees("Nothing was written").await;
        operator.sees("100 %").await;
        picture(&operator, 4);
        operator.press("q");
    });
}

#[test]
fn the_readme_shows_every_picture() {
    let readme = std::fs::read_to_string("README.md").expect("the README");
    for (name, words) in PICTURES {
        let path = format!("{FOLDER}/{name}.svg");
        assert!(readme.contains(&format!("({path})")), "README.md does not show {path}");
        let picture = std::fs::read_to_string(&path).expect("a picture that the README shows");
        let text = picture.replace("</tspan>", "").replace("&#160;", " ");
        assert!(picture.starts_with("<svg"), "{path} is no picture");
        let bare: String =
            text.split('<').filter_map(|part| part.split_once('>')).map(|(_, t)| t).collect();
        assert!(bare.contains(words), "{path} does not show '{words}'");
    }
}

fn picture(operator: &Operator, at: usize) {
    let (name, words) = PICTURES[at];
    let drawn = operator.screen(svg);
    assert!(drawn.matches("<text").count() > 20, "{name} with '{words}' is nearly empty");
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        std::fs::create_dir_all(FOLDER).expect("a folder");
        let path = Path::new(FOLDER).join(format!("{name}.svg"));
        std::fs::write(path, drawn).expect("a picture can be written");
    }
}

/// A screen as SVG: a rectangle for each run of cells with a background, a text for each row.
fn svg(screen: &vt100::Screen) -> String {
    let (rows, columns) = screen.size();
    let (width, height) = (f64::from(columns.get()) * CELL.0, f64::from(rows.get()) * CELL.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{GROUND}\"/>\n"
    );
    for row in 0..rows.get() {
        let cells: Vec<(u16, &Cell)> = (0..columns.get())
            .filter_map(|column| Some((column, screen.cell(row, column)?)))
            .filter(|(_, cell)| !cell.is_wide_continuation())
            .collect();
        let y = f64::from(row) * CELL.1;
        for (column, cell) in &cells {
            let (_, ground) = colours(cell);
            if ground != GROUND {
                let x = f64::from(*column) * CELL.0;
                let wide = if cell.is_wide() { 2.0 } else { 1.0 } * CELL.0 + 0.4;
                let high = CELL.1 + 0.4;
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\" fill=\"{ground}\"/>"
                );
            }
        }
        text_row(&mut out, &cells, y + CELL.1 * 0.75);
    }
    out.push_str("</svg>\n");
    out
}

fn text_row(out: &mut String, cells: &[(u16, &Cell)], y: f64) {
    if cells.iter().all(|(_, cell)| cell.contents().trim().is_empty()) {
        return;
    }
    let _ = write!(out, "<text y=\"{y:.1}\">");
    let mut at = 0;
    while at < cells.len() {
        let (column, first) = cells[at];
        let look = |cell: &Cell| (colours(cell).0, cell.bold());
        let same = cells[at..].iter().take_while(|(_, cell)| look(cell) == look(first)).count();
        let text: String = cells[at..at + same]
            .iter()
            .map(|(_, cell)| if cell.contents().is_empty() { " " } else { cell.contents() })
            .collect();
        at += same;
        if text.trim().is_empty() {
            continue;
        }
        let ((ink, bold), x) = (look(first), f64::from(column) * CELL.0);
        let weight = if bold { " font-weight=\"bold\"" } else { "" };
        let cells: f64 = f64::from(u16::try_from(same).unwrap_or(u16::MAX)) * CELL.0;
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace(' ', "&#160;");
        let _ = write!(
            out,
            "<tspan x=\"{x:.1}\" fill=\"{ink}\"{weight} textLength=\"{cells:.1}\">{text}</tspan>"
        );
    }
    out.push_str("</text>\n");
}

/// Ink and ground of a cell.
fn colours(cell: &Cell) -> (String, String) {
    let ink = colour(cell.fgcolor(), INK);
    let ground = colour(cell.bgcolor(), GROUND);
    if cell.inverse() { (ground, ink) } else { (ink, ground) }
}

fn colour(colour: Color, plain: &str) -> String {
    match colour {
        Color::Default => plain.to_owned(),
        Color::Idx(index) => {
            PALETTE.get(usize::from(index)).map_or_else(|| plain.to_owned(), |c| (*c).to_owned())
        }
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
    }
}
