//! What the first line of a record says of it: by itself, or else by what stood around it.

use jiff::Timestamp;

use crate::parsed::Parsed;
use crate::record::Level;
use crate::unwrap::Envelope;

/// What the first line said, and what stood around it.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) logger: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) process: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) stream: Option<String>,
    pub(crate) message: String,
}

impl Opened {
    pub(crate) fn new(line: &Parsed<'_>, envelope: Option<&Envelope<'_>>) -> Self {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let said = line.header.as_ref();
        let mut opened =
            Self { message: said.map_or(line.content, |said| &said.message).to_owned(), ..Self::default() };
        if let Some(said) = said {
            (opened.time, opened.level) = (said.time, said.level);
            opened.logger = own(said.logger.as_deref());
            (opened.host, opened.process, opened.thread) =
                (own(said.host.as_deref()), own(said.process.as_deref()), own(said.thread.as_deref()));
        }
        if let Some(envelope) = envelope {
            opened.time = opened.time.or(envelope.time);
            opened.level = opened.level.or(envelope.level);
            opened.logger = opened.logger.or_else(|| own(envelope.program.as_deref()));
            opened.host = opened.host.or_else(|| own(envelope.host.as_deref()));
            opened.process = opened.process.or_else(|| own(envelope.process.as_deref()));
            opened.stream = own(envelope.stream.as_deref());
        }
        opened
    }
}
