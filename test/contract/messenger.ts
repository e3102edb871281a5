import { afterEach, describe, expect, it } from 'vitest';
import { CephError, DecodeError } from '../../src/errors/index.ts';
import {
  type Connection,
  createMessenger,
  type Dispatcher,
  type IncomingMessage,
  type Messenger,
  type MessengerOptions,
  type OutgoingMessage,
  type Policy,
  UNTHROTTLED,
} from '../../src/msgr/index.ts';
import type { Runtime } from '../../src/runtime/index.ts';
import { ENTITY, type EntityAddr } from '../../src/wire/index.ts';

/** A network under test: gives runtimes, and lets (real or virtual) time pass until something holds. */
export interface MessengerWorld {
  /** Time stands still unless it is let pass. */
  readonly isVirtual: boolean;
  runtime(log: Runtime['log']): Runtime;
  until(what: () => boolean): Promise<boolean>;
  /** Lets enough time pass for anything that is on its way to arrive. */
  calm(): Promise<void>;
}

interface Party extends Dispatcher {
  readonly messenger: Messenger;
  readonly got: { connection: Connection; message: IncomingMessage }[];
  readonly ready: Connection[];
  readonly resets: { connection: Connection; code: string | undefined }[];
  readonly warnings: string[];
}

const text = (s: string, tid = 0): OutgoingMessage => ({
  type: 1000,
  version: 3,
  compatVersion: 2,
  tid,
  front: Buffer.from(s),
});

/** What a messenger promises on any network. */
export function messengerContract(name: string, makeWorld: () => MessengerWorld): void {
  describe(`messenger on ${name}`, () => {
    let parties: Party[] = [];
    afterEach(async () => {
      await Promise.all(parties.map((p) => p.messenger.shutdown()));
      parties = [];
    });

    function party(
      world: MessengerWorld,
      type: number,
      num: number,
      more: Partial<MessengerOptions> & { onMessage?: Dispatcher['onMessage'] } = {},
    ): Party {
      const got: Party['got'] = [];
      const ready: Connection[] = [];
      const resets: Party['resets'] = [];
      const warnings: string[] = [];
      const dispatcher: Dispatcher = {
        onMessage: (connection, message) => {
          got.push({ connection, message });
          more.onMessage?.(connection, message);
        },
        onReady: (c) => ready.push(c),
        onReset: (connection, cause) => resets.push({ connection, code: cause?.code }),
      };
      const runtime = world.runtime((level, message) => {
        if (level === 'warn' || level === 'error') warnings.push(message);
      });
      const messenger = createMessenger(runtime, {
        name: { type, num },
        authName: { type, id: num < 0 ? 'admin' : String(num) },
        dispatcher,
        ...more,
      });
      const p = { messenger, got, ready, resets, warnings, ...dispatcher };
      parties.push(p);
      return p;
    }
    /** An OSD that keeps what it gets, with such bounds for its clients. */
    const keeper = (world: MessengerWorld, bounds: Partial<Policy>): Party =>
      party(world, ENTITY.osd, 0, {
        policy: () => ({ lossy: true, server: true, ...UNTHROTTLED, ...bounds }),
        onMessage: (_c, m) => m.hold(),
      });
    const listen = (p: Party, nonce = 7, port = 0): Promise<EntityAddr> =>
      p.messenger.listen({ host: '127.0.0.1', port, nonce });
    const fronts = (p: Party): string[] => p.got.map((g) => g.message.front.toString());

    it('carries messages both ways, in order, with what the peers are called', async () => {
      const world = makeWorld();
      const osd = party(world, ENTITY.osd, 3, {
        onMessage: (c, m) => c.send({ ...text(`re ${m.front}`, m.tid), priority: 63 }),
      });
      const client = party(world, ENTITY.client, -1, { globalId: 4123 });
      const addr = await listen(osd);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      expect(c.ready).toBe(false);
      for (let i = 0; i < 200; i++) c.send(text(`m${i}`, i));
      expect(await world.until(() => client.got.length === 200)).toBe(true);
      expect(fronts(client)).toEqual(Array.from({ length: 200 }, (_, i) => `re m${i}`));
      expect(client.got[5]!.message).toMatchObject({
        type: 1000,
        version: 3,
        compatVersion: 2,
        tid: 5,
        seq: 6,
        priority: 63,
      });
      expect(client.ready).toEqual([c]);
      expect(c.ready).toBe(true);
      expect(c.peer).toEqual({ type: ENTITY.osd, num: 3 });
      expect(c.peerAddrs).toEqual([addr]);
      const served = osd.ready[0]!;
      expect(served.peer).toEqual({ type: ENTITY.client, num: 4123 });
      expect(served.peerAuth).toEqual({ type: ENTITY.client, id: 'admin' });
      expect(served.peerGlobalId).toBe(4123);
      expect(served.peerAddrs).toMatchObject([{ host: '127.0.0.1', port: 0 }]);
      expect(served.features & (1n << 59n)).not.toBe(0n);
    });

    it('carries all segments, large and in parts, unchanged', async () => {
      const world = makeWorld();
      const osd = party(world, ENTITY.osd, 0);
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      const part = (n: number, seed: number): Buffer =>
        Buffer.from(Uint8Array.from({ length: n }, (_, i) => (i * seed) >> 3));
      const data = [part(300_000, 7), part(0, 1), part(1, 9), part(2_500, 11), part(100_000, 13)];
      const sent = [
        { ...text('all'), middle: part(5000, 3), data },
        { ...text('middle'), middle: part(10, 3) },
        { ...text(''), data: [part(70_000, 5)] },
        text(''),
      ];
      for (const m of sent) c.send(m);
      expect(await world.until(() => osd.got.length === sent.length)).toBe(true);
      osd.got.forEach(({ message }, i) => {
        const m = sent[i]! as OutgoingMessage;
        expect(message.front.equals(m.front)).toBe(true);
        expect(message.middle.equals(m.middle ?? Buffer.alloc(0))).toBe(true);
        expect(message.data.equals(Buffer.concat(m.data ?? []))).toBe(true);
      });
    });

    it('takes the global id that a mon gives, and shows it to the next daemon', async () => {
      const world = makeWorld();
      const mon = party(world, ENTITY.mon, 0, {
        authenticate: (r) => ({ ok: true, globalId: r.globalId || 5001 }),
      });
      const osd = party(world, ENTITY.osd, 0);
      const client = party(world, ENTITY.client, -1);
      const monAddr = await listen(mon, 0);
      const osdAddr = await listen(osd);
      client.messenger.connect({ type: ENTITY.mon, addrs: [monAddr] });
      expect(await world.until(() => client.ready.length === 1)).toBe(true);
      expect(client.messenger.globalId).toBe(5001);
      expect(await world.until(() => mon.ready.length === 1)).toBe(true);
      expect(mon.ready[0]!.peer).toEqual({ type: ENTITY.client, num: 5001 });
      client.messenger.connect({ type: ENTITY.osd, addrs: [osdAddr] });
      expect(await world.until(() => osd.ready.length === 1)).toBe(true);
      expect(osd.ready[0]!.peer).toEqual({ type: ENTITY.client, num: 5001 });
    });

    it('says why a dial failed: nobody there, not let in, another daemon there', async () => {
      const world = makeWorld();
      const closed = party(world, ENTITY.osd, 0, {
        authenticate: () => ({ ok: false, error: new CephError('EACCES', 'no') }),
      });
      const gone = party(world, ENTITY.osd, 1);
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(closed);
      const goneAddr = await listen(gone);
      await gone.messenger.shutdown();
      const dial = async (to: EntityAddr): Promise<string | undefined> => {
        const n = client.resets.length;
        const c = client.messenger.connect({ type: ENTITY.osd, addrs: [to] });
        c.send(text('never seen'));
        expect(await world.until(() => client.resets.length > n)).toBe(true);
        expect(client.resets.at(-1)!.connection).toBe(c);
        c.send(text('dropped without harm'));
        return client.resets.at(-1)!.code;
      };
      expect(await dial(goneAddr)).toBe('ECONNREFUSED');
      expect(await dial(addr)).toBe('EACCES');
      const open = party(world, ENTITY.osd, 2);
      const openAddr = await listen(open);
      expect(await dial({ ...openAddr, nonce: 8 })).toBe('ECONNRESET');
      expect(await dial({ ...openAddr, type: 1 })).toBe('ENXIO');
      expect(open.got).toEqual([]);
    });

    it('keeps several lossy sessions of one client side by side', async () => {
      const world = makeWorld();
      const mon = party(world, ENTITY.mon, 0);
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(mon);
      const dial = () => client.messenger.connect({ type: ENTITY.mon, addrs: [addr] });
      const sessions = [dial()];
      expect(await world.until(() => mon.ready.length === 1)).toBe(true);
      sessions.push(dial(), dial());
      expect(await world.until(() => mon.ready.length === 3)).toBe(true);
      await world.calm();
      expect(sessions.map((c) => c.ready)).toEqual([true, true, true]);
      expect([...mon.resets, ...client.resets]).toEqual([]);
    });

    it('resets a lossy session on both sides when one goes away, once', async () => {
      const world = makeWorld();
      const osd = party(world, ENTITY.osd, 0);
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      expect(await world.until(() => osd.ready.length === 1)).toBe(true);
      osd.ready[0]!.close();
      expect(await world.until(() => client.resets.length === 1)).toBe(true);
      await world.calm();
      expect(client.resets[0]!.connection).toBe(c);
      expect(c.ready).toBe(false);
      expect(osd.resets).toEqual([]); // it closed the session itself
      expect([...osd.warnings, ...client.warnings]).toEqual([]);
    });

    it('holds a peer back at its throttle, and goes on as messages are released', async () => {
      const world = makeWorld();
      const osd = keeper(world, { throttleMessages: 3 });
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      for (let i = 0; i < 50; i++) c.send(text(`m${i}`));
      expect(await world.until(() => osd.got.length === 3)).toBe(true);
      await world.calm();
      expect(osd.got.length).toBe(3);
      osd.got[1]!.message.release();
      osd.got[1]!.message.release(); // a second time counts nothing
      expect(osd.got.length).toBe(3); // nothing is delivered from inside release
      expect(await world.until(() => osd.got.length === 4)).toBe(true);
      await world.calm();
      expect(osd.got.length).toBe(4);
      for (let i = 0; i < 50; i++) {
        expect(await world.until(() => osd.got.length > i)).toBe(true);
        osd.got[i]!.message.release();
      }
      expect(fronts(osd)).toEqual(Array.from({ length: 50 }, (_, i) => `m${i}`));
    });

    it('reads ahead at a pace while messages are released, and up to the throttle when none is', async () => {
      const world = makeWorld();
      const size = 1000;
      // A header of 41 bytes belongs to what is counted.
      const bound = (messages: number) => messages * (size + 41);
      const osd = keeper(world, { throttleBytes: bound(7), paceBytes: bound(2) });
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      const count = 30;
      for (let i = 0; i < count; i++) c.send(text(String(i).padStart(size, '0')));
      const got = (n: number) => world.until(() => osd.got.length >= n);
      let released = 0;
      const holdsAtMost = (n: number): void => {
        // On a machine that is busy with something else the time without a release may be over.
        if (world.isVirtual) expect(osd.got.length).toBe(released + n);
      };
      const release = (n: number): void => {
        for (let i = 0; i < n; i++) osd.got[released++]!.message.release();
      };
      for (let i = 0; i < 10; i++) {
        expect(await got(released + 2)).toBe(true);
        holdsAtMost(2);
        release(1);
      }
      // Nothing is released any more: what comes after must not wait for it.
      expect(await got(released + 7)).toBe(true);
      await world.calm();
      expect(osd.got.length).toBe(released + 7);
      release(1);
      expect(await got(released + 7)).toBe(true);
      // Below the pace again, the pace holds.
      release(6);
      expect(await got(released + 2)).toBe(true);
      holdsAtMost(2);
      while (released < count) {
        expect(await got(released + 1)).toBe(true);
        release(1);
      }
      expect(fronts(osd).map(Number)).toEqual(Array.from({ length: count }, (_, i) => i));
      expect([...osd.warnings, ...client.warnings]).toEqual([]);
    });

    it('cuts off a lossy peer that does not read, above the bound', async () => {
      const world = makeWorld();
      const deaf = keeper(world, { throttleBytes: 1 });
      const client = party(world, ENTITY.client, -1, { bounds: { lossyQueueBytesMax: 1 << 20 } });
      const addr = await listen(deaf);
      const c = client.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      expect(await world.until(() => client.ready.length === 1)).toBe(true);
      const piece = Buffer.alloc(64 << 10);
      let most = 0;
      const done = await world.until(() => {
        c.send({ ...text('x'), data: [piece, piece, piece, piece] });
        most = Math.max(most, c.queuedBytes);
        return client.resets.length > 0;
      });
      expect(done).toBe(true);
      expect(client.resets[0]!.code).toBe('ETIMEDOUT');
      expect(client.warnings.length).toBe(1);
      // What is written ahead into the socket comes on top of the bound.
      expect(most).toBeLessThan(8 << 20);
      expect(c.queuedBytes).toBe(0);
    });

    it('ends the connection of a message that does not decode, and no other', async () => {
      const world = makeWorld();
      const osd = party(world, ENTITY.osd, 0, {
        onMessage: (c, m) => {
          if (m.front.toString() === 'bad') throw new DecodeError('no such thing', 0, 'front');
          c.send(text('ok'));
        },
      });
      const bad = party(world, ENTITY.client, -1);
      const good = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      bad.messenger.connect({ type: ENTITY.osd, addrs: [addr] }).send(text('bad'));
      const c = good.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      expect(await world.until(() => bad.resets.length === 1)).toBe(true);
      expect(osd.warnings).toEqual(['peer cut off']);
      expect(osd.resets.length).toBe(1);
      c.send(text('hello'));
      expect(await world.until(() => good.got.length === 1)).toBe(true);
    });

    it('hands a fault of the dispatcher to onFatal', async () => {
      const world = makeWorld();
      const faults: unknown[] = [];
      const bug = new TypeError('a bug');
      const osd = party(world, ENTITY.osd, 0, {
        onFatal: (e) => faults.push(e),
        onMessage: () => {
          throw bug;
        },
      });
      const client = party(world, ENTITY.client, -1);
      const addr = await listen(osd);
      client.messenger.connect({ type: ENTITY.osd, addrs: [addr] }).send(text('x'));
      expect(await world.until(() => faults.length === 1)).toBe(true);
      expect(faults).toEqual([bug]);
    });

    it('gives lossless peers one session, whoever dials', async () => {
      const world = makeWorld();
      const a = party(world, ENTITY.osd, 0);
      const b = party(world, ENTITY.osd, 1);
      const addrA = await listen(a, 1);
      const addrB = await listen(b, 2);
      const toB = a.messenger.connect({ type: ENTITY.osd, addrs: [addrB] });
      expect(a.messenger.connect({ type: ENTITY.osd, addrs: [addrB] })).toBe(toB);
      toB.send(text('from a'));
      expect(await world.until(() => b.got.length === 1)).toBe(true);
      const toA = b.messenger.connect({ type: ENTITY.osd, addrs: [addrA] });
      expect(toA).toBe(b.got[0]!.connection);
      toA.send(text('from b'));
      expect(await world.until(() => a.got.length === 1)).toBe(true);
      expect(a.got[0]!.connection).toBe(toB);
    });

    it('keeps messages for a lossless peer that is not there yet', async () => {
      const world = makeWorld();
      const times = { backoffMs: 20, backoffMaxMs: 50 };
      const a = party(world, ENTITY.osd, 0, { times });
      await listen(a, 1);
      const late = party(world, ENTITY.osd, 1);
      const addr = await listen(late, 2);
      await late.messenger.shutdown();
      const c = a.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      for (let i = 0; i < 20; i++) c.send(text(`m${i}`));
      await world.calm();
      const b = party(world, ENTITY.osd, 1);
      await listen(b, 2, addr.port);
      expect(await world.until(() => b.got.length === 20)).toBe(true);
      expect(fronts(b)).toEqual(Array.from({ length: 20 }, (_, i) => `m${i}`));
      expect(a.resets).toEqual([]);
    });

    it('says when a lossless peer forgot the session, and begins a new one', async () => {
      const world = makeWorld();
      const times = { backoffMs: 20, backoffMaxMs: 50 };
      const a = party(world, ENTITY.osd, 0, { times });
      const b = party(world, ENTITY.osd, 1);
      const addrA = await listen(a, 1);
      const addr = await listen(b, 2);
      const c = a.messenger.connect({ type: ENTITY.osd, addrs: [addr] });
      c.send(text('before'));
      expect(await world.until(() => b.got.length === 1)).toBe(true);
      await b.messenger.shutdown();
      expect(await world.until(() => !c.ready)).toBe(true);
      c.send(text('lost with the session'));
      const again = party(world, ENTITY.osd, 1);
      expect(await listen(again, 2, addr.port)).toEqual(addr);
      expect(await world.until(() => a.resets.length === 1 && c.ready)).toBe(true);
      c.send(text('after'));
      expect(await world.until(() => again.got.length === 1)).toBe(true);
      expect(fronts(again)).toEqual(['after']);
      again.messenger.connect({ type: ENTITY.osd, addrs: [addrA] }).send(text('back'));
      expect(await world.until(() => a.got.length === 1)).toBe(true);
      expect(a.got[0]!.connection).toBe(c);
    });

    it('refuses to listen where someone listens', async () => {
      const world = makeWorld();
      const a = party(world, ENTITY.osd, 0);
      const addr = await listen(a);
      const b = party(world, ENTITY.osd, 1);
      await expect(listen(b, 1, addr.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    });
  });
}
