//! Globs whose wildcards cross slashes: an automaton over the bytes of the whole path.

use super::parse::Expansion;
use crate::positions::PositionSet;
use crate::table::Sink;
use crate::token::{Token, unit};

/// The compiled globs.
#[derive(Debug)]
pub(super) struct Crossing {
    steps: Vec<Step>,
    starts: Vec<usize>,
}

#[derive(Debug)]
enum Step {
    One(Token),
    /// Any run of bytes, slashes too.
    Any,
    /// `**/`: nothing, or any run that ends in a slash.
    AnyDirs,
    Accept(u32),
}

impl Crossing {
    pub(super) fn new(globs: &[(Expansion, u32)]) -> Self {
        let (mut steps, mut starts) = (Vec::new(), Vec::new());
        for (tokens, id) in globs {
            let start = steps.len();
            starts.push(start);
            let mut i = 0;
            while let Some(token) = tokens.get(i) {
                let at_boundary = i == 0 || tokens[i - 1] == Token::Byte(b'/');
                let any_dirs = [Token::Star, Token::Star, Token::Byte(b'/')];
                if at_boundary && tokens[i..].starts_with(&any_dirs) {
                    steps.push(Step::AnyDirs);
                    i += 3;
                    continue;
                }
                match token {
                    Token::Star if matches!(steps[start..].last(), Some(Step::Any)) => {}
                    Token::Star => steps.push(Step::Any),
                    token => steps.push(Step::One(token.clone())),
                }
                i += 1;
            }
            steps.push(Step::Accept(*id));
        }
        Self { steps, starts }
    }

    pub(super) fn start(&self) -> PositionSet {
        let mut set = PositionSet::new(self.steps.len());
        for &start in &self.starts {
            self.enter(&mut set, start);
        }
        set
    }

    /// The state behind `text`; empty if nothing that goes on from there can match.
    pub(super) fn read(&self, state: &PositionSet, mut text: &[u8]) -> PositionSet {
        let mut state = state.clone();
        while !text.is_empty() && !state.is_empty() {
            let (_, len) = unit(text);
            // A plain byte may begin a longer character: then all of them are read in turn.
            let mut whole = PositionSet::new(self.steps.len());
            state.for_each(|at| match &self.steps[at] {
                Step::One(Token::Byte(_)) if len > 1 => {
                    if let Some(end) = self.literal_run(at, &text[..len]) {
                        self.enter(&mut whole, end);
                    }
                }
                Step::One(token) if token.take(text).is_some() => self.enter(&mut whole, at + 1),
                Step::Any => self.enter(&mut whole, at),
                Step::AnyDirs => {
                    whole.insert(at);
                    if text[0] == b'/' {
                        self.enter(&mut whole, at + 1);
                    }
                }
                Step::One(_) | Step::Accept(_) => {}
            });
            state = whole;
            text = &text[len..];
        }
        state
    }

    pub(super) fn visit(&self, state: &PositionSet, name: &[u8], sink: &mut impl Sink) {
        self.read(state, name).for_each(|at| {
            if let Step::Accept(id) = self.steps[at] {
                sink.hit(id);
            }
        });
    }

    /// The position behind the bytes of one character, if the pattern has just them.
    fn literal_run(&self, at: usize, bytes: &[u8]) -> Option<usize> {
        let steps = self.steps[at..].iter();
        let equal = |(step, byte): (&Step, &u8)| match step {
            Step::One(Token::Byte(expected)) => expected == byte,
            _ => false,
        };
        steps.zip(bytes).all(equal).then_some(at + bytes.len())
    }

    /// Adds a position and those that nothing need be read for.
    fn enter(&self, set: &mut PositionSet, mut at: usize) {
        loop {
            // `AnyDirs` may be held without leave to go on, so being present does not end this.
            set.insert(at);
            match self.steps[at] {
                Step::Any | Step::AnyDirs => at += 1,
                Step::One(_) | Step::Accept(_) => return,
            }
        }
    }
}
