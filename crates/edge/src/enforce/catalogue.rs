//! The enforcers that there are, for help, docs, configuration and tests to walk.

/// One way to make the desired state true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnforcerSpec {
    /// The word in configuration and on screens.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// What it needs to work.
    pub needs: &'static str,
    /// Whether the kernel or the reader ends bans by itself if mailward dies.
    pub outlives: &'static str,
}

/// All enforcers.
pub const ENFORCERS: &[EnforcerSpec] = &[
    EnforcerSpec {
        name: "nftables",
        summary: "Drops packets of banned clients in the table inet mailward, limits rates and \
                  connections, and closes live connections.",
        needs: "CAP_NET_ADMIN and a kernel with nf_tables",
        outlives: "each ban ends at its time by a timeout in the kernel",
    },
    EnforcerSpec {
        name: "list",
        summary: "Keeps a file of all banned prefixes, plain or as nft sets, for other programs.",
        needs: "a directory that mailward may write to",
        outlives: "the file stays as it was last written",
    },
    EnforcerSpec {
        name: "hook",
        summary: "Runs a command with the arguments ban or unban, prefix, seconds and rule.",
        needs: "a command that mailward may run",
        outlives: "the command must end bans by the seconds that it is told",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sentences_end() {
        for (position, spec) in ENFORCERS.iter().enumerate() {
            assert!(ENFORCERS.iter().skip(position + 1).all(|other| other.name != spec.name));
            assert!(spec.summary.ends_with('.') && !spec.needs.is_empty());
        }
    }
}
