import { expect, it } from 'vitest';
import { makeWorld } from './mon-world.ts';

const EINVAL = -22;
const ENOENT = -2;

// Results and texts were taken from a monitor of release 16.2.15, in this order.
const SET: readonly [variable: string, value: string, result: number, text: string][] = [
  ['mode', 'bogus', EINVAL, "unrecognized compression mode 'bogus'"],
  ['mode', 'none', 0, ''],
  ['mode', 'force', 0, ''],
  ['mode', '0', EINVAL, "unrecognized compression mode '0'"],
  ['algorithm', 'bogus', EINVAL, "unrecognized compression_algorithm 'bogus'"],
  ['algorithm', 'none', 0, ''],
  ['algorithm', 'brotli', EINVAL, "unrecognized compression_algorithm 'brotli'"],
  ['algorithm', 'zstd', 0, ''],
  ['algorithm', 'lz4', 0, ''],
  ['required_ratio', '2', EINVAL, "compression_required_ratio is out of range (0-1): '2'"],
  ['required_ratio', '-1', EINVAL, "compression_required_ratio is out of range (0-1): '-1'"],
  [
    'required_ratio',
    'x',
    EINVAL,
    "error parsing float value 'x': strict_strtod: expected double, got: 'x'",
  ],
  ['required_ratio', '.5', 0, ''],
  ['max_blob_size', '64K', 0, ''],
  ['max_blob_size', '-5', 0, ''],
  ['max_blob_size', '131072', 0, ''],
  [
    'min_blob_size',
    'x1',
    EINVAL,
    "error parsing int value 'x1': strict_iecstrtoll: unit prefix not recognized",
  ],
  ['min_blob_size', '8192', 0, ''],
];

async function poolWorld() {
  const w = await makeWorld();
  await w.run('osd pool create', { pool: 'p' });
  const set = async (name: string, val: string) => {
    const { result, status } = await w.run('osd pool set', {
      pool: 'p',
      var: `compression_${name}`,
      val,
    });
    return { result, status };
  };
  const get = async (name: string) => {
    const { result, status, output } = await w.run('osd pool get', { pool: 'p', var: name });
    return result === 0 ? String(output) : status;
  };
  return { w, set, get };
}

it('compression of a pool is set with the answers of Ceph', async () => {
  const { set, get } = await poolWorld();
  expect(await get('compression_mode')).toBe("option 'compression_mode' is not set on pool 'p'");
  for (const [name, value, result, text] of SET) {
    const status = text === '' ? `set pool 1 compression_${name} to ${value}` : text;
    expect({ name, value, ...(await set(name, value)) }).toEqual({ name, value, result, status });
  }
  expect(await get('all')).toContain(
    'compression_mode: force\ncompression_algorithm: lz4\ncompression_required_ratio: 0.5\ncompression_max_blob_size: 131072\ncompression_min_blob_size: 8192\npg_autoscale_mode:',
  );
});

it('compression of a pool is left to the OSDs again', async () => {
  const { w, set, get } = await poolWorld();
  await set('mode', 'force');
  await set('required_ratio', '.5');
  expect(await set('mode', 'unset')).toEqual({
    result: 0,
    status: 'unset pool 1 compression_mode',
  });
  await set('required_ratio', '0');
  for (const name of ['compression_mode', 'compression_required_ratio']) {
    expect(await get(name)).toBe(`option '${name}' is not set on pool 'p'`);
    expect((await w.run('osd pool get', { pool: 'p', var: name })).result).toBe(ENOENT);
  }
  expect(await set('min_blob_size', 'unset')).toEqual({
    result: EINVAL,
    status: "error parsing int value 'unset': strict_iecstrtoll: illegal prefix (length > 2)",
  });
  expect(w.state().osdmap.poolByName('p')?.pool.options.values.size).toBe(0);
});
