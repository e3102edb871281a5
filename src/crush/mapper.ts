import type { CrushMap } from './types.ts';

export class CrushMapper {
  constructor(map: CrushMap) {
    void map;
  }
  run(
    _ruleId: number,
    _x: number,
    _resultMax: number,
    _weights: ArrayLike<number>,
    _chooseArgsKey?: number,
  ): number[] {
    return [];
  }
  /** Returns the length of the result, which `out` begins with. */
  runInto(
    _ruleId: number,
    _x: number,
    _resultMax: number,
    _weights: ArrayLike<number>,
    _out: Int32Array,
    _chooseArgsKey?: number,
  ): number {
    return 0;
  }
}
