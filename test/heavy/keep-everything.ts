/**
 * Stores all of a directory tree (default /usr/include) and one large file with Debian's `rados put` and with our
 * client, kills every process with SIGKILL in the middle of a second pass, starts the cluster again and reads
 * everything back: what was acknowledged is byte-identical, what was under way is old or new, and each name is listed
 * once. Run: npm run verify:crash -- [--tree DIR] [--large MiB] [--rounds N]
 */
import { createHash, randomFillSync } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type Pool, type Rados } from '../../src/client/index.ts';
import { runTool } from '../support/differential.ts';
import { ClusterFolder, sepiola } from '../support/sepiola.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { values } = parseArgs({
  options: {
    tree: { type: 'string', default: '/usr/include' },
    large: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '1' },
  },
});
const CHUNK = 4 << 20;
const work = tempFolder('keep');
const cluster = new ClusterFolder();

function filesOf(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((e) => {
    const path = join(dir, e.name);
    return e.isDirectory() ? filesOf(path) : lstatSync(path).isFile() ? [path] : [];
  });
}

const digest = (b: Uint8Array): string => createHash('sha256').update(b).digest('hex');
const say = (text: string): void =>
  console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);

async function mustRun(...argv: string[]): Promise<void> {
  const r = await runTool(cluster.conf, argv, { timeoutMs: 600_000 });
  if (r.code !== 0) throw new Error(`${argv.join(' ')}: ${r.code} ${r.stderr}`);
}

async function eachInParallel<T>(
  items: readonly T[],
  width: number,
  f: (t: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await f(items[next++]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** What an object may hold: after an acknowledged write one digest, after an unanswered one the old or the new. */
type Expected = Map<string, Set<string>>;

async function putWithRados(tree: string[], expected: Expected): Promise<void> {
  await eachInParallel(tree, 4, async (path) => {
    await mustRun('rados', '-p', 'keep', '-N', 'rados', 'put', path, path);
    expected.set(`rados ${path}`, new Set([digest(readFileSync(path))]));
  });
}

async function putLarge(pool: Pool, name: string, data: Buffer): Promise<void> {
  const object = pool.object(name);
  for (let at = 0; at < data.length; at += CHUNK) {
    await object.write(data.subarray(at, at + CHUNK), { offset: at });
  }
}

async function putWithClient(rados: Rados, tree: string[], expected: Expected): Promise<void> {
  const pool = (await rados.pool('keep')).in('client');
  await eachInParallel(tree, 32, async (path) => {
    const data = readFileSync(path);
    await pool.object(path).writeFull(data);
    expected.set(`client ${path}`, new Set([digest(data)]));
  });
}

/** Writes again, with other content, until the kill makes writes fail. */
async function secondPass(
  rados: Rados,
  tree: string[],
  expected: Expected,
  killAt: number,
): Promise<number> {
  const pool = (await rados.pool('keep')).in('client');
  let acknowledged = 0;
  let dead = false;
  const viaRados = eachInParallel(tree, 2, async (path) => {
    if (dead) return;
    const data = Buffer.concat([readFileSync(path), Buffer.from(`second pass of ${path}`)]);
    const file = join(work, digest(Buffer.from(path)));
    writeFileSync(file, data);
    const key = `rados ${path}`;
    const before = expected.get(key)!;
    expected.set(key, new Set([...before, digest(data)]));
    const r = await runTool(
      cluster.conf,
      ['rados', '-p', 'keep', '-N', 'rados', 'put', path, file],
      { timeoutMs: 5_000 },
    );
    rmSync(file);
    if (r.code === 0) {
      expected.set(key, new Set([digest(data)]));
      acknowledged++;
    }
  });
  const viaClient = eachInParallel(tree, 16, async (path) => {
    if (dead) return;
    const data = Buffer.concat([readFileSync(path), Buffer.from(`second pass of ${path}`)]);
    const key = `client ${path}`;
    const before = expected.get(key)!;
    expected.set(key, new Set([...before, digest(data)]));
    try {
      await pool.object(path).writeFull(data, { timeoutMs: 3_000 });
    } catch {
      return; // not answered: old or new
    }
    expected.set(key, new Set([digest(data)]));
    if (++acknowledged >= killAt && !dead) {
      dead = true;
      cluster.kill();
    }
  });
  await Promise.all([viaRados, viaClient]);
  return acknowledged;
}

async function verify(rados: Rados, expected: Expected): Promise<void> {
  const pool = await rados.pool('keep');
  const listed = new Map<string, number>();
  for await (const o of pool.objects({ namespace: '\x01' })) {
    const key = `${o.namespace} ${o.name}`;
    listed.set(key, (listed.get(key) ?? 0) + 1);
  }
  const wrong: string[] = [];
  await eachInParallel([...expected], 16, async ([key, allowed]) => {
    const [namespace, name] = [key.slice(0, key.indexOf(' ')), key.slice(key.indexOf(' ') + 1)];
    if (listed.get(key) !== 1) wrong.push(`${key} is listed ${listed.get(key) ?? 0} times`);
    const hash = createHash('sha256');
    const object = pool.in(namespace).object(name);
    const { size } = await object.stat();
    for (let at = 0; at < size; at += CHUNK)
      hash.update(await object.read({ offset: at, length: CHUNK }));
    if (!allowed.has(hash.digest('hex'))) wrong.push(`${key} has other bytes`);
  });
  for (const key of listed.keys()) if (!expected.has(key)) wrong.push(`${key} was never written`);
  if (wrong.length > 0) throw new Error(`${wrong.length} wrong:\n${wrong.slice(0, 20).join('\n')}`);
  say(`verified: ${expected.size} objects byte-identical, each listed once`);
}

async function up(): Promise<void> {
  const started = performance.now();
  const r = await sepiola('up', cluster.dir, '--detach');
  if (r.code !== 0) throw new Error(r.stderr);
  say(`cluster healthy after ${((performance.now() - started) / 1000).toFixed(2)} s`);
}

try {
  const tree = filesOf(values.tree);
  const expected: Expected = new Map();
  await up();
  await mustRun('ceph', 'osd', 'pool', 'create', 'keep', '16');
  await mustRun('ceph', 'osd', 'pool', 'application', 'enable', 'keep', 'rados');
  // An object may be as large as osd_max_object_size; Ceph's default of 128 MiB would refuse the large file.
  await mustRun('ceph', 'config', 'set', 'osd', 'osd_max_object_size', String(8 * 2 ** 30));
  say(`storing ${tree.length} files of ${values.tree} with rados put`);
  await putWithRados(tree, expected);
  const large = Buffer.alloc(Number(values.large) << 20);
  for (let at = 0; at < large.length; at += 1 << 30)
    randomFillSync(large, at, Math.min(1 << 30, large.length - at));
  const largeFile = join(work, 'large');
  writeFileSync(largeFile, large);
  let started = performance.now();
  await mustRun('rados', '-p', 'keep', '-N', 'rados', 'put', 'large', largeFile);
  expected.set('rados large', new Set([digest(large)]));
  say(
    `${values.large} MiB with rados put in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  let rados = await connect({ conf: cluster.conf });
  say(`storing ${tree.length} files of ${values.tree} with our client`);
  started = performance.now();
  await putWithClient(rados, tree, expected);
  say(`stored in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  started = performance.now();
  await putLarge((await rados.pool('keep')).in('client'), 'large', large);
  expected.set('client large', new Set([digest(large)]));
  say(
    `${values.large} MiB with our client in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  await verify(rados, expected);
  for (let round = 1; round <= Number(values.rounds); round++) {
    const n = await secondPass(rados, tree, expected, Math.floor(tree.length / 2));
    say(`round ${round}: killed all processes; ${n} writes of this pass were acknowledged`);
    await rados.close();
    await up();
    rados = await connect({ conf: cluster.conf });
    await verify(rados, expected);
  }
  await rados.close();
} finally {
  await cluster.clear();
  rmSync(work, { recursive: true, force: true });
}
