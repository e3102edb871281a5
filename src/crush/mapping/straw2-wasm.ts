import type { Straw2Draw } from './straw2-draw.ts';
import { straw2DrawTables } from './straw2-log.ts';
import { LOGS_AT, PAGE, RANKS_AT, straw2Module, TABLES_END } from './straw2-module.ts';

/** What is used of the host's WebAssembly, which no library of types describes for every host. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: Straw2Exports };
}
interface Straw2Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  draw(ids: number, weights: number, size: number, x: number, r: number): number;
  drawEven(ids: number, size: number, x: number, r: number): number;
  drawStraw(ids: number, weights: number, size: number, x: number, r: number): number;
}

/** What an instance of the module has room for beyond its tables, unless one map needs more. */
const ROOM = 0x400000;

/**
 * An instance of the module with its tables, whose memory takes the layouts of many maps one behind the other, for a
 * memory is dear: the host keeps gigabytes of addresses free for each. It goes when all of these maps have gone.
 */
class Hall {
  readonly exports: Straw2Exports;
  readonly buffer: ArrayBuffer;
  private used = TABLES_END;

  constructor(wasm: Wasm, module: object, room: number) {
    this.exports = new wasm.Instance(module).exports;
    this.exports.memory.grow(Math.ceil(room / PAGE));
    // Growing replaces the buffer, so it never grows again.
    this.buffer = this.exports.memory.buffer;
    const { logs, ranks } = straw2DrawTables();
    new Uint16Array(this.buffer, RANKS_AT, ranks.length).set(ranks);
    new Float64Array(this.buffer, LOGS_AT, logs.length).set(logs);
  }

  /** @returns where so many bytes begin, at a multiple of 16; undefined when there is no more room for them */
  take(bytes: number): number | undefined {
    const at = this.used;
    if (at + bytes > this.buffer.byteLength) return undefined;
    this.used = at + Math.ceil(bytes / 16) * 16;
    return at;
  }
}

/** The compiled module; null where the host cannot compile it. */
let compiled: { readonly wasm: Wasm; readonly module: object } | null | undefined;
let hall: Hall | undefined;

function compile(): { readonly wasm: Wasm; readonly module: object } | null {
  const wasm = (globalThis as { WebAssembly?: Wasm }).WebAssembly;
  if (!wasm) return null;
  try {
    return { wasm, module: new wasm.Module(straw2Module()) };
  } catch {
    return null; // an engine without vector instructions, or a page that may not compile
  }
}

/** The draws in WebAssembly: four items at once, on a layout inside its memory. */
export class WasmStraw2 implements Straw2Draw {
  readonly ids: Int32Array;
  readonly weights: Float64Array;
  private readonly exports: Straw2Exports;
  private readonly idBase: number;
  private readonly weightBase: number;

  private constructor({ exports, buffer }: Hall, at: number, idCount: number, weightCount: number) {
    this.exports = exports;
    this.weightBase = at;
    this.idBase = at + weightCount * 8;
    this.weights = new Float64Array(buffer, this.weightBase, weightCount);
    this.ids = new Int32Array(buffer, this.idBase, idCount);
  }

  /** @returns undefined where the host has no WebAssembly with vectors, or no memory for it */
  static create(idCount: number, weightCount: number): WasmStraw2 | undefined {
    if (compiled === undefined) compiled = compile();
    if (!compiled) return undefined;
    const bytes = weightCount * 8 + idCount * 4;
    let at = hall?.take(bytes);
    if (!hall || at === undefined) {
      try {
        hall = new Hall(compiled.wasm, compiled.module, Math.max(ROOM, bytes));
      } catch {
        return undefined;
      }
      at = hall.take(bytes)!;
    }
    return new WasmStraw2(hall, at, idCount, weightCount);
  }

  draw(ids: number, weights: number, size: number, x: number, r: number): number {
    return this.exports.draw(this.idBase + ids * 4, this.weightBase + weights * 8, size, x, r);
  }

  drawEven(ids: number, size: number, x: number, r: number): number {
    return this.exports.drawEven(this.idBase + ids * 4, size, x, r);
  }

  drawStraw(ids: number, weights: number, size: number, x: number, r: number): number {
    return this.exports.drawStraw(this.idBase + ids * 4, this.weightBase + weights * 8, size, x, r);
  }
}
