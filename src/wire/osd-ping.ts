import { custom, opt, s32, struct, u8, u32, type ValueOf } from '../codec/index.ts';
import { UTime, Uuid } from './basic.ts';
import { message } from './message.ts';

// Heartbeats between OSDs. Layout: src/messages/MOSDPing.h, release 16.2.

/** What a ping is for; the others of Ceph's numbers are not sent any more. */
export const PING_OP = { youDied: 2, ping: 4, pingReply: 5 } as const;

/** A span of a monotonic clock; both parts have its sign. Source: encode of durations, src/include/encoding.h. */
export const SignedSpan = struct('signedspan', { sec: s32, nsec: s32 });
export type SignedSpan = ValueOf<typeof SignedSpan>;

export function spanOfMs(ms: number): SignedSpan {
  return { sec: Math.trunc(ms / 1000), nsec: Math.round((ms % 1000) * 1e6) };
}
export function msOfSpan({ sec, nsec }: SignedSpan): number {
  return sec * 1000 + nsec / 1e6;
}

/** Most padding that is taken: pings are padded to find links that lose large packets only. */
const PADDING_MAX = 1 << 20;

const Head = struct('MOSDPing', {
  fsid: Uuid,
  epoch: u32,
  op: u8,
  /** When the ping was sent, by its sender's clock; a reply repeats it. */
  stamp: UTime,
});
const Rest = struct('MOSDPing', {
  /** Since when the sender is up. */
  upFrom: u32,
  /** As `stamp`, by the sender's monotonic clock. */
  pingStamp: SignedSpan,
  /** When a reply was sent, by the replier's monotonic clock. */
  sendStamp: SignedSpan,
  /** The most by which the receiver's clock is ahead of the sender's, as far as the sender knows. */
  deltaBound: opt(SignedSpan),
});
/** `padding` counts the zeros at the end. */
type Ping = ValueOf<typeof Head> & ValueOf<typeof Rest> & { padding: number };

/** A heartbeat or its answer. */
export const MOSDPing = message(
  'MOSDPing',
  70,
  { version: 5, compat: 4 },
  custom<Ping>({
    name: 'MOSDPing',
    encode(o, v) {
      Head.encode(o, v);
      o.u32(v.padding);
      Rest.encode(o, v);
      if (v.padding > 0) o.raw(new Uint8Array(v.padding));
    },
    decode(d) {
      const head = Head.decode(d);
      const padding = d.u32();
      if (padding > PADDING_MAX) d.fail(`padding of ${padding} bytes`);
      const rest = Rest.decode(d);
      d.take(padding);
      return { ...head, ...rest, padding };
    },
    generate: (g) => ({ ...Head.generate(g), ...Rest.generate(g), padding: g.below(100) }),
  }),
);
