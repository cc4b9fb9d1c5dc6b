//! Plain columns that fit a terminal: the last one wraps.

use crate::output::wrap;

/// Rows of two columns.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<[String; 2]>,
}

/// The widest that a first column grows; a longer cell has a line of its own.
const WIDEST: usize = 30;

impl Table {
    /// Adds a row.
    pub(super) fn row(&mut self, cells: [String; 2]) {
        self.rows.push(cells);
    }

    /// The lines, none longer than `width` unless a single word is.
    pub(super) fn lines(&self, width: usize) -> Vec<String> {
        let first =
            self.rows.iter().map(|row| row[0].chars().count()).filter(|count| *count <= WIDEST).max().unwrap_or(0);
        let mut lines = Vec::new();
        for [name, text] in &self.rows {
            let mut line = format!("{name:first$}  ");
            if name.chars().count() > first {
                lines.push(name.clone());
                line = " ".repeat(first + 2);
            }
            let mut wrapped = wrap(text, width.saturating_sub(first + 2).max(20)).into_iter();
            line.push_str(&wrapped.next().unwrap_or_default());
            lines.push(line.trim_end().to_owned());
            lines.extend(wrapped.map(|part| format!("{}{part}", " ".repeat(first + 2))));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_wraps_within_the_width() {
        let mut table = Table::default();
        table.row(["a".into(), "one two three four five six seven".into()]);
        table.row(["a-name-that-is-much-too-long-for-it".into(), "x".into()]);
        assert_eq!(
            table.lines(25),
            ["a  one two three four", "   five six seven", "a-name-that-is-much-too-long-for-it", "   x"]
        );
    }
}
