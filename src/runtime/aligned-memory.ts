import { sharedMemory } from './shards.ts';

/** Part of every JavaScript engine, but of no TypeScript library without a browser's. */
declare const WebAssembly: {
  readonly Memory: new (size: {
    initial: number;
    maximum: number;
    shared?: boolean;
  }) => {
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
  };
};

const WASM_PAGE_BYTES = 65_536;
/** What devices and file systems want places, lengths and memory to be multiples of: the largest common block. */
export const ALIGN_BYTES = 4096;

const aligned = new WeakSet<ArrayBufferLike>();

/**
 * Memory that begins at a page of the machine, which a device can read and write by itself. JavaScript's own buffers
 * begin anywhere; those of a WebAssembly memory do not. Pages that nobody touches cost nothing but addresses, of which
 * the engine reserves some GiB for each: worth it for MiB that are used again and again.
 *
 * @param length rounded up to 64 KiB
 */
export function alignedMemory(length: number): Buffer {
  return memory(length, false) ?? Buffer.allocUnsafeSlow(length);
}

/** Like {@link alignedMemory}, for all threads of the process to see. */
export function sharedAlignedMemory(length: number): Buffer {
  return memory(length, true) ?? sharedMemory(length);
}

function memory(length: number, shared: boolean): Buffer | undefined {
  const pages = Math.ceil(length / WASM_PAGE_BYTES);
  try {
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    markPageStart(buffer);
    return Buffer.from(buffer);
  } catch {
    // No room for the reservation, as under a limit on addresses: then bytes are copied on their way to a device.
    return undefined;
  }
}

/** This memory begins at a page: known of a shared one that another thread has made. */
export function markPageStart(buffer: ArrayBufferLike): void {
  aligned.add(buffer);
}

/** Whether memory begins at a page, as far as this thread knows. */
export function isPageStart(buffer: ArrayBufferLike): boolean {
  return aligned.has(buffer);
}

/** Whether a device can take these bytes as they lie. */
export function isAligned(bytes: Uint8Array): boolean {
  return (
    bytes.byteOffset % ALIGN_BYTES === 0 &&
    bytes.length % ALIGN_BYTES === 0 &&
    isPageStart(bytes.buffer)
  );
}
