//! SPDX licence expressions: whether what we accept is enough to use a work under its terms.

/// The licences that every crate in the resolved graph may be used under. All of them allow use
/// in a program under MIT OR Apache-2.0 with no more than a notice.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "NCSA",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Whether the accepted licences satisfy `expression`: any side of an OR, both of an AND. The
/// slash of old manifests (`MIT/Apache-2.0`) reads as OR.
///
/// # Errors
/// If the expression cannot be read.
pub(crate) fn accepted(expression: &str) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { tokens: &tokens };
    let verdict = parser.any().filter(|_| parser.tokens.is_empty());
    verdict.ok_or_else(|| format!("`{expression}` is no licence expression"))
}

/// Recursive descent over the tokens left; `None` where the grammar is broken.
struct Parser<'a> {
    tokens: &'a [&'a str],
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut verdict = self.all()?;
        while self.skip("OR") {
            verdict |= self.all()?;
        }
        Some(verdict)
    }

    fn all(&mut self) -> Option<bool> {
        let mut verdict = self.one()?;
        while self.skip("AND") {
            verdict &= self.one()?;
        }
        Some(verdict)
    }

    fn one(&mut self) -> Option<bool> {
        if self.skip("(") {
            let verdict = self.any()?;
            return self.skip(")").then_some(verdict);
        }
        let licence = self.word()?;
        if self.skip("WITH") {
            let exception = self.word()?;
            return Some(ACCEPTED.contains(&format!("{licence} WITH {exception}").as_str()));
        }
        Some(ACCEPTED.contains(&licence))
    }

    fn word(&mut self) -> Option<&'a str> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        (!matches!(*first, "OR" | "AND" | "WITH" | "(" | ")")).then_some(*first)
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.tokens.first() == Some(&token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::accepted;

    #[test]
    fn or_takes_either_and_takes_both() {
        assert_eq!(accepted("MIT OR GPL-3.0-only"), Ok(true));
        assert_eq!(accepted("MIT AND GPL-3.0-only"), Ok(false));
        assert_eq!(accepted("GPL-3.0-only"), Ok(false));
        assert_eq!(accepted("MIT/Apache-2.0"), Ok(true));
        assert_eq!(accepted("(MIT OR GPL-2.0) AND Unicode-3.0"), Ok(true));
        assert_eq!(accepted("MIT OR GPL-2.0 AND GPL-3.0"), Ok(true), "AND binds tighter");
        assert_eq!(accepted("GPL-2.0 AND (MIT OR Zlib)"), Ok(false));
    }

    #[test]
    fn an_exception_is_part_of_the_licence() {
        assert_eq!(accepted("Apache-2.0 WITH LLVM-exception OR GPL-2.0"), Ok(true));
        assert_eq!(accepted("GPL-2.0 WITH Classpath-exception-2.0"), Ok(false));
    }

    #[test]
    fn nonsense_is_an_error() {
        for bad in ["", "OR MIT", "MIT MIT", "(MIT", "MIT AND", "MIT)"] {
            assert!(accepted(bad).is_err(), "{bad:?}");
        }
    }
}
