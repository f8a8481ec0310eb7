//! What a next server answers to a message, in its own words.

/// What the next server calls a message that it took: `250 2.0.0 Ok: queued as 4D3C66C6A0`, of Exim
/// `250 OK id=1vMkQj-000000001aB-2Xyz`.
pub fn queued_as(answer: &[u8]) -> Option<&[u8]> {
    let behind = |words: &[u8]| {
        let at = answer.windows(words.len()).rposition(|found| found == words)?;
        answer.get(at + words.len()..)
    };
    let (id, is_exim) = match behind(b"queued as ") {
        Some(id) => (id, false),
        None => (behind(b" OK id=")?, true),
    };
    let fine = |byte: &u8| byte.is_ascii_alphanumeric() || is_exim && *byte == b'-';
    let end = id.iter().position(|byte| !fine(byte)).unwrap_or(id.len());
    id.get(..end).filter(|id| id.len() >= 6)
}

#[cfg(test)]
mod tests {
    use super::queued_as;

    #[test]
    fn the_id_is_read_of_each_servers_words() {
        for (answer, id) in [
            ("250 2.0.0 Ok: queued as 4D3C66C6A0", Some("4D3C66C6A0")),
            (
                "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4D3C66C6A0)",
                Some("4D3C66C6A0"),
            ),
            ("250 OK id=1vMkQj-000000001aB-2Xyz", Some("1vMkQj-000000001aB-2Xyz")),
            ("250 OK id=1vMkQj-0001aB-2X (queued)", Some("1vMkQj-0001aB-2X")),
            ("250 queued as x", None),
            ("250 OK", None),
        ] {
            assert_eq!(queued_as(answer.as_bytes()), id.map(str::as_bytes), "{answer}");
        }
    }
}
