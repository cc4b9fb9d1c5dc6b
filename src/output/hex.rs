//! Bytes in hexadecimal, as `hexdump -C` shows them.

use std::fmt::Write as _;

const BYTES_PER_LINE: usize = 16;

/// Returns the lines of a dump, at most `max_lines`: the offset, 16 bytes, and the same as text.
#[must_use]
pub fn hex_lines(bytes: &[u8], max_lines: usize) -> Vec<String> {
    bytes.chunks(BYTES_PER_LINE).take(max_lines).enumerate().map(|(index, chunk)| line(index, chunk)).collect()
}

fn line(index: usize, chunk: &[u8]) -> String {
    let mut line = format!("{:08x} ", index * BYTES_PER_LINE);
    for at in 0..BYTES_PER_LINE {
        if at % 8 == 0 {
            line.push(' ');
        }
        match chunk.get(at) {
            Some(byte) => {
                let _ = write!(line, "{byte:02x} ");
            }
            None => line.push_str("   "),
        }
    }
    line.push_str(" |");
    line.extend(chunk.iter().map(|byte| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '.' }));
    line.push('|');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_are_a_line_that_fits_80_columns() {
        let lines = hex_lines(b"0123456789\x00\xff\x1b[1m~ ", 9);
        assert_eq!(
            lines,
            [
                "00000000  30 31 32 33 34 35 36 37  38 39 00 ff 1b 5b 31 6d  |0123456789...[1m|",
                "00000010  7e 20                                             |~ |"
            ]
        );
        assert_eq!(hex_lines(&[0; 100], 2).len(), 2);
    }
}
