//! A certificate that is renewed while the console serves it. The console's process may have no
//! right to read the key; whoever started it opens both files, and hands them over. Whoever reads
//! what strangers send never gets the right itself.
//!
//! By the same socket, the console's standard input, it hears that it is to end: the other end is
//! closed.

use crate::link;
use console::{Stamp, TlsError, TlsFiles};
use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The message with which certificate and key come, in this order.
const RENEWED: &str = "renewed";
/// The message that says why they do not.
const UNREADABLE: &str = "unreadable";
/// The longest message, in bytes.
const MESSAGE_MAX: usize = 8192;

/// The end of whoever started the console; dropped, it is the word to end.
pub struct Giver {
    socket: OwnedFd,
    files: Option<TlsFiles>,
    given: Option<Stamp>,
    /// That they cannot be read is said once, until they can.
    is_said: bool,
}

/// What the console hears.
#[derive(Debug)]
pub enum Word {
    /// Nothing yet.
    Nothing,
    /// There are others: certificate and key, opened, or why they cannot be.
    Renewed(Result<[File; 2], TlsError>),
    /// To end.
    End,
}

impl Giver {
    /// Two ends of a socket: of whoever starts a console that reads these files itself at its
    /// start, and the console's.
    pub fn of(files: Option<TlsFiles>) -> std::io::Result<(Giver, OwnedFd)> {
        let (socket, theirs) = link::pair()?;
        let given = files.as_ref().map(TlsFiles::stamp);
        Ok((Giver { socket, files, given, is_said: false }, theirs))
    }

    /// Hands the files over where they are others than before.
    pub fn look(&mut self) {
        let Some(files) = &self.files else { return };
        let stamp = Some(files.stamp());
        if stamp == self.given && !self.is_said {
            return;
        }
        // A console that does not listen is told the next time.
        match files.open() {
            Ok([certificate, key]) => {
                if self.say(RENEWED, &[certificate.as_fd(), key.as_fd()]) {
                    (self.given, self.is_said) = (stamp, false);
                }
            }
            Err(_) if self.is_said => {}
            Err(why) => self.is_said = self.say(&format!("{UNREADABLE}\n{why}"), &[]),
        }
    }

    fn say(&self, text: &str, descriptors: &[BorrowedFd<'_>]) -> bool {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        sendmsg(&self.socket, &[IoSlice::new(text.as_bytes())], &mut control, flags).is_ok()
    }
}

/// What came to the console since the last call.
pub fn heard(socket: impl AsFd) -> Word {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; MESSAGE_MAX];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags);
    let length = match received {
        Ok(received) if received.bytes > 0 => received.bytes,
        Err(Errno::AGAIN | Errno::INTR) => return Word::Nothing,
        // Closed, or no socket: nobody looks after this process.
        Ok(_) | Err(_) => return Word::End,
    };
    let descriptors = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors.map(File::from)),
        _ => None,
    });
    let files: Vec<File> = descriptors.into_iter().flatten().collect();
    let text = String::from_utf8_lossy(bytes.get(..length).unwrap_or_default());
    match (text.split_once('\n'), <[File; 2]>::try_from(files)) {
        (None, Ok(files)) if text == RENEWED => Word::Renewed(Ok(files)),
        (Some((UNREADABLE, why)), _) => Word::Renewed(Err(TlsError(why.to_owned()))),
        _ => Word::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn read(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn files_are_handed_over_when_they_are_others_and_the_end_is_heard() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let files = TlsFiles { certificate: path("cert.pem"), key: path("key.pem") };
        let write = |what: &str| {
            std::fs::write(&files.certificate, format!("{what} certificate")).unwrap();
            std::fs::write(&files.key, format!("{what} key")).unwrap();
        };
        write("the first");
        let (mut giver, console) = Giver::of(Some(files.clone())).unwrap();
        giver.look();
        assert!(matches!(heard(&console), Word::Nothing), "it read them itself");
        write("another");
        giver.look();
        giver.look();
        let Word::Renewed(Ok([certificate, key])) = heard(&console) else { panic!("nothing came") };
        assert_eq!(
            (read(certificate), read(key)),
            ("another certificate".into(), "another key".into())
        );
        assert!(matches!(heard(&console), Word::Nothing), "once");
        std::fs::rename(&files.key, path("kept")).unwrap();
        giver.look();
        giver.look();
        let Word::Renewed(Err(why)) = heard(&console) else { panic!("nothing came") };
        assert!(
            why.to_string().ends_with("key.pem: No such file or directory (os error 2)"),
            "{why}"
        );
        assert!(matches!(heard(&console), Word::Nothing), "once");
        std::fs::rename(path("kept"), &files.key).unwrap();
        giver.look();
        assert!(matches!(heard(&console), Word::Renewed(Ok(_))), "as it was before");
        write("a third");
        giver.look();
        assert!(matches!(heard(&console), Word::Renewed(Ok(_))));
        drop(giver);
        assert!(matches!(heard(&console), Word::End));
        assert!(matches!(heard(File::open("/dev/null").unwrap()), Word::End), "no socket");
    }

    #[test]
    fn what_is_no_pair_is_not_taken() {
        let (giver, console) = Giver::of(None).unwrap();
        rustix::net::send(&giver.socket, b"renewed", SendFlags::empty()).unwrap();
        assert!(matches!(heard(&console), Word::Nothing));
    }
}
