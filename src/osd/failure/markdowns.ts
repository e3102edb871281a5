/**
 * Counts how often others had this OSD marked down while it lived: one that flaps does more harm than one that is gone.
 * Source: osd_markdown_log of OSD::_committed_osd_maps, release 16.2.
 */
export class Markdowns {
  private readonly timesMs: number[] = [];

  /**
   * It happened again.
   * @param max osd_max_markdown_count
   * @param periodSeconds osd_max_markdown_period
   * @returns why the OSD should stop, or undefined
   */
  add(nowMs: number, max: number, periodSeconds: number): string | undefined {
    const { timesMs } = this;
    timesMs.push(nowMs);
    while (timesMs[0]! < nowMs - 1000 * periodSeconds) timesMs.shift();
    if (timesMs.length <= max) return undefined;
    return `marked down ${timesMs.length} > osd_max_markdown_count ${max} in last ${periodSeconds} seconds, shutting down`;
  }

  /** Whether it happened within the period. */
  isRecent(nowMs: number, periodSeconds: number): boolean {
    const last = this.timesMs[this.timesMs.length - 1];
    return last !== undefined && last >= nowMs - 1000 * periodSeconds;
  }
}
