export * from '../../sim/disk.ts';
