import { fixed, general } from '../../codec/index.ts';

// How Ceph prints quantities for people. Sources: include/types.h (byte_u_t, si_u_t), common/ceph_time.cc
// (timespan_str), include/util.h (lowprecision_t), all of release 16.2.

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
