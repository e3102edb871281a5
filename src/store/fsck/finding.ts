import { DecodeError } from '../../errors/index.ts';
import { type HObject, SNAP_HEAD } from '../../wire/index.ts';
import {
  garbageId,
  parseObjectKey,
  parseOmapKey,
  parsePatchKey,
  poolOfCompressed,
} from '../keys.ts';
import type { PlaceNames } from '../place-names.ts';

/** Something that is not as it must be. */
export interface Finding {
  /** One line. */
  readonly text: string;
  /**
   * `repair` mends it without a guess. `discard`: only by giving up what cannot be read, which is asked for apart.
   * `never`: bytes of an object are lost, and another copy of it must bring them.
   */
  readonly mends: 'repair' | 'discard' | 'never';
}

/** A byte string as text: UTF-8 where it is that, else one character per byte. */
export function nameText(name: string): string {
  const bytes = Buffer.from(name, 'latin1');
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : name;
}

/** The fields by which Ceph's tools name an object, in their order. */
export function objectFields(oid: HObject): Record<string, string | number> {
  const { hash, pool } = oid;
  const snapid = oid.snap === SNAP_HEAD ? -2 : Number(BigInt.asIntN(64, oid.snap));
  const [name, key, namespace] = [oid.name, oid.key, oid.namespace].map(nameText);
  return { oid: name!, key: key!, snapid, hash, max: 0, pool, namespace: namespace! };
}

/** An object as Ceph's tools write it, `["1.2f",{"oid":...}]`: the words of `sepiola store` take it back. */
export function objectText(collection: string, oid: HObject): string {
  // The real tool names `max` twice; whoever reads JSON cannot tell.
  return `["${collection}",${JSON.stringify(objectFields(oid)).slice(0, -1)},"max":0}]`;
}

/** What stands under a key, in words; the key itself may be what is damaged. */
export function keyText(key: string, collections: PlaceNames): string {
  const object = (text: string) => {
    return objectText(collections.nameOf(text), parseObjectKey(text).oid);
  };
  try {
    switch (key[0]) {
      case 'C':
        return `collection ${key.slice(1)}`;
      case 'O':
        return `record of ${object(key)}`;
      case 'D':
        return `small write to ${object(parsePatchKey(key).object)}`;
      case 'M': {
        const { id, name } = parseOmapKey(key);
        return `entry ${JSON.stringify(name)} of omap ${id}`;
      }
      case 'B':
        return 'map of taken units';
      case 'R':
        return 'counts of shared units';
      case 'P':
        return `figures of compression of pool ${poolOfCompressed(key)}`;
      case 'G':
        return `mark of the removed omap ${garbageId(key)}`;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return `key ${JSON.stringify(key)}`;
}
