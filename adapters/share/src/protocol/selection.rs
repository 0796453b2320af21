//! What a client wants to hear of.

use std::time::Duration;

use treenail_tree::Class;

use super::wire::{Input, put_bool, put_bytes, put_duration, put_option, put_u32, put_u64};
use super::{GLOBS_MAX, Malformed};

/// Which changes a client wants to hear of, and when. What the fields mean in detail is a matter of
/// who makes the daemon's [`Select`](crate::server::Select); `treenail-watch` does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Globs of which the last that matches decides; one that begins with `!` says what is not
    /// wanted.
    pub globs: Vec<String>,
    /// Whether what Git ignores is left out.
    pub gitignore: bool,
    /// What entries have to be; none for anything. A file stands for all files, what is neither
    /// file, directory nor symbolic link for all such.
    pub classes: Vec<Class>,
    /// How many bytes files have at least.
    pub size_min: u64,
    /// How many they have at most.
    pub size_max: Option<u64>,
    /// Whether to tell also of what nobody needs to act on.
    pub raw: bool,
    /// Whether to have the ids of files computed that are likely to be saved next.
    pub predict: bool,
    /// To tell once nothing has changed for so long.
    pub quiet: Duration,
    /// To tell after so long in any case; nothing for ten times that.
    pub quiet_max: Option<Duration>,
}

impl Selection {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_u32(bytes, self.globs.len() as u32);
        for glob in &self.globs {
            put_bytes(bytes, glob.as_bytes());
        }
        put_bool(bytes, self.gitignore);
        let classes: Vec<u8> = self.classes.iter().map(|class| *class as u8).collect();
        put_bytes(bytes, &classes);
        put_u64(bytes, self.size_min);
        put_option(bytes, self.size_max, put_u64);
        put_bool(bytes, self.raw);
        put_bool(bytes, self.predict);
        put_duration(bytes, self.quiet);
        put_option(bytes, self.quiet_max, put_duration);
    }

    pub(super) fn decode(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let count = input.u32()? as usize;
        if count > GLOBS_MAX {
            return Err(Malformed("a selection has more than 256 globs"));
        }
        let mut globs = Vec::new();
        for _ in 0..count {
            globs.push(input.text()?);
        }
        let gitignore = input.bool()?;
        let class = |byte: &u8| Class::from_byte(*byte).ok_or(Malformed("no such class of entry"));
        let classes = input.bytes()?.iter().map(class).collect::<Result<_, _>>()?;
        Ok(Self {
            globs,
            gitignore,
            classes,
            size_min: input.u64()?,
            size_max: input.option(Input::u64)?,
            raw: input.bool()?,
            predict: input.bool()?,
            quiet: input.duration()?,
            quiet_max: input.option(Input::duration)?,
        })
    }
}
