import { formatValue, type Json } from '../../codec/index.ts';
import {
  healthChecksJson,
  osdHealthChecks,
  osdMapJson,
  osdMapText,
  osdTreeJson,
  osdTreeText,
  poolHealthChecks,
} from '../../maps/index.ts';
import type { ToolIo } from '../tool-io.ts';
import type { Request, ShowFormat } from './request.ts';
import type { WorkingMap } from './working-map.ts';

/** --health, --print, --dump and --tree. */
export function show(r: Request, { osdmap }: WorkingMap, io: ToolIo): void {
  if (r.health) {
    const checks = [...osdHealthChecks(osdmap), ...poolHealthChecks(osdmap)];
    io.out(json(healthChecksJson(checks), 'json-pretty'));
  }
  if (r.print === 'plain') io.out(osdMapText(osdmap, '\n'));
  else if (r.print) io.out(json(osdMapJson(osdmap), r.print));
  if (r.tree === 'plain') io.out(osdTreeText(osdmap));
  else if (r.tree) io.out(`${json(osdTreeJson(osdmap), r.tree)}\n`);
}

/** Only the form for people ends its last line. */
function json(value: Json, format: ShowFormat): string {
  return format === 'json' ? formatValue(value, false) : `${formatValue(value, true)}\n`;
}
