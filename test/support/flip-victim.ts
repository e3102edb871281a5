/**
 * Changes one bit of LMDB's file after another, each in a fresh copy of a store, and tells what reading and fsck make
 * of it: `<number> <read> <fsck>` per line. LMDB maps its file into memory and trusts it, so this process may die of a
 * change; whoever started it goes on with the next. Arguments: store, directory for copies, first and last number.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { silent } from '../../src/runtime/index.ts';
import { nativeCrc32c, nodeDisk, openLmdb, systemClock } from '../../src/runtime-node/index.ts';
import { BlockStore, fsck } from '../../src/store/index.ts';
import { dumpStore } from './model-store.ts';
import { dice } from './sim-disk.ts';

const [base, copies, first, last] = process.argv.slice(2) as [string, string, string, string];

async function readBack(path: string): Promise<string> {
  const store = await BlockStore.open({ ...place(path), log: silent, clock: systemClock });
  try {
    return await dumpStore(store);
  } finally {
    await store.close();
  }
}
function place(path: string) {
  return {
    path,
    disk: nodeDisk,
    openKeyValue: openLmdb,
    crc32c: nativeCrc32c,
    journalBytes: 65_536,
  };
}
/** EIO of ours, or whatever LMDB and its binding make of a broken file: the daemon ends, nothing is answered. */
const refused = () => 'refused';

function copyOf(name: string, flip?: (bytes: Buffer) => void): string {
  const path = join(copies, name);
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, 'db'), { recursive: true });
  copyFileSync(join(base, 'block'), join(path, 'block'));
  copyFileSync(join(base, 'journal'), join(path, 'journal'));
  const bytes = readFileSync(join(base, 'db/data.mdb'));
  flip?.(bytes);
  writeFileSync(join(path, 'db/data.mdb'), bytes);
  return path;
}

const whole = await readBack(copyOf('whole'));
for (let i = Number(first); i <= Number(last); i++) {
  const roll = dice(Math.imul(i, 0x9e37_79b1));
  const flip = (bytes: Buffer) => {
    const at = roll(bytes.length);
    bytes[at]! ^= 1 << roll(8);
  };
  const path = copyOf(`flip${i}`, flip);
  cpSync(path, `${path}f`, { recursive: true });
  writeSync(1, `${i} `);
  const read = await readBack(path).then((dump) => (dump === whole ? 'same' : 'other'), refused);
  writeSync(1, `${read} `);
  let findings = 0;
  const found = () => void findings++;
  const check = await fsck({ ...place(`${path}f`), deep: true, found }).then(
    () => (findings > 0 ? 'found' : 'sound'),
    refused,
  );
  writeSync(1, `${check}\n`);
  rmSync(path, { recursive: true });
  rmSync(`${path}f`, { recursive: true });
}
