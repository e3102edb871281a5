import type { UTime } from './basic.ts';

const TEN_YEARS = 10 * 365 * 86400;

/** `2026-11-20T11:42:23.673177+0000`; early values are spans and print as seconds. Always UTC. */
export function stamp(t: UTime, zone = '+0000'): string {
  const micros = String(Math.floor(t.nsec / 1000)).padStart(6, '0');
  if (t.sec < TEN_YEARS) return `${t.sec}.${micros}`;
  // 719468 days lie between 0000-03-01 and the epoch; years begin in March so that leap days come last.
  const days = Math.floor(t.sec / 86400) + 719468;
  const era = Math.floor(days / 146097);
  const dayOfEra = days - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36524) -
      Math.floor(dayOfEra / 146096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const two = (n: number): string => String(n).padStart(2, '0');
  const clock = `${two(Math.floor(t.sec / 3600) % 24)}:${two(Math.floor(t.sec / 60) % 60)}:${two(t.sec % 60)}`;
  return `${year}-${two(month)}-${two(day)}T${clock}.${micros}${zone}`;
}

/** The stamp of a wall-clock time in milliseconds. */
export function stampOfMs(ms: number): string {
  const micros = Math.round(ms * 1000);
  const sec = Math.floor(micros / 1e6);
  return stamp({ sec, nsec: (micros - sec * 1e6) * 1000 });
}

const WEEK_DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Fri Nov 20 11:42:09 2026`, as ctime of C in UTC. @param sec since the Unix epoch, at least ten years of it */
export function ctime(sec: number): string {
  const [year, month, day, clock] = stamp({ sec, nsec: 0 }).split(/[-T.]/);
  const weekDay = WEEK_DAYS[Math.floor(sec / 86400) % 7];
  return `${weekDay} ${MONTHS[Number(month) - 1]} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
