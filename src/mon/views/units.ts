import type { UTime } from '../../wire/index.ts';
import { fixed, general } from './json.ts';

// How Ceph prints quantities for people. Sources: include/types.h (byte_u_t, si_u_t, weightf_t), common/ceph_time.cc
// (timespan_str), include/utime.h, include/util.h (lowprecision_t), all of release 16.2.

const BYTE_UNITS = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB', ' EiB'];
const SI_UNITS = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** `957 MiB`, `9.7 GiB`: as many decimals, up to two, as seven characters leave room for. */
export function bytes(v: number): string {
  return scaled(v, 1024, BYTE_UNITS);
}
/** `3.21k`. */
export function count(v: number): string {
  return scaled(v, 1000, SI_UNITS);
}

function scaled(v: number, base: number, units: readonly string[]): string {
  let index = 0;
  for (let n = v; n >= base && index < units.length - 1; n = Math.floor(n / base)) index++;
  const unit = units[index]!;
  const factor = base ** index;
  if (v % factor === 0) return `${v / factor}${unit}`;
  for (let decimals = 2; decimals > 0; decimals--) {
    const text = `${fixed(v / factor, decimals)}${unit}`;
    if (text.length <= 7) return text;
  }
  return `${fixed(v / factor, 0)}${unit}`;
}

/** A CRUSH or override weight: `1.00000`, `0`, or `-` for a negative one, which means none. */
export function weight(v: number): string {
  if (v < -0.01) return '-';
  return v < 0.000001 ? '0' : fixed(v, 5);
}
/** Two decimals, `0` or `-`. */
export function lowPrecision(v: number): string {
  if (v < -0.01) return '-';
  return v < 0.001 ? '0' : fixed(v, 2);
}
/** A percentage with two decimals, `0` below a hundredth. */
export function percent(v: number): string {
  return v < 0.01 ? '0' : fixed(v, 2);
}

/** A time span in its two highest readable units' coarser one: `0.52s`, `119s`, `3m`, `47h`, `13d`, `5w`, `3M`, `2y`. */
export function span(ms: number): string {
  if (ms < 2000) return `${general(Math.fround(ms / 1000))}s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 14) return `${days}d`;
  if (days < 12 * 7) return `${Math.floor(days / 7)}w`;
  return days < 24 * 30 ? `${Math.floor(days / 30)}M` : `${Math.floor(days / 365)}y`;
}

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
