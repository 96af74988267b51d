/** Times and durations in words. All take milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (n: number): string => String(n).padStart(2, '0');

/** A duration: `0.4 s`, `38 s`, `4 min 05 s`, `2 h 10 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 9_950) return `${(whole / SECOND).toFixed(1)} s`;
  if (whole < MINUTE - SECOND / 2) return `${Math.round(whole / SECOND)} s`;
  const seconds = Math.round(whole / SECOND);
  if (whole < HOUR) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.floor(whole / MINUTE);
  if (whole < DAY) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

/** A duration that is still growing: whole seconds only, so that it does not flicker. */
export function ticking(ms: number): string {
  const whole = Math.max(0, ms);
  return whole < MINUTE ? `${Math.floor(whole / SECOND)} s` : duration(Math.floor(whole / SECOND) * SECOND);
}

/** How long ago, for narrow places: `now`, `5 min`, `3 h`, `2 d`, `7 w`. */
export function ago(at: number, now: number): string {
  const past = now - at;
  if (past < MINUTE) return 'now';
  if (past < HOUR) return `${Math.floor(past / MINUTE)} min`;
  if (past < DAY) return `${Math.floor(past / HOUR)} h`;
  if (past < 14 * DAY) return `${Math.floor(past / DAY)} d`;
  if (past < 365 * DAY) return `${Math.floor(past / (7 * DAY))} w`;
  return `${Math.floor(past / (365 * DAY))} y`;
}

/** The time of day: `11:42:08`. */
export function clock(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The time of day with milliseconds: `11:42:08.127`. */
export function exactClock(at: number): string {
  return `${clock(at)}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
}

/** When it was: the time of day today, else the day too: `11:42:08`, `yesterday 11:42`, `12 Oct 11:42`, `12 Oct 2025`. */
export function when(at: number, now: number): string {
  const date = new Date(at);
  const today = new Date(now);
  const midnight = new Date(today.getFullYear(), today.getMonth(), today.getDate()).getTime();
  if (at >= midnight) return clock(at);
  const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (at >= midnight - DAY) return `yesterday ${minute}`;
  const month = MONTHS[date.getMonth()] ?? '';
  if (date.getFullYear() === today.getFullYear()) return `${date.getDate()} ${month} ${minute}`;
  return `${date.getDate()} ${month} ${date.getFullYear()}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A number with thin groups: `1,000,000`. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** A count with its noun: `1 line`, `2 lines`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** An ordinal: `1st`, `2nd`, `3rd`, `11th`. */
export function ordinal(n: number): string {
  const tens = n % 100;
  if (tens >= 11 && tens <= 13) return `${n}th`;
  return `${n}${['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'}`;
}

/** A size: `812 B`, `4.1 kB`, `10 MB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${units[unit]}`;
}
