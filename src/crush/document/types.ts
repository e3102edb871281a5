/**
 * A CRUSH map as plain values, for JSON and XML: what `ceph osd crush dump` prints, and beside it whatever does not follow
 * from that. Fields that a map made by Ceph rarely has are absent then; a document without them has what follows from the
 * rest, so the output of the command itself is a document too.
 */
export interface CrushDocument {
  /** All ids below the limit of devices. */
  devices: DeviceDocument[];
  types: { type_id: number; name: string }[];
  /** Shadow buckets too: `NAME~CLASS`. */
  buckets: BucketDocument[];
  rules: RuleDocument[];
  /** The eight tunables; what the command derives from them is not read. */
  tunables: TunablesDocument;
  /** By pool id, `-1` for all others. */
  choose_args: Record<string, ChooseArgDocument[]>;
  /** Classes in use and their ids. Else: in the order in which devices and shadows have them. */
  classes?: { class_id: number; name: string }[];
  /** Slots for buckets. Else: 8, doubled until the ids fit. */
  max_buckets?: number;
  /** Limit of device ids. Else: as the devices listed and held need. */
  max_devices?: number;
  /** Slots for rules. Else: as many as the ids need. */
  max_rules?: number;
  /** All names of items, when some are of items that are not there. */
  item_names?: { id: number; name: string }[];
  /** All names of rules, when some are of rules that are not there. */
  rule_names?: { rule_id: number; name: string }[];
  /** The class of every item. Else: of devices as they say, of shadow buckets by their names. */
  item_classes?: { id: number; class_id: number }[];
  /** The shadows of every bucket. Else: by their names. */
  class_buckets?: { id: number; shadows: { class_id: number; id: number }[] }[];
}

interface DeviceDocument {
  id: number;
  /** `deviceN` stands for no name. */
  name: string;
  class?: string;
  /** For a device that really has the name `deviceN`. */
  named?: boolean;
}

export interface BucketDocument {
  id: number;
  name?: string;
  type_id: number;
  type_name?: string;
  /** 16.16, as all weights but those of weight sets. */
  weight: number;
  alg: string;
  /** `rjenkins1` or `unknown`. */
  hash: string;
  hash_id?: number;
  items: { id: number; weight: number; pos: number }[];
  /** What the algorithm keeps beside the weights, when it is not what it would be for a new bucket. */
  item_weight?: number;
  sums?: number[];
  node_weights?: number[];
  straws?: number[];
}

interface RuleDocument {
  rule_id: number;
  /** Empty for none. */
  rule_name: string;
  ruleset: number;
  type: number;
  min_size: number;
  max_size: number;
  steps: StepDocument[];
}

/**
 * A step by its `op`: `take` has `item`, the choices `num` and `type` (a name), `set_...` has `num`; others have an
 * `opcode`. The arguments stand beside it when these words do not say them all.
 */
export interface StepDocument {
  op?: string;
  opcode?: number;
  item?: number;
  item_name?: string;
  num?: number;
  type?: string;
  arg1?: number;
  arg2?: number;
}

export interface ChooseArgDocument {
  bucket_id: number;
  /** Weights as people write them: 1 for 0x10000. */
  weight_set?: number[][];
  ids?: number[];
}

interface TunablesDocument {
  choose_local_tries: number;
  choose_local_fallback_tries: number;
  choose_total_tries: number;
  chooseleaf_descend_once: number;
  chooseleaf_vary_r: number;
  chooseleaf_stable: number;
  straw_calc_version: number;
  allowed_bucket_algs: number;
}
