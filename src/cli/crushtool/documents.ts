import { type CrushMap, crushMapFromDocument, crushMapToDocument } from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
import { ToolFailure, type ToolIo } from '../tool-io.ts';
import { ME, readText, writeText } from './files.ts';
import type { Request } from './request.ts';
import { crushDocumentFromXml, crushDocumentToXml } from './xml.ts';

/** The map in a JSON file, as {@link exportDocuments} or `ceph osd crush dump` writes it. @throws ToolFailure */
export function importJson(path: string, io: ToolIo): CrushMap {
  return imported(path, readText(path, io), (text) => JSON.parse(text));
}

/** The map in an XML file. @throws ToolFailure */
export function importXml(path: string, io: ToolIo): CrushMap {
  return imported(path, readText(path, io), crushDocumentFromXml);
}

function imported(path: string, text: string, parse: (text: string) => unknown): CrushMap {
  try {
    return crushMapFromDocument(parse(text));
  } catch (e) {
    if (!(e instanceof CephError || e instanceof SyntaxError)) throw e;
    throw new ToolFailure(`${ME}: unable to read ${path}: ${e.message}`);
  }
}

/** Writes the documents asked for. @throws ToolFailure */
export function exportDocuments(map: CrushMap, r: Request, io: ToolIo): void {
  if (r.exportJson !== undefined) {
    writeText(r.exportJson, `${JSON.stringify(crushMapToDocument(map), undefined, 2)}\n`, io);
  }
  if (r.exportXml === undefined) return;
  try {
    writeText(r.exportXml, crushDocumentToXml(crushMapToDocument(map)), io);
  } catch (e) {
    if (e instanceof CephError) throw new ToolFailure(`${ME}: ${e.message}`);
    throw e;
  }
}
