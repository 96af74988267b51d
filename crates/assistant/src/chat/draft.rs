//! A message of the assistant while it is written.

use std::{sync::Arc, time::Duration};

use steadyhand_domain::{MessageId, ProjectId};
use steadyhand_engine::now;
use steadyhand_store::{
    StoreError, chat,
    records::{Card, Message, MessageState, Role},
};
use tokio::time::Instant;
use uuid::Uuid;

use super::Shared;

/// How often a message that is being written is stored at the most.
const PACE: Duration = Duration::from_millis(80);

/// A message of the assistant while it is written: every state of it that is shown is stored first.
pub(crate) struct Draft {
    shared: Arc<Shared>,
    message: Message,
    stored_at: Instant,
}

impl Draft {
    /// Begins an empty message.
    pub(crate) async fn begin(shared: &Arc<Shared>, project: ProjectId) -> Result<Self, StoreError> {
        let message = Message {
            id: MessageId(Uuid::now_v7()),
            project_id: project,
            at: now(),
            role: Role::Assistant,
            state: MessageState::Streaming,
            text: String::new(),
            cards: Vec::new(),
        };
        let mut db = shared.engine.store().write().await?;
        chat::insert(&mut db, &message, shared.engine.owner()).await?;
        db.commit().await?;
        shared.engine.committed();
        Ok(Self { shared: shared.clone(), message, stored_at: Instant::now() })
    }

    /// Adds a paragraph.
    pub(crate) fn say(&mut self, paragraph: &str) {
        if !self.message.text.is_empty() && !paragraph.is_empty() {
            self.message.text.push_str("\n\n");
        }
        self.message.text.push_str(paragraph);
    }

    /// Adds a piece of running text.
    pub(crate) fn push(&mut self, piece: &str) {
        self.message.text.push_str(piece);
    }

    /// What was said so far.
    pub(crate) fn text(&self) -> &str {
        &self.message.text
    }

    pub(crate) fn card(&mut self, card: Card) {
        self.message.cards.push(card);
    }

    /// Stores what there is, unless that was done a moment ago.
    pub(crate) async fn show(&mut self) -> Result<(), StoreError> {
        if self.stored_at.elapsed() >= PACE { self.store().await } else { Ok(()) }
    }

    async fn store(&mut self) -> Result<(), StoreError> {
        let mut db = self.shared.engine.store().write().await?;
        chat::update(&mut db, &self.message, now()).await?;
        db.commit().await?;
        self.shared.engine.committed();
        self.stored_at = Instant::now();
        Ok(())
    }

    /// Stores the whole message.
    pub(crate) async fn finish(mut self, state: MessageState) -> Result<Message, StoreError> {
        self.message.state = state;
        self.store().await?;
        Ok(self.message)
    }
}
