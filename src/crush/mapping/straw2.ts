import { PortableStraw2, type Straw2Draw } from './straw2-draw.ts';
import { WasmStraw2 } from './straw2-wasm.ts';

/** What draws: `wasm` computes four items at once, `js` runs everywhere; both give the same. */
export type Straw2Engine = 'wasm' | 'js';

/**
 * Makes room for so many ids and weights.
 * @param engine left out: WebAssembly where the host has it with vectors, else JavaScript
 */
export function straw2Draw(
  idCount: number,
  weightCount: number,
  engine?: Straw2Engine,
): Straw2Draw {
  const wasm = engine === 'js' ? undefined : WasmStraw2.create(idCount, weightCount);
  if (engine === 'wasm' && !wasm) throw new TypeError('this host has no WebAssembly with vectors');
  return wasm ?? new PortableStraw2(idCount, weightCount);
}
