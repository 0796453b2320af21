//! The operating system for file tools: a parallel directory walk, bulk reads, atomic replace, file identity.
