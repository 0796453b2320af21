//! The colours of `LS_COLORS`.

use lscolors::{Indicator, LsColors, Style};
use treenail::os::{Kind, Stat, os_str_of};

/// What the kinds of files look like.
pub(in crate::command) struct Colors {
    styles: LsColors,
    directory: (String, String),
}

/// What is coloured.
#[derive(Clone, Copy)]
pub(in crate::command) struct Shown<'a> {
    /// Where it is.
    pub(in crate::command) path: &'a [u8],
    /// Its name as it is.
    pub(in crate::command) name: &'a [u8],
    pub(in crate::command) kind: Kind,
    pub(in crate::command) stat: Option<&'a Stat>,
}

impl Colors {
    /// Those of the environment, or the usual ones.
    pub(in crate::command) fn of_environment() -> Self {
        let styles = LsColors::from_env().unwrap_or_default();
        let directory = codes(styles.style_for_indicator(Indicator::Directory));
        Self { styles, directory }
    }

    /// Adds a match: its directory, its name, both as they are printed, and the slash of a
    /// directory.
    pub(in crate::command) fn write(
        &self,
        found: Shown<'_>,
        dir: &[u8],
        name: &[u8],
        to: &mut Vec<u8>,
    ) {
        if !dir.is_empty() {
            paint(&self.directory, dir, to);
        }
        paint(&codes(self.style(found)), name, to);
        if found.kind == Kind::Directory {
            paint(&self.directory, b"/", to);
        }
    }

    fn style(&self, found: Shown<'_>) -> Option<&Style> {
        match self.indicator(found) {
            Indicator::RegularFile => {
                let name = os_str_of(found.name).ok();
                let by_name =
                    name.and_then(|name| self.styles.style_for_str(&name.to_string_lossy()));
                by_name.or_else(|| self.styles.style_for_indicator(Indicator::RegularFile))
            }
            indicator => self.styles.style_for_indicator(indicator),
        }
    }

    fn indicator(&self, found: Shown<'_>) -> Indicator {
        let (mode, nlink) = found.stat.map_or((0, 1), |stat| (stat.mode, stat.nlink));
        let explicit = |indicator| self.styles.has_explicit_style_for(indicator);
        match found.kind {
            Kind::Directory => match (mode & 0o1000 != 0, mode & 0o002 != 0) {
                (true, true) if explicit(Indicator::StickyAndOtherWritable) => {
                    Indicator::StickyAndOtherWritable
                }
                (_, true) if explicit(Indicator::OtherWritable) => Indicator::OtherWritable,
                (true, _) if explicit(Indicator::Sticky) => Indicator::Sticky,
                _ => Indicator::Directory,
            },
            Kind::Symlink if explicit(Indicator::OrphanedSymbolicLink) => {
                let path = os_str_of(found.path);
                match path.is_ok_and(|path| std::path::Path::new(&*path).exists()) {
                    true => Indicator::SymbolicLink,
                    false => Indicator::OrphanedSymbolicLink,
                }
            }
            Kind::Symlink => Indicator::SymbolicLink,
            Kind::Fifo => Indicator::FIFO,
            Kind::Socket => Indicator::Socket,
            Kind::CharDevice => Indicator::CharacterDevice,
            Kind::BlockDevice => Indicator::BlockDevice,
            Kind::File | Kind::Unknown => {
                if mode & 0o4000 != 0 && explicit(Indicator::Setuid) {
                    Indicator::Setuid
                } else if mode & 0o2000 != 0 && explicit(Indicator::Setgid) {
                    Indicator::Setgid
                } else if mode & 0o111 != 0 && explicit(Indicator::ExecutableFile) {
                    Indicator::ExecutableFile
                } else if nlink > 1 && explicit(Indicator::MultipleHardLinks) {
                    Indicator::MultipleHardLinks
                } else {
                    Indicator::RegularFile
                }
            }
        }
    }
}

/// What begins and what ends a style.
fn codes(style: Option<&Style>) -> (String, String) {
    let style = style.map(Style::to_nu_ansi_term_style).unwrap_or_default();
    (style.prefix().to_string(), style.suffix().to_string())
}

fn paint((begin, end): &(String, String), text: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(begin.as_bytes());
    to.extend_from_slice(text);
    to.extend_from_slice(end.as_bytes());
}
