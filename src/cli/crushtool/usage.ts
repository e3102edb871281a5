/** What `--help` prints. */
export const USAGE = `usage: sepiola crushtool [options]

Reads or makes a CRUSH map, changes it, shows or tests it, and writes it, always in that order.
In names of options - and _ are the same; a value may follow as --option value or --option=value.

Where the map comes from (without any of these it is empty):

  -i, --infn FILE          a binary map; - for standard input
  -d, --decompile FILE     a binary map, which is then printed as text, or written as text with -o
  -c, --compile FILE       a map as text
  --import-json FILE       a map as JSON, as --export-json or 'ceph osd crush dump' writes it
  --import-xml FILE        a map as XML, as --export-xml writes it
  --build --num_osds N NAME ALGORITHM SIZE ...
                           N devices in layers, from the lowest: buckets NAME0, NAME1 ... of SIZE items;
                           size 0 makes one bucket NAME of everything. ALGORITHM is straw2, straw, list,
                           tree or uniform
  --enable-unsafe-tunables accepted; all tunables compile

Tunables:

  --set-choose-local-tries N, --set-choose-local-fallback-tries N, --set-choose-total-tries N,
  --set-chooseleaf-descend-once N, --set-chooseleaf-vary-r N, --set-chooseleaf-stable N,
  --set-straw-calc-version N, --set-allowed-bucket-algs MASK

Changes:

  --reweight-item NAME WEIGHT    weigh an item anew, and the buckets above it
  --remove-item NAME             remove a device or an empty bucket
  --add-item ID WEIGHT NAME      add a device at the place that --loc gives
  --update-item ID WEIGHT NAME   add a device or move it there, with this weight
  --add-bucket NAME TYPE         add a bucket, at the place that --loc gives if any
  --move NAME                    move a device or bucket to the place that --loc gives
  --loc TYPE NAME                part of a place; repeat it for each level
  --create-replicated-rule NAME ROOT TYPE
                                 a rule that spreads over buckets of TYPE below ROOT
  --create-simple-rule NAME ROOT TYPE MODE
                                 the same with firstn or indep as the mode
  --device-class CLASS           only devices of this class, for a new rule
  --remove-rule NAME             remove a rule
  --reweight                     make each bucket weigh what its devices weigh
  --rebuild-class-roots          make the trees of the device classes anew
  --set-subtree-class BUCKET CLASS
                                 give all devices below a bucket a class
  --reclassify                   turn parallel trees into device classes:
    --reclassify-root BUCKET CLASS
    --reclassify-bucket PATTERN CLASS PARENT
                                 PATTERN is a name, PREFIX% or %SUFFIX

Shown:

  --show-location ID       the buckets above a device
  --tree                   the trees as a table
  --bucket-tree -b NAME    the devices below a bucket (-b, --bucket-name)
  --dump [-f FORMAT]       everything; json-pretty, json, xml, xml-pretty, html,
                           html-pretty, table or table-kv (-f, --format)
  --export-json FILE       the whole map as JSON, nothing lost; - for standard output
  --export-xml FILE        the same as XML
  --check [MAX_ID]         complain of overlapping rules, and of items without name or type, or above MAX_ID
  --compare FILE           count the inputs that another binary map places elsewhere; takes the options of --test

Tests:

  -t, --test               place a range of inputs
  --min-x X, --max-x X, --x X            which inputs; 0 to 1023 without
  --min-rule R, --max-rule R, --rule R, --ruleset R
                                         which rules; all without
  --num-rep N              size of the results; every size that the rule serves without
  --pool-id ID             hash the inputs with a pool's id
  --weight DEVICE W        weight of a device, 0 to 1
  --mark-down-ratio R, --mark-down-bucket-ratio R
                           take out a share of the devices in a share of the lowest buckets
  --batches N              rounds that the data files tell apart
  -s, --simulate           place by a random generator instead of the map
  --show-mappings, --show-bad-mappings, --show-statistics, --show-utilization,
  --show-utilization-all, --show-choose-tries
  --output-csv             write data files; --help-output says which
  --output-name NAME       begin their names with NAME-

Written:

  -o, --outfn FILE         the changed map, binary; or the text of -d
  -v, --verbose            say more
  -h, --help               this text
`;

/** What `--help-output` prints. */
export const DATA_FILES = `Data files of --output-csv, one of each kind per rule, named RULE-KIND.csv. Rows begin with a device's id,
an input, or the number of a round.

  absolute_weights          device: weight
  proportional_weights      device that is in: share of all weight
  proportional_weights_all  device: share of all weight
  placement_information     input: devices it is placed on
  device_utilization        device in use: objects stored, objects expected
  device_utilization_all    device: objects stored, objects expected
  batch_device_utilization_all, batch_device_expected_utilization_all
                            round: objects stored on each device; only with --batches
`;
