//! Names as bytes, and back.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::io;

/// The bytes of a system string: as they are on Unix, WTF-8 on Windows.
pub fn bytes_of(text: &OsStr) -> &[u8] {
    text.as_encoded_bytes()
}

/// The system string of some bytes, the reverse of [`bytes_of`].
///
/// # Errors
/// The bytes are no name on this system (only on Windows: they are not WTF-8).
pub fn os_str_of(bytes: &[u8]) -> io::Result<Cow<'_, OsStr>> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(Cow::Borrowed(OsStr::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(OsStr::new(text))),
        Err(_) => from_wtf8(bytes),
    }
}

/// Refuses what is not the name of one entry of a directory: such a name could lead elsewhere.
pub(crate) fn check(name: &[u8]) -> io::Result<()> {
    let separator = |&b: &u8| b == b'/' || b == 0 || (cfg!(windows) && matches!(b, b'\\' | b':'));
    if matches!(name, b"" | b"." | b"..") || name.iter().any(separator) {
        let shown = String::from_utf8_lossy(name);
        let message = format!("'{shown}' is not the name of a directory entry; give one name");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

/// Decodes the three-byte form of lone surrogates, which UTF-8 forbids and Windows names may hold.
#[cfg(windows)]
fn from_wtf8(bytes: &[u8]) -> io::Result<Cow<'_, OsStr>> {
    use std::os::windows::ffi::OsStringExt;
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "the name is not WTF-8");
    let mut wide: Vec<u16> = Vec::with_capacity(bytes.len());
    // A surrogate arrives as three invalid bytes with nothing valid in between.
    let mut surrogate: Vec<u8> = Vec::with_capacity(3);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() && !surrogate.is_empty() {
            return Err(invalid());
        }
        wide.extend(chunk.valid().encode_utf16());
        surrogate.extend(chunk.invalid());
        match *surrogate {
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF] => {
                wide.push(0xD000 | (u16::from(second & 0x3F) << 6) | u16::from(third & 0x3F));
                surrogate.clear();
            }
            [_, _, _, ..] => return Err(invalid()),
            _ => {}
        }
    }
    if surrogate.is_empty() {
        Ok(Cow::Owned(std::ffi::OsString::from_wide(&wide)))
    } else {
        Err(invalid())
    }
}

#[cfg(all(not(unix), not(windows)))]
fn from_wtf8(_: &[u8]) -> io::Result<Cow<'_, OsStr>> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, "names are UTF-8 on this system"))
}
