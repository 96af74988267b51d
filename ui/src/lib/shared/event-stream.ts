/**
 * The data of each event of a `text/event-stream`, as the pieces of the stream come in. Comments, identifiers and names
 * of events are passed over: nothing here uses them. `EventSource` cannot send the token, so the stream is read with
 * `fetch`.
 */
export class EventStreamReader {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #data: string[] = [];

  /** Takes the next piece; gives the data of the events that it completes. */
  take(piece: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(piece, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    const events: string[] = [];
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
      if (line === '') {
        if (this.#data.length > 0) events.push(this.#data.join('\n'));
        this.#data = [];
      } else if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
    }
    return events;
  }
}
