import type { MonState } from '../state.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const DAY_MS = 86_400_000;

/** A wall-clock time, UTC, in its parts. */
function partsOf(ms: number) {
  const day = Math.floor(ms / DAY_MS);
  const seconds = Math.floor((ms - day * DAY_MS) / 1000);
  return {
    day,
    /** 0 is Sunday; the epoch began on a Thursday. */
    weekday: (((day + 4) % 7) + 7) % 7,
    hours: Math.floor(seconds / 3600),
    minutes: Math.floor(seconds / 60) % 60,
    seconds: seconds % 60,
  };
}
const two = (n: number): string => String(n).padStart(2, '0');

/** As C's asctime prints it, UTC: `Fri Nov 20 21:03:04 2026`. */
export function timeText(ms: number): string {
  const { day, weekday, hours, minutes, seconds } = partsOf(ms);
  const { year, month, date } = civil(day);
  const clock = `${two(hours)}:${two(minutes)}:${two(seconds)}`;
  return `${DAYS[weekday]} ${MONTHS[month]} ${String(date).padStart(2)} ${clock} ${year}`;
}

/** The Gregorian date of a day since 1970, by the 400-year cycle that begins on 1 March. */
function civil(day: number): { year: number; month: number; date: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = (shiftedMonth + 2) % 12;
  return {
    year: yearOfEra + era * 400 + (month < 2 ? 1 : 0),
    month,
    date: ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

/** Whether the options let PGs be moved now. Times are UTC. Source: time_permit of the balancer module, release 16.2. */
export function isTimeToBalance(state: MonState): boolean {
  const { weekday, hours, minutes } = partsOf(state.nowMs);
  const now = `${two(hours)}${two(minutes)}`;
  const option = (name: string) => state.option(`mgr/balancer/${name}`);
  const [from, to] = [String(option('begin_time')), String(option('end_time'))];
  const [fromDay, toDay] = [Number(option('begin_weekday')), Number(option('end_weekday'))];
  return isWithin(now, from, to) && isWithin(weekday, fromDay, toDay);
}

/** From the first to before the second, over the end of the day or week when the second is less. */
function isWithin<T extends string | number>(now: T, from: T, to: T): boolean {
  return from <= to ? from <= now && now < to : now >= from || now < to;
}
