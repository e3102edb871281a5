import type { DirectMode, DiskFile } from '../runtime/index.ts';

/** A range of a block device, as if it were one by itself: what each shard of an OSD has of the OSD's device. */
export class DevicePart implements DiskFile {
  readonly isDevice = true;
  private readonly device: DiskFile;
  private readonly start: number;
  private readonly sizeBytes: number;

  /** @param device belongs to the part from now on */
  constructor(device: DiskFile, start: number, sizeBytes: number) {
    this.device = device;
    this.start = start;
    this.sizeBytes = sizeBytes;
  }

  get path(): string {
    return this.device.path;
  }

  readSync(into: Uint8Array, offset: number): number {
    return this.device.readSync(this.within(into, offset), this.start + offset);
  }

  read(into: Uint8Array, offset: number, use?: 'once'): Promise<number> {
    return this.device.read(this.within(into, offset), this.start + offset, use);
  }

  write(buffers: readonly Uint8Array[], offset: number, use?: 'once'): Promise<void> {
    return this.device.write(buffers, this.start + offset, use);
  }

  writeThrough(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    return this.device.writeThrough(buffers, this.start + offset);
  }

  sync(): Promise<void> {
    return this.device.sync();
  }

  setDirect(mode: DirectMode): void {
    this.device.setDirect(mode);
  }

  truncate(size: number): Promise<void> {
    return this.device.truncate(size);
  }

  size(): number {
    return Math.max(0, Math.min(this.sizeBytes, this.device.size() - this.start));
  }

  close(): Promise<void> {
    return this.device.close();
  }

  private within(into: Uint8Array, offset: number): Uint8Array {
    const left = Math.max(0, this.size() - offset);
    return into.length <= left ? into : into.subarray(0, left);
  }
}
