use super::*;
use proptest::prelude::*;

#[test]
fn what_is_written_is_read() {
    let mut builder = Builder::default();
    builder.message(7, REQUEST, 41, |m| {
        m.raw(&[1, 2, 3, 4]).text(1, "ban4").nest(2, |n| {
            n.u32(3, 5).u8(4, 6);
        });
    });
    builder.message(8, ACK, 42, |m| {
        m.u64(1, 9);
    });
    let bytes = builder.finish().unwrap();
    let messages: Vec<Message<'_>> = Messages::new(&bytes).collect();
    assert_eq!(messages.len(), 2);
    assert_eq!((messages[0].kind, messages[0].sequence), (7, 41));
    let attributes = Attributes::behind(messages[0].payload, 4);
    assert_eq!(attributes.text(1), Some("ban4"));
    let nested = attributes.nested(2).unwrap();
    assert_eq!(nested.u32(3), Some(5));
    assert_eq!(nested.value(4), Some([6].as_slice()));
    assert_eq!(Attributes::new(messages[1].payload).u64(1), Some(9));
}

#[test]
fn an_attribute_that_is_too_long_is_never_sent() {
    let mut builder = Builder::default();
    builder.message(7, REQUEST, 1, |m| {
        m.bytes(1, &vec![0; 70_000]);
    });
    assert_eq!(builder.finish(), None);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        for message in Messages::new(&bytes) {
            acknowledged(&message);
            for (kind, value) in Attributes::behind(message.payload, 4) {
                Attributes::new(value).u32(kind);
                Attributes::new(value).u64(kind);
                Attributes::new(value).text(kind);
            }
        }
        prop_assert!(Attributes::new(&bytes).count() <= bytes.len() / 4);
    }
}
