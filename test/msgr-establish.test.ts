import { describe, expect, it } from 'vitest';
import { decideIdent, decideReconnect, type Existing, isOwnAddr } from '../src/msgr/establish.ts';
import { ADDR } from '../src/wire/index.ts';

// Fact sheet §2.5.
const addr = (nonce: number) => ({ type: ADDR.msgr2, nonce, host: '10.0.0.1', port: 6800 });
const small = addr(1);
const large = addr(2);

const session: Existing = {
  lossy: false,
  server: false,
  clientCookie: 10n,
  serverCookie: 20n,
  connectSeq: 3,
  peerGlobalSeq: 5,
  dialling: false,
  open: false,
};
const fresh: Existing = { ...session, serverCookie: 0n, connectSeq: 0, peerGlobalSeq: 0 };
const ident = { globalSeq: 6, cookie: 10n };
const reconnect = { clientCookie: 10n, globalSeq: 6, connectSeq: 4 };

describe('the answer to CLIENT_IDENT', () => {
  it.each<[string, Existing | undefined, typeof ident, object]>([
    ['a stranger begins', undefined, ident, { kind: 'begin' }],
    [
      'a stale attempt must count higher',
      session,
      { ...ident, globalSeq: 4 },
      { kind: 'retryGlobal', globalSeq: 5 },
    ],
    [
      'a lossy session makes way',
      { ...session, lossy: true },
      { ...ident, cookie: 0n },
      { kind: 'begin' },
    ],
    ['one whose SERVER_IDENT was lost goes on', session, ident, { kind: 'replace', forget: false }],
    [
      'one that was restarted is forgotten',
      session,
      { ...ident, cookie: 11n },
      { kind: 'replace', forget: true },
    ],
    [
      'one that never finished is taken over',
      fresh,
      { ...ident, cookie: 11n },
      { kind: 'replace', forget: false },
    ],
  ])('%s', (_claim, existing, offer, answer) => {
    expect(decideIdent(existing, offer, small, large)).toEqual(answer);
  });

  it('lets the smaller address win when both dial', () => {
    const dialling = { ...fresh, dialling: true };
    const offer = { ...ident, cookie: 11n };
    expect(decideIdent(dialling, offer, large, small)).toEqual({ kind: 'wait' });
    expect(decideIdent(dialling, offer, small, large)).toEqual({ kind: 'replace', forget: false });
    // One that never dials cannot be waited for.
    expect(decideIdent({ ...dialling, server: true }, offer, large, small).kind).toBe('replace');
  });

  it('orders addresses as bytes in memory, as both sides must', () => {
    const dialling = { ...fresh, dialling: true };
    const offer = { ...ident, cookie: 11n };
    // Little endian: 0x0100 comes before 0x0001.
    expect(decideIdent(dialling, offer, addr(0x0001), addr(0x0100)).kind).toBe('wait');
    expect(decideIdent(dialling, offer, addr(0x0100), addr(0x0001)).kind).toBe('replace');
  });
});

describe('the answer to SESSION_RECONNECT', () => {
  it.each<[string, Existing | undefined, typeof reconnect, object]>([
    ['unknown: all is forgotten', undefined, reconnect, { kind: 'reset', full: true }],
    [
      'another session: all is forgotten',
      session,
      { ...reconnect, clientCookie: 1n },
      { kind: 'reset', full: true },
    ],
    [
      'a lossy one: nothing to go on with',
      { ...session, lossy: true },
      reconnect,
      { kind: 'reset', full: true },
    ],
    [
      'never finished here: begin again, keep messages',
      fresh,
      reconnect,
      { kind: 'reset', full: false },
    ],
    [
      'stale by global seq',
      session,
      { ...reconnect, globalSeq: 4 },
      { kind: 'retryGlobal', globalSeq: 5 },
    ],
    [
      'stale by connect seq',
      session,
      { ...reconnect, connectSeq: 2 },
      { kind: 'retry', connectSeq: 3 },
    ],
    ['newer', session, reconnect, { kind: 'resume' }],
    ['equal, nobody else on the way', session, { ...reconnect, connectSeq: 3 }, { kind: 'resume' }],
  ])('%s', (_claim, existing, offer, answer) => {
    expect(decideReconnect(existing, offer, small, large)).toEqual(answer);
  });

  it('lets the smaller address win when both dial', () => {
    const dialling = { ...session, dialling: true };
    const offer = { ...reconnect, connectSeq: 3 };
    expect(decideReconnect(dialling, offer, large, small)).toEqual({ kind: 'wait' });
    expect(decideReconnect(dialling, offer, small, large)).toEqual({ kind: 'resume' });
  });
});

describe('our own address', () => {
  it('is one we announce, nonce included; any host when we listen on all', () => {
    const any = { ...small, host: '0.0.0.0' };
    expect(isOwnAddr(small, [large, small])).toBe(true);
    expect(isOwnAddr(small, [large])).toBe(false);
    expect(isOwnAddr(small, [any])).toBe(true);
    expect(isOwnAddr(large, [any])).toBe(false);
  });
});
