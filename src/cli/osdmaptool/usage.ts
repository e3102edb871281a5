/** What `osdmaptool --help` prints: its options, in our words. */
export const USAGE = `usage: osdmaptool [options] MAPFILE
  make a map
   --createsimple N        N OSDs below one host; none of them exists yet
   --create-from-conf      the OSDs that the sections [osd.N] of the configuration (-c FILE) name
   --with-default-pool     with either: also the pool 'rbd'
   --pg-bits N             its pg_num is the number of OSDs shifted left by N [6]
   --pgp-bits N            likewise its pgp_num [6]
   --clobber               overwrite MAPFILE; without a way to make a map, begin with an empty one
  change it, in memory unless something below writes it
   --mark-up-in            every OSD is up and in
   --mark-up ID            one OSD is up
   --mark-in ID            one OSD is in
   --mark-out ID           one OSD is up and out
   --adjust-crush-weight ID:WEIGHT[,ID:WEIGHT...]
   --clear-temp            forget pg_temp and primary_temp
   --clean-temps           look for pg_temp that is not needed
   --import-crush FILE     take the CRUSH map of FILE; writes MAPFILE
   --save                  write MAPFILE after --adjust-crush-weight or --upmap
  even it out
   --upmap-cleanup FILE    commands that remove upmaps without use, to FILE (- for stdout)
   --upmap FILE            the same, then commands that even out the PGs per OSD
   --upmap-max N           at most N of these [10]
   --upmap-deviation N     PGs by which an OSD may miss its share [5]
   --upmap-pool NAME       only this pool; may be repeated
   --upmap-active          apply them and go on until nothing is left to do
  show it
   -p, --print             as text
   --dump FORMAT           plain, json or json-pretty
   --tree[=FORMAT]         the CRUSH tree: plain, json or json-pretty
   --health                what is wrong with it
   --export-crush FILE     its CRUSH map
   --test-map-object NAME  where an object lives; --pool ID [1]
   --test-map-pg PGID      where a PG lives
   --test-map-pgs          how many PGs each OSD has; --pool ID, --pg_num N
   --test-map-pgs-dump     the same after a line per PG
   --test-map-pgs-dump-all the same with what CRUSH chose before any override
   --test-random           with these: place at random instead, to compare
   --test-crush            map all PGs again and again until stopped
   --range-first N --range-last N
                           only decode the maps MAPFILE/N
`;
