//! A stream from which the first bytes can be read and put back.

use std::io::{self, BufRead, Cursor, Read};

/// A stream, preceded by bytes that were read from it and put back.
pub(super) struct PeekReader<R> {
    taken: Cursor<Vec<u8>>,
    rest: R,
}

impl<R: BufRead> PeekReader<R> {
    pub(super) fn new(rest: R) -> Self {
        Self { taken: Cursor::new(Vec::new()), rest }
    }

    /// Puts bytes before the rest; bytes that were put back earlier must have been read again.
    pub(super) fn put_back(&mut self, taken: Vec<u8>) {
        self.taken = Cursor::new(taken);
    }

    fn is_through(&self) -> bool {
        self.taken.position() >= self.taken.get_ref().len() as u64
    }
}

impl<R: BufRead> BufRead for PeekReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_through() { self.rest.fill_buf() } else { self.taken.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        if self.is_through() {
            self.rest.consume(count);
        } else {
            self.taken.consume(count);
        }
    }
}

impl<R: BufRead> Read for PeekReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_through() { self.rest.read(into) } else { self.taken.read(into) }
    }
}
