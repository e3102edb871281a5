import { CephError, DecodeError } from '../../errors/index.ts';
import type { DiskFile } from '../../runtime/index.ts';
import { BLOCK_BYTES } from '../allocator.ts';
import { isUntouched, labelOf, openOldData } from '../data-file.ts';
import {
  compressedKey,
  decodePlace,
  FIGURES_KEY,
  FORMAT_KEY,
  FSID_KEY,
  SIZE_KEY,
  START_KEY,
  STRIPE_KEY,
} from '../keys.ts';
import { readLabel, type StoreLabel, writeLabel } from '../label.ts';
import {
  checkFormat,
  dataPath,
  FORMAT,
  openMetadata,
  type StorePlace,
  textAt,
} from '../store-files.ts';
import { decodeFigures, encodeFigures, type Figures } from '../store-space.ts';
import type { WideKeyValue } from '../wide-key-value.ts';
import { DataCheck } from './data.ts';
import { checkOmaps, checkPatches } from './entries.ts';
import { type Finding, keyText } from './finding.ts';
import { walkObjects } from './objects.ts';
import { Survey } from './survey.ts';
import { checkBitmap, checkShared } from './units.ts';

export interface FsckOptions extends StorePlace {
  /** Reads all data too, not only metadata. */
  deep?: boolean;
  /**
   * `repair` mends what it can without a guess; `discard` also gives up what cannot be read: records, omap entries,
   * the journal from where it is damaged on.
   */
  mend?: 'repair' | 'discard';
  found: (finding: Finding) => void;
  /** Bytes of data read so far, and about how many there are. */
  progress?: (done: number, total: number) => void;
  /** Asked between objects; the check ends with EINTR, nothing mended. */
  isCancelled?: () => boolean;
}

export interface FsckResult {
  readonly objects: number;
  readonly dataBytes: number;
  /** Findings, and those of them that are there no more. */
  readonly found: number;
  readonly mended: number;
}

/**
 * Walks a whole store that no process has open: objects' records, where their data is and whether it is what was
 * written, omaps, who owns which unit, and all counts. Like opening it, this brings the journal's content to its place.
 * @throws CephError ENOENT for no store, EBUSY when a process has it, EINVAL for another format, EINTR
 */
export async function fsck(options: FsckOptions): Promise<FsckResult> {
  const { disk, path } = options;
  if (!(await disk.exists(dataPath(options)))) {
    throw new CephError('ENOENT', `${path} holds no store`);
  }
  const letGo = await disk.claim(path);
  let kv: WideKeyValue | undefined;
  let file: DiskFile | undefined;
  const check = new Check(options);
  try {
    kv = await check.open();
    if (!kv || check.isPlaceLost(kv)) return check.result();
    file = await openOldData(disk, dataPath(options), kv);
    return await check.run(kv, file);
  } finally {
    await file?.close();
    await kv?.close();
    await letGo();
  }
}

const SYSTEM_KEYS: ReadonlySet<string> = new Set([
  FORMAT_KEY,
  FSID_KEY,
  SIZE_KEY,
  START_KEY,
  STRIPE_KEY,
  FIGURES_KEY,
]);

class Check {
  private readonly o: FsckOptions;
  private readonly damaged = new Set<string>();
  private relabelled: StoreLabel | undefined;
  private found = 0;
  private mended = 0;
  private objects = 0;
  private dataBytes = 0;

  constructor(options: FsckOptions) {
    this.o = options;
  }

  result(): FsckResult {
    const { objects, dataBytes, found, mended } = this;
    return { objects, dataBytes, found, mended };
  }

  private report(finding: Finding): void {
    this.found++;
    const { mend } = this.o;
    if (mend && (finding.mends === 'repair' || finding.mends === mend)) this.mended++;
    this.o.found(finding);
  }

  /** @returns undefined when the journal keeps everything else from being looked at */
  async open(): Promise<WideKeyValue | undefined> {
    const journal = (text: string) =>
      this.report({ text: `journal: ${text}; what came after is lost`, mends: 'discard' });
    const entry = (key: string) => void this.damaged.add(key);
    if (this.o.mend === 'discard') return openMetadata(this.o, { entry, journal });
    try {
      return await openMetadata(this.o, { entry });
    } catch (error) {
      if (!(error instanceof CephError) || error.code !== 'EIO') throw error;
      this.report({ text: error.message, mends: 'discard' });
      return undefined;
    }
  }

  /** Nothing can be said of a part of a device without knowing which: what lies elsewhere is another store's. */
  isPlaceLost(kv: WideKeyValue): boolean {
    const start = kv.get(START_KEY);
    const isLost = this.damaged.has(START_KEY) || (start && kv.get(SIZE_KEY) === undefined);
    if (isLost) this.report({ text: 'which part of its device it has is lost', mends: 'never' });
    return Boolean(isLost);
  }

  async run(kv: WideKeyValue, file: DiskFile): Promise<FsckResult> {
    const s = new Survey(kv, (finding) => this.report(finding));
    const isDiscarding = this.o.mend === 'discard';
    if (isEmpty(kv) && this.damaged.size === 0) {
      throw new CephError('ENOENT', `${this.o.path} holds no store: its making was cut short`);
    }
    this.identity(s, file);
    this.collectionNames(s);
    this.lookUpAll(s);
    this.damagedEntries(s, isDiscarding);
    const stored = storedFigures(s);
    const total = (stored?.ownedUnits ?? 0) * BLOCK_BYTES;
    const data = this.o.deep ? new DataCheck(s, file, this.o) : undefined;
    for (const seen of walkObjects(s, isDiscarding)) {
      if (this.o.isCancelled?.()) throw new CephError('EINTR', 'interrupted');
      await data?.object(seen, (bytes) => {
        this.dataBytes += bytes;
        this.o.progress?.(this.dataBytes, total);
      });
    }
    this.objects = s.figures.objects;
    checkPatches(s, this.o.crc32c);
    checkOmaps(s);
    checkBitmap(s);
    checkShared(s);
    unknownKeys(s);
    compareFigures(s, stored);
    checkCompressed(s);
    if (this.o.mend) {
      if (isDiscarding) await kv.discard([...this.damaged]);
      if (s.changes.size > 0) await kv.commit(s.changes);
      if (this.relabelled) await writeLabel(file, this.relabelled, this.o.crc32c);
    }
    return this.result();
  }

  private identity(s: Survey, file: DiskFile): void {
    const format = textAt(s.kv, FORMAT_KEY);
    if (format === '') {
      s.report('repair', 'the format of the store is lost');
      s.changes.set(FORMAT_KEY, Buffer.from(FORMAT));
    } else checkFormat(this.o.path, format);
    if (s.kv.get(FSID_KEY) === undefined) s.report('never', 'the name of the store is lost');
    const fileBytes = file.isDevice ? file.size() - (file.size() % BLOCK_BYTES) : file.size();
    const text = textAt(s.kv, SIZE_KEY);
    const sizeBytes = /^\d+$/.test(text) ? Number(text) : fileBytes;
    if (text === '') {
      s.report('repair', 'the size of the store is lost');
      s.changes.set(SIZE_KEY, Buffer.from(String(fileBytes)));
    } else if (file.isDevice ? sizeBytes > fileBytes : sizeBytes !== fileBytes) {
      s.report('never', `the data file has ${fileBytes} bytes, not ${sizeBytes}`);
    }
    s.units = Math.floor(sizeBytes / BLOCK_BYTES);
    if (this.damaged.has(STRIPE_KEY)) {
      s.report('repair', 'the width of stripes is lost');
      s.changes.set(STRIPE_KEY, null);
    }
    this.label(s, file, sizeBytes);
  }

  /** The label says again what the metadata say. */
  private label(s: Survey, file: DiskFile, sizeBytes: number): void {
    const label = readLabel(file, this.o.crc32c);
    const { fsid } = labelOf(s.kv);
    if (!label) {
      if (isUntouched(s.kv)) return; // its making was cut short, and opening it goes on with that
      s.report('repair', 'the label of the data file is damaged');
    } else if (label.fsid !== fsid) {
      s.report('never', `the data file is of store ${label.fsid}, not ${fsid}`);
      return;
    } else if (label.sizeBytes === sizeBytes && label.format === FORMAT) return;
    else s.report('repair', 'the label of the data file is of another size or format');
    this.relabelled = { fsid, format: FORMAT, sizeBytes };
  }

  /**
   * Reads every entry, so that damaged ones are known before anything is decided, and looks each up by its key: in a
   * tree whose inner nodes are damaged, an entry may be walked to and yet not be found.
   */
  private lookUpAll(s: Survey): void {
    for (const { key } of s.kv.range('', '\xff')) {
      if (s.kv.sizeOf(key) !== undefined) continue;
      s.report('never', `${keyText(key, s.collections)} is there and not found by its key`);
    }
  }

  private collectionNames(s: Survey): void {
    for (const { key, value } of s.kv.range('C', 'D')) {
      const name = key.slice(1);
      try {
        const place = decodePlace(value);
        const other = s.collections.add(name, place);
        if (other !== undefined) {
          s.report('never', `collection ${name}: what may be in it may be in ${other} too`);
        } else s.sawId(place.space);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        s.report('never', `collection ${name}: ${error.message}`);
      }
    }
  }

  /** What the key/value store brought back wrong: nothing of it was taken for true. */
  private damagedEntries(s: Survey, isDiscarding: boolean): void {
    for (const key of this.damaged) {
      if (SYSTEM_KEYS.has(key)) continue; // reported where they are needed
      const isCounted = /^[BRGP]/.test(key); // can be counted again
      s.report(isCounted ? 'repair' : 'discard', `${keyText(key, s.collections)} is damaged`);
      if (isCounted) s.changes.set(key, null);
      else if (!isDiscarding) s.hasUnreadable = true;
    }
  }
}

function isEmpty(kv: WideKeyValue): boolean {
  for (const _ of kv.range('', '\xff', { keysOnly: true })) return false;
  return true;
}

function storedFigures(s: Survey): Figures | undefined {
  const bytes = s.kv.get(FIGURES_KEY);
  try {
    return bytes && decodeFigures(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}

function unknownKeys(s: Survey): void {
  for (const key of keysBeside(s.kv, 'BCDGMOPRS')) {
    s.report('never', `key ${JSON.stringify(key)} is of no known kind`);
  }
}

function* keysBeside(kv: WideKeyValue, kinds: string): Generator<string> {
  let from = '';
  for (const kind of [...kinds, '\xff']) {
    for (const { key } of kv.range(from, kind, { keysOnly: true })) yield key;
    from = String.fromCharCode(kind.charCodeAt(0) + 1);
  }
}

/** Holds what is counted of compression against what objects have. After all objects were walked. */
function checkCompressed(s: Survey): void {
  const stored = new Map<string, Uint8Array>();
  for (const { key, value } of s.kv.range('P', 'Q')) stored.set(key, value);
  for (const pool of s.compressed.keys()) {
    const key = compressedKey(pool);
    const old = stored.get(key);
    stored.delete(key);
    const record = s.compressed.record(pool);
    if (record === null || (old && Buffer.compare(old, record) === 0)) continue;
    s.report('repair', `${keyText(key, s.collections)} is not what is counted`);
    s.changes.set(key, record);
  }
  for (const key of stored.keys()) {
    s.report('repair', `${keyText(key, s.collections)} is for nothing`);
    s.changes.set(key, null);
  }
}

function compareFigures(s: Survey, stored: Figures | undefined): void {
  if (!stored) s.report('repair', 'the figures of the store are lost');
  else {
    // Numbers may have been given to what is gone since.
    s.figures.nextId = Math.max(s.figures.nextId, stored.nextId);
    const wrong = (Object.keys(stored) as (keyof Figures)[]).filter(
      (k) => stored[k] !== s.figures[k],
    );
    if (wrong.length === 0) return;
    const texts = wrong.map((k) => `${k} ${stored[k]}, counted ${s.figures[k]}`);
    s.report('repair', `figures: ${texts.join('; ')}`);
  }
  s.changes.set(FIGURES_KEY, encodeFigures(s.figures));
}
