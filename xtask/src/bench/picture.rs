//! A picture of where a token's time goes, as SVG.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{figures::rounded, row::Row};

/// Each part has its colour wherever it stands: Okabe and Ito's, which people who see fewer
/// colours can tell apart.
const COLOURS: [(&str, &str); 9] = [
    ("HTTP and access log", "#0072b2"),
    ("HTTP", "#0072b2"),
    ("signing", "#e69f00"),
    ("deciding", "#56b4e9"),
    ("reading from storage", "#f0e442"),
    ("Action", "#009e73"),
    ("writing execution records", "#cc79a7"),
    ("the rest", "#999999"),
    ("", "#d55e00"),
];

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 16.0;
const BAR_HEIGHT: f64 = 30.0;
/// From one bar's title to the next one's.
const STEP: f64 = 62.0;
const LEGEND_STEP: f64 = 20.0;
const LEGEND_COLUMNS: usize = 3;
/// About the width of a digit, to see whether a number fits into its part.
const DIGIT: f64 = 7.5;

/// A whole and its parts, as `Parts::to_json` tells them.
struct Bar<'a> {
    title: &'a str,
    whole_us: f64,
    parts: Vec<(&'a str, f64)>,
}

/// Draws the wholes of the first row that has some.
///
/// # Errors
/// When no row has any: the measurement that makes them didn't run.
pub(crate) fn draw(rows: &[Row], caption: &str) -> Result<String> {
    let wholes = rows.iter().find_map(|row| row.data.get("wholes"));
    let wholes = wholes.and_then(Value::as_array);
    let wholes = wholes.context("no row tells where a token's time goes")?;
    let bars: Option<Vec<_>> = wholes.iter().map(Bar::read).collect();
    Ok(svg(&bars.context("a whole has no parts")?, caption))
}

impl<'a> Bar<'a> {
    fn read(whole: &'a Value) -> Option<Self> {
        let parts = whole.get("parts")?.as_array()?.iter();
        let part = |part: &'a Value| Some((part.get("name")?.as_str()?, part.get("us")?.as_f64()?));
        Some(Self {
            title: whole.get("title")?.as_str()?,
            whole_us: whole.get("whole_us")?.as_f64()?,
            parts: parts.map(part).collect::<Option<_>>()?,
        })
    }

    /// The parts that can be drawn: the rest may be less than nothing, where the others were
    /// measured at a slower moment.
    fn drawn(&self) -> impl Iterator<Item = &(&'a str, f64)> {
        self.parts.iter().filter(|(_, us)| *us > 0.0)
    }
}

fn svg(bars: &[Bar<'_>], caption: &str) -> String {
    let drawn = |bar: &Bar<'_>| bar.drawn().map(|(_, us)| us).sum::<f64>();
    let longest = bars.iter().map(drawn).fold(1.0, f64::max);
    let scale = (WIDTH - 2.0 * MARGIN) / longest;
    let legend = legend(bars);
    let bars_end = MARGIN + STEP * bars.len() as f64;
    let legend_rows = legend.len().div_ceil(LEGEND_COLUMNS) as f64;
    let height = bars_end + LEGEND_STEP * (legend_rows + 1.0) + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>Where a token's processor time goes</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, bar) in bars.iter().enumerate() {
        let y = MARGIN + STEP * index as f64;
        let title = format!("{}: {} µs", bar.title, rounded(bar.whole_us));
        line(&mut text, MARGIN, y + 13.0, "#222222", &title);
        let mut x = MARGIN;
        for (name, us) in bar.drawn() {
            let width = us * scale;
            // Into a String, writing never fails.
            let _ = writeln!(
                text,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" \
                 fill=\"{}\"><title>{}: {} µs</title></rect>",
                y + 20.0,
                colour(name),
                escaped(name),
                rounded(*us)
            );
            let number = rounded(*us);
            if width > DIGIT * (number.len() as f64 + 1.0) {
                line(&mut text, x + 5.0, y + 40.0, "#000000", &number);
            }
            x += width;
        }
    }
    for (index, name) in legend.iter().enumerate() {
        let (row, column) = (index / LEGEND_COLUMNS, index % LEGEND_COLUMNS);
        let x = MARGIN + column as f64 * (WIDTH - 2.0 * MARGIN) / LEGEND_COLUMNS as f64;
        let y = bars_end + LEGEND_STEP * row as f64;
        let _ = writeln!(
            text,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"12\" height=\"12\" fill=\"{}\"/>",
            colour(name)
        );
        line(&mut text, x + 18.0, y + 11.0, "#222222", name);
    }
    let y = bars_end + LEGEND_STEP * legend_rows + 14.0;
    line(&mut text, MARGIN, y, "#666666", caption);
    text.push_str("</svg>\n");
    text
}

/// The names of all parts, each once.
fn legend<'a>(bars: &[Bar<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for (name, _) in bars.iter().flat_map(Bar::drawn) {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    names
}

fn line(text: &mut String, x: f64, y: f64, colour: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\">{content}</text>"
    );
}

fn colour(name: &str) -> &'static str {
    let found = COLOURS
        .iter()
        .find(|(part, _)| *part == name || part.is_empty());
    found.map_or("#d55e00", |(_, colour)| colour)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{figures::Series, parts::Parts, row::Unit};

    fn row(data: Value) -> Row {
        Row {
            measure: String::new(),
            figure: Series::default(),
            unit: Unit::Microseconds,
            goal: None,
            beside: String::new(),
            data,
        }
    }

    #[test]
    fn a_bar_has_its_parts_beside_each_other_in_their_share_of_the_width() {
        let parts = Parts::of(80.0, vec![("HTTP", 20.0), ("signing", 60.0)]);
        let data = serde_json::json!({"wholes": [parts.to_json("a <token>")]});

        let svg = draw(&[row(Value::Null), row(data)], "a machine").unwrap();

        let bars: Vec<_> = svg
            .lines()
            .filter(|line| line.contains("<rect x"))
            .collect();
        assert!(
            bars[0].contains("x=\"16.0\" y=\"36.0\" width=\"182.0\""),
            "{svg}"
        );
        assert!(
            bars[1].contains("x=\"198.0\" y=\"36.0\" width=\"546.0\""),
            "{svg}"
        );
        assert!(svg.contains("a &lt;token>: 80.0 µs"), "{svg}");
        assert_eq!(svg.matches(">signing</text>").count(), 1, "{svg}");
        assert!(!svg.contains("the rest"), "nothing is left: {svg}");
    }

    #[test]
    fn without_the_measurement_there_is_nothing_to_draw() {
        assert!(draw(&[row(Value::Null)], "").is_err());
    }
}
