//! Plain columns, two spaces apart.

use std::fmt::Write as _;

use super::wrap;

/// The alignment of a column. Text in the last one is not padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Text.
    Left,
    /// Numbers.
    Right,
    /// Sentences, in the last column: they wrap.
    Wrapped,
}

/// Rows of cells.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// The widest that a column beside wrapped text grows; a longer cell has a line of its own.
const MAX_NAME_WIDTH: usize = 30;

/// The least width of wrapped text.
const MIN_TEXT_WIDTH: usize = 20;

impl Table {
    /// Creates a table with these columns.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Creates a table of names and their descriptions, which wrap.
    #[must_use]
    pub fn of_descriptions() -> Self {
        Self::new(&[Column::Left, Column::Wrapped])
    }

    /// Adds a row: a cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Returns the lines; wrapped text fits `width` unless a single word is wider.
    #[must_use]
    pub fn lines(&self, width: usize) -> Vec<String> {
        let wraps = self.columns.last() == Some(&Column::Wrapped);
        let limit = if wraps { MAX_NAME_WIDTH } else { usize::MAX };
        let unpadded = usize::from(self.columns.last() != Some(&Column::Right));
        let padded = &self.columns[..self.columns.len().saturating_sub(unpadded)];
        let widest = |column: usize| {
            let lengths = self.rows.iter().map(|row| row[column].chars().count());
            lengths.filter(|length| *length <= limit).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..padded.len()).map(widest).collect();
        let indent = widths.iter().map(|width| width + 2).sum::<usize>();
        let mut lines = Vec::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), column) in row.iter().zip(&widths).zip(padded) {
                if cell.chars().count() > *width {
                    lines.push(cell.clone());
                    line.push_str(&" ".repeat(*width));
                } else if *column == Column::Right {
                    let _ = write!(line, "{cell:>width$}");
                } else {
                    let _ = write!(line, "{cell:width$}");
                }
                line.push_str("  ");
            }
            let last = row.get(padded.len()).map_or("", String::as_str);
            let parts = if wraps {
                wrap(last, width.saturating_sub(indent).max(MIN_TEXT_WIDTH))
            } else {
                vec![last.to_owned()]
            };
            let mut parts = parts.into_iter();
            line.push_str(&parts.next().unwrap_or_default());
            lines.push(line.trim_end().to_owned());
            lines.extend(parts.map(|part| format!("{}{part}", " ".repeat(indent))));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_column_wraps_within_the_width() {
        let mut table = Table::of_descriptions();
        table.row(["a".into(), "one two three four five six seven".into()]);
        table.row(["a-name-that-is-much-too-long-for-it".into(), "x".into()]);
        assert_eq!(
            table.lines(25),
            ["a  one two three four", "   five six seven", "a-name-that-is-much-too-long-for-it", "   x"]
        );
    }

    #[test]
    fn numbers_are_aligned_to_the_right_and_the_last_text_is_not_padded() {
        let mut table = Table::new(&[Column::Left, Column::Right]);
        table.row([String::new(), "failed".into()]);
        table.row(["a.b".into(), "1".into()]);
        assert_eq!(table.lines(0), ["     failed", "a.b       1"]);
        let mut table = Table::new(&[Column::Right, Column::Left, Column::Left]);
        table.row(["count".into(), "x".into(), "type".into()]);
        table.row(["10".into(), "name".into(), "t".into()]);
        assert_eq!(table.lines(0), ["count  x     type", "   10  name  t"]);
    }
}
