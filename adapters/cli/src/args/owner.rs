//! Owners of files on the command line, as fd has them.

use treenail::glob::Owner;

/// The owner and the group that are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Owners {
    pub(crate) user: Option<Owner>,
    pub(crate) group: Option<Owner>,
}

/// Owners written as `USER`, `USER:GROUP` or `:GROUP`.
pub(crate) fn owners(text: &str) -> Result<Owners, String> {
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    Ok(Owners { user: owner(user, "/etc/passwd")?, group: owner(group, "/etc/group")? })
}

/// An owner by number, or by a name that stands in `table`.
fn owner(text: &str, table: &str) -> Result<Option<Owner>, String> {
    let (name, is_unwanted) = match text.strip_prefix('!') {
        Some(name) => (name, true),
        None => (text, false),
    };
    if name.is_empty() {
        return Ok(None);
    }
    let listed = || -> Option<u32> {
        let lines = std::fs::read_to_string(table).ok()?;
        let mut fields = lines.lines().map(|line| line.split(':'));
        let found = fields.find_map(|mut f| (f.next() == Some(name)).then(|| f.nth(1)));
        found.flatten()?.parse().ok()
    };
    let Some(id) = name.parse().ok().or_else(listed) else {
        return Err(format!("it is in {table} neither as a name nor as a number; give the number"));
    };
    Ok(Some(if is_unwanted { Owner::IsNot(id) } else { Owner::Is(id) }))
}
