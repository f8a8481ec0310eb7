//! Frame Streams, as Farsight's `fstrm` defines them: frames with their length in front, and
//! between them control frames, whose length is announced by a length of 0.
//!
//! Whoever writes into the socket is not trusted: a frame's length is bounded before it is waited
//! for.

/// The content type of dnstap.
const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";
/// `fstrm`'s own bound of a control frame.
const CONTROL_MAX: usize = 512;
/// Bytes of a data frame at most: two DNS messages of 64 KiB, and what is said around them.
pub const FRAME_MAX: usize = 256 * 1024;

const ACCEPT: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 3;
const READY: u32 = 4;
const FINISH: u32 = 5;
/// The one kind of field that a control frame has.
const FIELD_CONTENT_TYPE: u32 = 1;

/// How many bytes tell a stream of frames from a log.
pub const HEAD_BYTES: usize = 12;

/// True where a file that begins with `head` is a stream: a control frame of the type START.
pub fn is_stream(head: &[u8]) -> bool {
    let word = |at: usize| be32(head.get(at..)?);
    let length = word(4).and_then(|length| usize::try_from(length).ok());
    word(0) == Some(0)
        && length.is_some_and(|length| (4..=CONTROL_MAX).contains(&length))
        && word(8) == Some(START)
}

fn be32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

/// A stream's next step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// The payload of a frame.
    Data(&'a [u8]),
    /// The writer waits for this answer.
    Reply(Reply),
    /// The writer said that it stops.
    Stopped,
}

/// What a reader of a bidirectional stream has to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply {
    /// To READY: go on, with dnstap.
    Accept,
    /// To STOP: all was read.
    Finish,
}

impl Reply {
    /// As bytes to send.
    pub fn bytes(self) -> Vec<u8> {
        let (kind, content) = match self {
            Reply::Accept => (ACCEPT, true),
            Reply::Finish => (FINISH, false),
        };
        control(kind, content)
    }
}

/// A control frame as bytes.
pub fn control(kind: u32, with_content_type: bool) -> Vec<u8> {
    let mut body = kind.to_be_bytes().to_vec();
    if with_content_type {
        body.extend(FIELD_CONTENT_TYPE.to_be_bytes());
        body.extend((CONTENT_TYPE.len() as u32).to_be_bytes());
        body.extend(CONTENT_TYPE);
    }
    let mut frame = 0u32.to_be_bytes().to_vec();
    frame.extend((body.len() as u32).to_be_bytes());
    frame.extend(body);
    frame
}

/// Why a stream cannot be read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// A frame is longer than any that dnstap has.
    #[error("a frame is longer than {FRAME_MAX} bytes")]
    TooLong,
    /// A control frame is none, or stands where it may not.
    #[error("a control frame is malformed or out of place")]
    Control,
    /// The stream is of something else than dnstap.
    #[error("the stream does not carry dnstap")]
    ContentType,
}

/// Where a stream stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing came yet.
    New,
    /// READY was answered: START must follow.
    Ready,
    Started {
        bidirectional: bool,
    },
    Stopped,
}

/// Cuts what is read of a stream into frames.
#[derive(Debug)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Where the next frame begins.
    start: usize,
    stage: Stage,
}

impl Default for Frames {
    fn default() -> Self {
        Frames { bytes: Vec::new(), start: 0, stage: Stage::New }
    }
}

impl Frames {
    /// Takes in more bytes. Bounded where [`Frames::step`] is asked until it says `None` first.
    pub fn take_in(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// True where nothing of a frame is held.
    pub fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    /// True where the stream ended as it should.
    pub fn is_stopped(&self) -> bool {
        self.stage == Stage::Stopped
    }

    /// The next step; `None` where more must be read first.
    pub fn step(&mut self) -> Result<Option<Step<'_>>, FrameError> {
        loop {
            let Some((kind, from, to)) = self.whole()? else { return Ok(None) };
            self.start = to;
            match kind {
                Kind::Data if matches!(self.stage, Stage::Started { .. }) => {
                    return Ok(Some(Step::Data(self.bytes.get(from..to).unwrap_or_default())));
                }
                // Nobody may speak before START, or behind STOP.
                Kind::Data => return Err(FrameError::Control),
                Kind::Control => {
                    if let Some(step) = self.controlled(from, to)? {
                        return Ok(Some(step));
                    }
                }
            }
        }
    }

    /// The next frame, if it is held whole: its kind, and where its payload begins and ends.
    fn whole(&self) -> Result<Option<(Kind, usize, usize)>, FrameError> {
        let held = self.bytes.get(self.start..).unwrap_or_default();
        let Some(length) = be32(held) else { return Ok(None) };
        let (kind, length, ahead, most) = match length {
            0 => {
                let Some(length) = be32(held.get(4..).unwrap_or_default()) else {
                    return Ok(None);
                };
                (Kind::Control, length, 8, CONTROL_MAX)
            }
            length => (Kind::Data, length, 4, FRAME_MAX),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > most {
            return Err(FrameError::TooLong);
        }
        let whole = held.len() >= ahead + length;
        Ok(whole.then(|| (kind, self.start + ahead, self.start + ahead + length)))
    }

    fn controlled(&mut self, from: usize, to: usize) -> Result<Option<Step<'static>>, FrameError> {
        let body = self.bytes.get(from..to).unwrap_or_default();
        let kind = be32(body).ok_or(FrameError::Control)?;
        let types = ContentTypes::of(body.get(4..).unwrap_or_default())?;
        let (stage, step) = match (self.stage, kind) {
            (Stage::New, READY) if types.dnstap => (Stage::Ready, Some(Step::Reply(Reply::Accept))),
            (Stage::New | Stage::Ready, START) if types.dnstap || !types.any => {
                (Stage::Started { bidirectional: self.stage == Stage::Ready }, None)
            }
            (Stage::New | Stage::Ready, START | READY) => return Err(FrameError::ContentType),
            (Stage::Started { bidirectional: true }, STOP) => {
                (Stage::Stopped, Some(Step::Reply(Reply::Finish)))
            }
            (Stage::Started { bidirectional: false }, STOP) => {
                (Stage::Stopped, Some(Step::Stopped))
            }
            // A file to which a server appended after its restart.
            (Stage::Stopped, START) if types.dnstap || !types.any => {
                (Stage::Started { bidirectional: false }, None)
            }
            _ => return Err(FrameError::Control),
        };
        self.stage = stage;
        Ok(step)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Data,
    Control,
}

/// What a control frame says of the content.
struct ContentTypes {
    any: bool,
    dnstap: bool,
}

impl ContentTypes {
    fn of(mut fields: &[u8]) -> Result<Self, FrameError> {
        let mut types = ContentTypes { any: false, dnstap: false };
        while !fields.is_empty() {
            let kind = be32(fields).ok_or(FrameError::Control)?;
            let length = fields.get(4..).and_then(be32).ok_or(FrameError::Control)?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let rest = fields.get(8..).unwrap_or_default();
            let (value, rest) = rest.split_at_checked(length).ok_or(FrameError::Control)?;
            if kind != FIELD_CONTENT_TYPE {
                return Err(FrameError::Control);
            }
            types.any = true;
            types.dnstap |= value == CONTENT_TYPE;
            fields = rest;
        }
        Ok(types)
    }
}
