//! Sentences and words.
