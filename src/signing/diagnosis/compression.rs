//! Decodes compressed bodies: providers sign the body before the compression.

use std::io::Read;

/// The maximum size of a decoded body, against decompression bombs.
const MAX_BODY_BYTES: u64 = 1 << 20;

/// Returns the decoded body with the name of its coding, which the header or the first bytes indicate.
pub(super) fn decoded(body: &[u8], coding: Option<&str>) -> Vec<(&'static str, Vec<u8>)> {
    let said = |name: &str| coding.is_some_and(|coding| coding.to_ascii_lowercase().contains(name));
    let mut found = Vec::new();
    let mut add = |name, reader: &mut dyn Read| {
        let mut bytes = Vec::new();
        let read = reader.take(MAX_BODY_BYTES + 1).read_to_end(&mut bytes);
        if read.is_ok_and(|length| length > 0 && length as u64 <= MAX_BODY_BYTES) {
            found.push((name, bytes));
        }
    };
    if said("gzip") || body.starts_with(&[0x1f, 0x8b]) {
        add("gzip-decoded", &mut flate2::read::MultiGzDecoder::new(body));
    }
    // "deflate" is zlib by the standard, and bare deflate in many programs.
    if said("deflate") || body.starts_with(&[0x78]) {
        add("deflate-decoded", &mut flate2::read::ZlibDecoder::new(body));
        add("deflate-decoded", &mut flate2::read::DeflateDecoder::new(body));
    }
    if said("br") {
        add("br-decoded", &mut brotli_decompressor::Decompressor::new(body, 4096));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn each_coding_is_decoded_and_nothing_else_is() {
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(b"hello").unwrap();
        assert_eq!(decoded(&gzip.finish().unwrap(), None), [("gzip-decoded", b"hello".to_vec())]);
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(b"hello").unwrap();
        assert_eq!(decoded(&zlib.finish().unwrap(), Some("deflate")), [("deflate-decoded", b"hello".to_vec())]);
        // `brotli` of "hello" as one uncompressed block (RFC 7932, section 9.2).
        let brotli = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];
        assert_eq!(decoded(&brotli, Some("br")), [("br-decoded", b"hello".to_vec())]);
        assert!(decoded(b"hello", None).is_empty());
        assert!(decoded(b"\x1f\x8bnonsense", Some("gzip, br")).is_empty());
    }

    #[test]
    fn a_bomb_is_not_decoded() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![0; 2 << 20]).unwrap();
        assert!(decoded(&gzip.finish().unwrap(), None).is_empty());
    }
}
