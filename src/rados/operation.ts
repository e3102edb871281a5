import { byteString, bytes as bytesCodec, map, s32, struct } from '../codec/index.ts';
import { argsBytes, CMPXATTR_MODE, CMPXATTR_OP, OSD_OP } from '../wire/index.ts';
import {
  type Comparison,
  coded,
  type Data,
  dataBytes,
  extent,
  type Name,
  nameBytes,
  type OpStep,
  step,
  xattr,
} from './op-step.ts';

const comparisons = map(byteString, struct('assertion', { value: bytesCodec, op: s32 }));

/** Conditions that either kind of operation may begin with; the whole operation fails with their errno. */
export abstract class Operation {
  readonly steps: OpStep[] = [];

  protected add(s: OpStep): this {
    this.steps.push(s);
    return this;
  }
  /** ENOENT unless the object exists. */
  assertExists(): this {
    return this.add(step(OSD_OP.STAT));
  }
  /** ERANGE when the object is newer than `version`, EOVERFLOW when it is older. */
  assertVersion(version: bigint): this {
    return this.add(step(OSD_OP.ASSERT_VER, argsBytes('assertVer', { unused: 0n, version })));
  }
  /** ECANCELED unless `value` OP the stored attribute holds; a bigint compares as a decimal number. */
  compareXattr(name: Name, op: Comparison, value: Data | bigint): this {
    if (typeof value !== 'bigint') {
      return this.add(
        xattr(OSD_OP.CMPXATTR, name, dataBytes(value), CMPXATTR_OP[op], CMPXATTR_MODE.STRING),
      );
    }
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(value);
    return this.add(xattr(OSD_OP.CMPXATTR, name, number, CMPXATTR_OP[op], CMPXATTR_MODE.U64));
  }
  /** ECANCELED unless each key's value compares as given. */
  compareOmap(key: Name, op: Comparison, value: Data): this {
    const one = new Map([[nameBytes(key), { value: dataBytes(value), op: CMPXATTR_OP[op] }]]);
    return this.add(coded(OSD_OP.OMAP_CMP, (o) => comparisons.encode(o, one)));
  }
  /** ECANCELED (or the OSD's errno) unless the object holds these bytes there. */
  compareData(offset: number, data: Data): this {
    const d = dataBytes(data);
    return this.add(extent(OSD_OP.CMPEXT, offset, d.length, d));
  }
}
