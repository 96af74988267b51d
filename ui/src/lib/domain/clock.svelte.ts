/** The time of day, once a second, so that durations tick. */
export class Clock {
  now = $state(Date.now());

  start(): () => void {
    const timer = setInterval(() => { this.now = Date.now(); }, 1_000);
    return () => clearInterval(timer);
  }
}
