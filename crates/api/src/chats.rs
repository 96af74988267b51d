//! The chat and its proposals.

use steadyhand_domain::ProposalId;
use steadyhand_store::{
    StoreError, chat,
    records::{Message, Proposal},
};

use crate::{AcceptProposal, Api, ApiError, ListMessages, Nothing, OfProject, OfProposal, Say};

impl Api {
    /// See the list of operations.
    pub async fn messages(&self, request: ListMessages) -> Result<Vec<Message>, ApiError> {
        let mut db = self.read().await?;
        Ok(chat::list(&mut db, request.project_id, request.before, request.limit.min(200)).await?)
    }

    /// See the list of operations.
    pub async fn say(&self, request: Say) -> Result<Message, ApiError> {
        Ok(self.inner.assistant.say(request.project_id, &request.text).await?)
    }

    /// See the list of operations.
    pub async fn cancel_answer(&self, request: OfProject) -> Result<Nothing, ApiError> {
        self.inner.assistant.cancel(request.project_id);
        Ok(Nothing {})
    }

    /// See the list of operations.
    pub async fn proposal(&self, request: OfProposal) -> Result<Proposal, ApiError> {
        self.find_proposal(request.proposal_id).await
    }

    async fn find_proposal(&self, id: ProposalId) -> Result<Proposal, ApiError> {
        let mut db = self.read().await?;
        Ok(chat::proposal(&mut db, id).await?.ok_or(StoreError::UnknownProposal(id))?)
    }

    /// See the list of operations.
    pub async fn accept_proposal(&self, request: AcceptProposal) -> Result<Proposal, ApiError> {
        Ok(self.inner.assistant.accept(request.proposal_id, &request.sha256, request.run).await?)
    }

    /// See the list of operations.
    pub async fn dismiss_proposal(&self, request: OfProposal) -> Result<Proposal, ApiError> {
        Ok(self.inner.assistant.dismiss(request.proposal_id).await?)
    }
}
