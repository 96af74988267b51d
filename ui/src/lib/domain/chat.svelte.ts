import { SvelteMap } from 'svelte/reactivity';
import type { Card, Message, MessageId, ProjectId, StepId, Update } from '../shared/api';
import { toBackendError, type Backend } from '../shared/backend';

const PAGE = 40;

/** The chat of one project, as far as it is known. */
export class Chat {
  readonly projectId: ProjectId;
  /** Oldest first. */
  messages = $state.raw<Message[]>([]);
  loaded = $state(false);
  loadingOlder = $state(false);
  complete = $state(false);
  sending = $state(false);
  error = $state<string | null>(null);
  /** What is being written, kept while another project is looked at. */
  draft = $state('');

  readonly #backend: Backend;
  /** When each message was heard of last, by a count of all that was heard. */
  readonly #heardAt = new Map<MessageId, number>();
  #heard = 0;

  constructor(backend: Backend, projectId: ProjectId) {
    this.#backend = backend;
    this.projectId = projectId;
  }

  /** Whether an answer is being written. */
  get answering(): boolean {
    return this.messages.some((message) => message.state === 'streaming');
  }

  /** What was found out about a failed step, if it was said here. */
  finding(stepId: StepId): Extract<Card, { kind: 'finding' }> | undefined {
    for (const message of this.messages.toReversed()) {
      for (const card of message.cards) if (card.kind === 'finding' && card.step_id === stepId) return card;
    }
    return undefined;
  }

  async load(): Promise<void> {
    try {
      const asked = this.#heard;
      const page = await this.#backend.call('messages', { project_id: this.projectId, limit: PAGE });
      // The answer may be older than what was heard while it was on its way.
      const isNewer = (message: Message): boolean => (this.#heardAt.get(message.id) ?? 0) > asked;
      const newer = this.messages.filter(isNewer);
      // Older pages that were loaded before stay only when they touch this one; else there could be a gap.
      const known = new Set(this.messages.map((message) => message.id));
      const touches = page.some((message) => known.has(message.id));
      if (touches) for (const message of page) this.#put(message);
      else {
        this.messages = page;
        this.complete = page.length < PAGE;
      }
      for (const message of newer) this.#put(message);
      this.loaded = true;
      this.error = null;
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  async loadOlder(): Promise<void> {
    const oldest = this.messages[0];
    if (oldest === undefined || this.complete || this.loadingOlder) return;
    this.loadingOlder = true;
    try {
      const page = await this.#backend.call('messages', { project_id: this.projectId, before: oldest.id, limit: PAGE });
      const known = new Set(this.messages.map((message) => message.id));
      this.messages = [...page.filter((message) => !known.has(message.id)), ...this.messages];
      this.complete = page.length < PAGE;
    } catch (error) {
      this.error = toBackendError(error).message;
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Says something. What was said comes back into the draft when it could not be sent. */
  async say(text: string): Promise<void> {
    const words = text.trim();
    if (words === '' || this.sending) return;
    const draft = this.draft;
    this.sending = true;
    this.error = null;
    if (draft.trim() === words) this.draft = '';
    try {
      this.#put(await this.#backend.call('say', { project_id: this.projectId, text: words }), true);
    } catch (error) {
      this.error = `Not sent: ${toBackendError(error).message}`;
      if (this.draft === '') this.draft = draft;
    } finally {
      this.sending = false;
    }
  }

  async cancel(): Promise<void> {
    try {
      await this.#backend.call('cancel_answer', { project_id: this.projectId });
    } catch (error) {
      this.error = toBackendError(error).message;
    }
  }

  apply(update: Update): void {
    if (update.kind !== 'message' || update.message.project_id !== this.projectId) return;
    this.#heard += 1;
    this.#heardAt.set(update.message.id, this.#heard);
    this.#put(update.message);
  }

  #put(message: Message, unlessKnown = false): void {
    const at = this.messages.findLastIndex((known) => known.id === message.id);
    if (at >= 0) {
      if (unlessKnown) return;
      this.messages = this.messages.with(at, message);
      return;
    }
    // In the order of time: an answer may arrive before what it answers.
    const behind = this.messages.findLastIndex((known) => known.at <= message.at);
    this.messages = this.messages.toSpliced(behind + 1, 0, message);
  }
}

/** The chats of all projects that were looked at. */
export class Chats {
  readonly #backend: Backend;
  readonly #chats = new SvelteMap<ProjectId, Chat>();

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  get(projectId: ProjectId): Chat | undefined {
    return this.#chats.get(projectId);
  }

  async open(projectId: ProjectId): Promise<Chat> {
    let chat = this.#chats.get(projectId);
    if (chat === undefined) {
      chat = new Chat(this.#backend, projectId);
      this.#chats.set(projectId, chat);
    }
    await chat.load();
    return chat;
  }

  apply(update: Update): void {
    if (update.kind === 'message') this.#chats.get(update.message.project_id)?.apply(update);
    else if (update.kind === 'project_removed') this.#chats.delete(update.project_id);
  }

  refresh(projectId: ProjectId | null): void {
    // The chats that are not on the screen are fetched when they are opened.
    for (const id of [...this.#chats.keys()]) if (id !== projectId) this.#chats.delete(id);
    if (projectId !== null) void this.#chats.get(projectId)?.load();
  }
}
