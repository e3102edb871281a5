import { general } from '../../codec/index.ts';
import { currentWeight, editMany, reweightItem, weightOf } from '../../crush/index.ts';
import { OSD_STATE, WEIGHT_ONE } from '../../maps/index.ts';
import { ToolFailure, type ToolIo } from '../tool-io.ts';
import { ME, readCrush, writeBytes } from './files.ts';
import type { Request } from './request.ts';
import { USAGE } from './usage.ts';
import { leadingNumber } from './words.ts';
import type { WorkingMap } from './working-map.ts';

/** Marks OSDs, as asked. */
export function markOsds(r: Request, map: WorkingMap, io: ToolIo): void {
  if (r.markUpIn) markAllUpIn(map, io);
  const has = (osd: number | undefined): osd is number =>
    osd !== undefined && osd >= 0 && osd < map.data.maxOsd;
  if (has(r.markOut)) {
    io.out(`marking OSD@${r.markOut} as out\n`);
    map.setOsd(r.markOut, OSD_STATE.up, 0);
  }
  if (has(r.markUp)) {
    io.out(`marking OSD@${r.markUp} as up\n`);
    map.setOsd(r.markUp, OSD_STATE.up);
  }
  if (has(r.markIn)) {
    // Ceph's tool takes the OSD of --mark-up here, and does not end when there is none.
    io.out(`marking OSD@${r.markIn} as in\n`);
    map.setOsd(r.markIn, OSD_STATE.exists, WEIGHT_ONE);
  }
}

function markAllUpIn(map: WorkingMap, io: ToolIo): void {
  io.out('marking all OSDs up and in\n');
  const { osdState, osdWeight } = map.data;
  map.set({
    osdState: osdState.map((bits) => bits | OSD_STATE.up | OSD_STATE.exists),
    osdWeight: osdWeight.map(() => WEIGHT_ONE),
  });
  map.editCrush((crush) =>
    editMany(crush, () => {
      for (let osd = 0; osd < osdWeight.length; osd++) {
        if (currentWeight(crush, osd) === 0) reweightItem(crush, osd, weightOf(1));
      }
    }),
  );
}

/** Sets CRUSH weights: `0:1.5,3:0`. @throws ToolFailure */
export function adjustCrushWeights(r: Request, map: WorkingMap, io: ToolIo): void {
  for (const word of r.crushWeights.split(',').filter((w) => w !== '')) {
    const at = word.indexOf(':');
    if (at < 0) {
      io.err(`${ME}: use ':' as separator of osd id and its weight\n`);
      io.out(USAGE);
      throw new ToolFailure('');
    }
    const osd = leadingNumber('--adjust-crush-weight', word.slice(0, at));
    const weight = Math.fround(Number.parseFloat(word.slice(at + 1)));
    if (Number.isNaN(weight)) {
      throw new ToolFailure(`${ME}: --adjust-crush-weight: no weight in '${word}'`);
    }
    map.editCrush((crush) => {
      if (currentWeight(crush, osd) !== undefined) reweightItem(crush, osd, weightOf(weight));
    });
    io.out(`Adjusted osd.${osd} CRUSH weight to ${general(weight)}\n`);
    if (r.save) {
      map.advance();
      map.modified = true;
    }
  }
}

/** Forgets temporary mappings. */
export function clearTemps(r: Request, map: WorkingMap, io: ToolIo): void {
  if (r.clearTemp) {
    io.out('clearing pg/primary temp\n');
    map.set({ pgTemp: new Map(), primaryTemp: new Map() });
  }
  // Ceph's tool looks for what could go and keeps it.
  if (r.cleanTemps) io.out('cleaning pg temps\n');
}

/** Takes the CRUSH map of a file. @throws ToolFailure */
export function importCrush(r: Request, map: WorkingMap, io: ToolIo): void {
  if (r.importCrush === '') return;
  const { bytes, maxDevices } = readCrush(r.importCrush);
  if (maxDevices > map.data.maxOsd) {
    throw new ToolFailure(
      `${ME}: crushmap max_devices ${maxDevices} > osdmap max_osd ${map.data.maxOsd}`,
    );
  }
  map.advance({ crush: bytes });
  io.out(`${ME}: imported ${bytes.length} byte crush map from ${r.importCrush}\n`);
  map.modified = true;
}

/** Writes the map's CRUSH map. @throws ToolFailure */
export function exportCrush(r: Request, map: WorkingMap, io: ToolIo): void {
  if (r.exportCrush === '') return;
  if (writeBytes(r.exportCrush, map.crushBytes(), io) !== undefined) {
    // The name missing here is missing in Ceph's message too.
    throw new ToolFailure(`${ME}: error writing crush map to ${r.importCrush}`);
  }
  io.out(`${ME}: exported crush map to ${r.exportCrush}\n`);
}
