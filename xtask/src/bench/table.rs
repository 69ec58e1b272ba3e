//! The table: for a terminal, for a document, for a program.

use serde_json::{Value, json};

use super::{machine::Machine, row::Row};
use crate::terminal;

/// Prints the rows for a person: each measure with its figure and goal, and below it what
/// it was made from.
pub(crate) fn print(rows: &[Row]) {
    let paint = terminal::stdout();
    terminal::heading("What it takes");
    for row in rows {
        let mark = match row.is_reached() {
            Some(true) => paint.green("reached    "),
            Some(false) => paint.red("not reached"),
            None => paint.dim("           "),
        };
        println!(
            "{mark} {}: {}   {}",
            row.measure,
            paint.bold(row.shown_figure()),
            row.shown_goal()
        );
        if !row.beside.is_empty() {
            println!("            {}", paint.dim(&row.beside));
        }
    }
    let judged = rows.iter().filter_map(Row::is_reached);
    let (reached, missed): (Vec<bool>, Vec<bool>) = judged.partition(|reached| *reached);
    println!(
        "\n{} goals are reached, {} are not. Figures are medians, with the least and the most of \
         the rounds.",
        reached.len(),
        missed.len()
    );
}

/// The rows as a table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| measure | must reach | figure | reached | made from |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let reached = match row.is_reached() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let cells = [
            row.measure.as_str(),
            &row.shown_goal(),
            &row.shown_figure(),
            reached,
            &row.beside,
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// The lines of a document between which the figures stand.
const FROM: &str = "<!-- figures: from cargo xtask bench -->\n";
const TO: &str = "<!-- figures: end -->\n";

/// The document with these figures, and the machine, in the place of those that it had.
/// `None` when it has no place for them.
pub(crate) fn put_into(
    document: &str,
    machine: &Machine,
    is_quick: bool,
    rows: &[Row],
) -> Option<String> {
    let (before, rest) = document.split_once(FROM)?;
    let (_, after) = rest.split_once(TO)?;
    let (line, table) = (machine.line(), markdown(rows));
    let how = if is_quick {
        "Measured with `--quick`, which is not to be quoted, on"
    } else {
        "Measured on"
    };
    Some(format!(
        "{before}{FROM}\n{how}: {line}.\n\n{table}\n{TO}{after}"
    ))
}

/// Everything, with the machine that it was measured on.
pub(crate) fn to_json(machine: &Machine, is_quick: bool, rows: &[Row]) -> Value {
    json!({
        "machine": machine.to_json(),
        "quick": is_quick,
        "rows": rows.iter().map(Row::to_json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{
        figures::Series,
        row::{Goal, Unit},
    };

    #[test]
    fn figures_take_the_place_of_those_that_a_document_had() {
        let machine = Machine::this();
        let document = format!("# Performance\n\n{FROM}\nold\n\n{TO}\nThe rest.\n");

        let once = put_into(&document, &machine, true, &[]).unwrap();
        let twice = put_into(&once, &machine, false, &[]).unwrap();

        assert!(
            once.contains("--quick") && !twice.contains("--quick"),
            "{twice}"
        );
        assert!(twice.contains(&machine.line()) && twice.contains("| measure |"));
        assert!(twice.starts_with("# Performance\n") && twice.ends_with("\nThe rest.\n"));
        assert!(!once.contains("old"), "{once}");
        assert_eq!(put_into("# Performance\n", &machine, false, &[]), None);
    }

    #[test]
    fn a_row_of_the_document_says_goal_figure_and_whether_it_is_reached() {
        let mut figure = Series::default();
        figure.note(12.5);
        let row = Row {
            measure: "one execution".to_owned(),
            figure,
            unit: Unit::Microseconds,
            goal: Some(Goal::AtMost(10.0)),
            beside: "so and so".to_owned(),
            data: Value::Null,
        };

        let text = markdown(&[row]);

        assert_eq!(
            text.lines().last(),
            Some("| one execution | ≤ 10 µs | 12.5 µs | **no** | so and so |")
        );
    }
}
