//! The input in pieces: how a line cuts it must never change what it means.

/// Takes the sizes of the pieces off the front of an input: their number, up to seven, and each of them. They come again
/// until all of the rest is cut.
pub(crate) fn cut(input: &[u8]) -> Vec<&[u8]> {
    let (number, rest) = input.split_first().map_or((0, input), |(first, rest)| (usize::from(first % 8), rest));
    let (sizes, mut rest) = rest.split_at(number.min(rest.len()));
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at(usize::from(*size).clamp(1, rest.len()));
        pieces.push(piece);
        rest = more;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}
