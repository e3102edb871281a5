import type { Run } from './run.ts';

/** Objects of so many bytes, this many at a time, for so many seconds in one go. */
const WORDS = ['-b', '4096', '-t', '4', '--no-cleanup'];
const SECONDS = '3';

/** Debian's `rados bench` writes, one go after another; at the end it reads what it wrote, and compares. */
export class BenchLoad {
  private readonly run: Run;
  private readonly pool: string;
  private readonly names: string[] = [];
  /** Objects that there must be: one of each write, and what a go has to remember of itself. */
  objects = 0;

  constructor(run: Run, pool: string) {
    this.run = run;
    this.pool = pool;
  }

  async work(): Promise<void> {
    while (!this.run.isOver) await this.go();
  }

  private async go(): Promise<void> {
    const name = `go.${this.names.length}`;
    const said = await this.rados(SECONDS, 'write', ...WORDS, '--run-name', name);
    const writes = Number(/^Total writes made: +(\d+)$/m.exec(said ?? '')?.[1] ?? 0);
    if (writes === 0) return this.run.fail(`rados bench wrote nothing: ${said}`);
    this.names.push(name);
    this.objects += writes + 1;
    this.run.count('writes of rados bench', writes);
  }

  async verify(): Promise<void> {
    for (const name of this.names) {
      const said = await this.rados('60', 'seq', '-t', '8', '--run-name', name);
      if (said && !/^Total reads made: +[1-9]/m.test(said)) this.run.fail(`not all read: ${said}`);
    }
    const { stdout } = await this.run.tool('rados', '-p', this.pool, 'ls');
    const listed = new Set(stdout.split('\n').filter(Boolean)).size;
    if (listed !== this.objects) {
      this.run.fail(`${listed} objects of rados bench are listed, of ${this.objects}`);
    }
  }

  private async rados(...words: string[]): Promise<string | undefined> {
    const { code, stdout, stderr } = await this.run.tool(
      ...['rados', '-p', this.pool, 'bench'],
      ...words,
    );
    // `seq` says so of an object that is not as it was written, and ends well.
    if (code === 0 && !/is not correct|error/i.test(stdout + stderr)) return stdout;
    this.run.fail(`rados bench ${words.join(' ')}: ${code} ${stderr.trim()} ${stdout.trim()}`);
    return undefined;
  }
}
