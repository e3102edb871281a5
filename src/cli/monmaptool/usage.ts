/** What `monmaptool --help` prints: its options, in our words. */
export const USAGE = `usage: monmaptool [options] MAPFILE
   --create [--clobber] [--fsid UUID]   make a map, over one that is there with --clobber
   --generate                           put in the monitors that the configuration names (-c FILE, -m HOSTS)
   --set-initial-members                keep those of mon_initial_members only
   --add NAME ADDR[:PORT]               add a monitor with the usual addresses
   --addv NAME [v2:ADDR:PORT,v1:ADDR:PORT]
                                        add a monitor with these addresses
   --rm NAME                            remove a monitor
   --enable-all-features                demand all that this release can do
   --feature-set NAME|BITS [--optional|--persistent]
   --feature-unset NAME|BITS [--optional|--persistent]
   --feature-list [plain|parseable]     what the map demands and what this release knows
   --set-min-mon-release NAME           oldest release of a monitor
   -p, --print                          the map as text
`;
