import { encodeToBytes } from '../../codec/index.ts';
import { assert } from '../../errors/index.ts';
import { LOG_KEYS_END, oidKey } from '../log/log-entry.ts';
import { MissingItem } from './missing.ts';

/** Under which key of the PG's own object each missing object is stored: names of objects are too long for keys. */
export class MissingSlots {
  private readonly slots = new Map<string, number>();
  private next = 0;

  /** An entry that was found in the store. */
  found(key: string, item: MissingItem): void {
    const slot = Number.parseInt(key.slice(1), 16);
    this.slots.set(oidKey(item.oid), slot);
    this.next = Math.max(this.next, slot + 1);
  }

  /** What stores that an object is missing. */
  entry(item: MissingItem): [string, Uint8Array] {
    const of = oidKey(item.oid);
    let slot = this.slots.get(of);
    if (slot === undefined) {
      slot = this.next++;
      this.slots.set(of, slot);
    }
    return [slotKey(slot), encodeToBytes(MissingItem, item)];
  }

  /** It is not missing any more. @param of oidKey of one that has a slot. @returns the key to be removed */
  drop(of: string): string {
    const slot = this.slots.get(of);
    assert(slot !== undefined, 'a missing object has a slot');
    this.slots.delete(of);
    return slotKey(slot);
  }

  /** All keys are removed. */
  clear(): void {
    this.slots.clear();
  }
}

function slotKey(slot: number): string {
  return `${LOG_KEYS_END}${slot.toString(16).padStart(8, '0')}`;
}
