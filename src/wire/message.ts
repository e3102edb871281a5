import { type Codec, DEFAULT_FEATURES, Decoder, encodeToBytes } from '../codec/index.ts';
import { assert, DecodeError } from '../errors/index.ts';

/** One message type: its number, the versions its header carries, and the codec of its front segment. */
export interface MessageDef<T> {
  readonly name: string;
  readonly type: number;
  readonly version: number;
  /** Oldest receiver that may read what we write. */
  readonly compat: number;
  /** What the header says unless the sender chooses; undefined leaves it to the messenger. */
  readonly priority: number | undefined;
  readonly front: Codec<T>;
}
/** The front value of a message definition. */
export type MessageOf<D> = D extends MessageDef<infer T> ? T : never;

const table = new Map<number, MessageDef<unknown>>();
/** Every declared message by its number: for logs and dispatch tables. */
export const MESSAGES: ReadonlyMap<number, MessageDef<unknown>> = table;

/** `MOSDOp`, or `message 1234` for a number nobody declared. */
export function messageName(type: number): string {
  return table.get(type)?.name ?? `message ${type}`;
}

/** Declares a message. A number belongs to one message for the life of the process. */
export function message<T>(
  name: string,
  type: number,
  versions: { version: number; compat: number; priority?: number },
  front: Codec<T>,
): MessageDef<T> {
  assert(!table.has(type), `message ${type} is both ${messageName(type)} and ${name}`);
  const { version, compat, priority } = versions;
  const def: MessageDef<T> = { name, type, version, compat, priority, front };
  table.set(type, def);
  return def;
}

/** What a sender may add to a message's front. Buffers are sent as they are and must not change afterwards. */
export interface OutgoingExtras {
  /** Transaction id; a reply copies the request's. */
  tid?: number;
  priority?: number;
  /** Joined on the wire into the data segment. */
  data?: readonly Uint8Array[];
  /** See the messenger's OutgoingMessage. */
  dataCrcs?: readonly (Uint32Array | undefined)[] | undefined;
  /** See the messenger's OutgoingMessage. */
  done?: (() => void) | undefined;
  middle?: Uint8Array;
  /** The peer's features, for structs that are written older for older peers. */
  features?: bigint;
}

/** A message as `Connection.send` takes it. */
export interface Outgoing {
  readonly type: number;
  readonly version: number;
  readonly compatVersion: number;
  readonly tid?: number;
  readonly priority?: number;
  readonly front: Uint8Array;
  readonly middle?: Uint8Array;
  readonly data?: readonly Uint8Array[];
  readonly dataCrcs?: readonly (Uint32Array | undefined)[] | undefined;
  readonly done?: (() => void) | undefined;
}

const NO_EXTRAS: OutgoingExtras = {};

/** Encodes a message for sending. */
export function outgoing<T>(
  def: MessageDef<T>,
  value: T,
  extras: OutgoingExtras = NO_EXTRAS,
): Outgoing {
  const front = encodeToBytes(def.front, value, extras.features ?? DEFAULT_FEATURES);
  return outgoingFront(def, front, extras);
}

/** As {@link outgoing}, for a front that was encoded by hand or once for many receivers. */
export function outgoingFront(
  def: MessageDef<unknown>,
  front: Uint8Array,
  extras: OutgoingExtras = NO_EXTRAS,
): Outgoing {
  // All messages have all fields, in one order: the messenger's code is then made for one form of object.
  return {
    type: def.type,
    version: def.version,
    compatVersion: def.compat,
    tid: extras.tid,
    priority: extras.priority ?? def.priority,
    front,
    middle: extras.middle,
    data: extras.data,
    dataCrcs: extras.dataCrcs,
    done: extras.done,
  };
}

/** Refuses a message whose sender says that this release is too old to read it. */
export function checkCompat(def: MessageDef<unknown>, compatVersion: number | undefined): void {
  if (compatVersion === undefined || compatVersion <= def.version) return;
  throw new DecodeError(`needs version ${compatVersion}, have ${def.version}`, 0, def.name);
}

/**
 * Decodes a message's front; byte fields are windows of it. Bytes that a newer version appended are skipped.
 * @throws DecodeError
 */
export function decodeFront<T>(
  def: MessageDef<T>,
  incoming: { readonly front: Uint8Array; readonly compatVersion?: number },
): T {
  checkCompat(def, incoming.compatVersion);
  try {
    return def.front.decode(new Decoder(incoming.front));
  } catch (e) {
    throw e instanceof DecodeError && e.where === '' ? e.within(def.name) : e;
  }
}
